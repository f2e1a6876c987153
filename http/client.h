#pragma once
// `Client`: an asynchronous HTTP/1.1 client over TCP or a unix socket, with kept-alive connections
// and one deadline over the whole call (connect, send, receive).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "http/loop.h"

namespace cube::http {

// "unix:///path" or "host:port".
struct Endpoint {
  std::string unix_path;  // not empty: a unix socket
  std::string host;
  std::uint16_t port = 0;
  static Result<Endpoint> parse(std::string_view text, std::uint16_t default_port);
  std::string str() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct Call {
  std::string method = "GET";
  std::string target = "/";  // path and query, encoded
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  Duration deadline = 10s;
  std::size_t body_bytes_max = limits::http_body_bytes_max;
  // Use a connection of its own and close it (calls that may answer 304 or be hijacked).
  bool fresh_connection = false;
  // Upgrade to a raw byte stream after the head (docker exec/attach): `Upgrade: tcp`.
  bool hijack = false;
};

struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string peer_ip;  // who answered; empty for a unix socket
  std::optional<std::string> header(std::string_view lower_case_name) const;
};

// Errors of a call: `unavailable` = refused, no such socket, name not found, or closed before the
// end of the answer; `timeout` = deadline; `too_large`; `corrupt` = not HTTP; `invalid` = a target
// or header that cannot be sent. Messages begin with the endpoint.
using OnAnswer = std::function<void(Result<Answer>)>;

// A reply read piece by piece, without end to its length. No deadline after the head.
struct StreamHandlers {
  std::function<void(const Answer& head)> on_head;      // body empty
  std::function<void(std::string_view bytes)> on_data;  // decoded from chunks
  std::function<void(Result<void>)> on_end;  // once, unless the handle is destroyed before
};

class CallHandle {
 public:
  virtual ~CallHandle() = default;  // ends the call; no callback runs after it

  // Stops reading from the socket, so that the sender has to wait, and goes on. What has been read
  // already (at most 64 KiB) still comes; the head does too. On the loop's thread; twice is once.
  // While a call is paused its end is not seen.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

class Client {
 public:
  explicit Client(Loop& loop);  // which must outlive the client
  // Ends every call; no callback runs after it.
  ~Client();

  // From any thread; the callback runs once on the loop's thread.
  void call(const Endpoint& endpoint, Call call, OnAnswer on_answer);
  // On the loop's thread only. `call.deadline` bounds the time to the head.
  [[nodiscard]] std::unique_ptr<CallHandle> stream(const Endpoint& endpoint, Call call,
                                                   StreamHandlers handlers);
  // Does a TCP connection open within `deadline`? (tcp health checks)
  void connect(const Endpoint& endpoint, Duration deadline, std::function<void(Result<void>)>);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Percent-encodes everything but unreserved characters (RFC 3986, 2.3).
std::string url_encode(std::string_view text);
Result<std::string> url_decode(std::string_view text, bool plus_is_space);

}  // namespace cube::http
