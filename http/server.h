#pragma once
// `Server`: an asynchronous HTTP/1.1 server (Boost.Beast behind a plain header) with limits on
// header, body, time and connections. What two parsers could read differently is refused with 400.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "http/loop.h"

namespace cube::http {

struct Request {
  std::string method;  // upper case
  std::string path;    // decoded, without query; always begins with '/'
  std::vector<std::pair<std::string, std::string>> query;    // decoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string peer;  // "127.0.0.1", of the socket: no header can shadow it

  std::optional<std::string> query_value(std::string_view name) const;
  std::optional<std::string> header(std::string_view lower_case_name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

// Answers one request. May be kept and used later, from any thread; the reply goes out once. If it
// is destroyed unused the client gets a 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void send(Response) = 0;

  // For open-ended replies: sends the head (chunked), then what is written. write() returns false
  // when the client has gone or reads too slowly (over 1 MiB waiting): the reply is then cut off,
  // so that a gap is never taken for the whole. close() ends the reply; abort() cuts it off behind
  // what was written. From any thread.
  //
  // A writer whose source can wait loses nothing: it stops when waiting_bytes() is above
  // limits::http_stream_high_water_bytes, and goes on when on_drained's function is called. That
  // happens on the loop's thread, each time the waiting bytes are down to
  // limits::http_stream_low_water_bytes after a write() took them above the high mark. A writer on
  // another thread has to look at waiting_bytes() again after it has decided to stop.
  class Body {
   public:
    virtual ~Body() = default;  // closes
    virtual bool write(std::string_view bytes) = 0;
    virtual void close() = 0;
    virtual void abort() = 0;
    virtual void on_gone(std::function<void()>) = 0;     // the client hung up; on the loop's thread
    virtual void on_drained(std::function<void()>) = 0;  // not after close() or on_gone's call
    virtual std::size_t waiting_bytes() const = 0;       // never over 1 MiB, or one write()
  };
  virtual std::shared_ptr<Body> stream(Response head) = 0;
};

using Handler = std::function<void(Request, std::shared_ptr<Responder>)>;  // on the loop's thread

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system chooses
  std::size_t header_bytes_max = limits::http_header_bytes_max;
  std::size_t body_bytes_max = limits::http_body_bytes_max;
  std::size_t connections_max = limits::http_connections_max;
  std::size_t held_bytes_max = limits::http_held_bytes_max;  // of all connections together
  Duration header_timeout = limits::http_header_timeout;
  Duration body_timeout = limits::http_body_timeout;
  Duration stream_timeout = limits::http_stream_timeout;
  Duration idle_timeout = limits::http_idle_timeout;
};

class Server {
 public:
  // Binds and listens; errors name address, port and cause ("in use"). `loop` must outlive the
  // server; responders may outlive both.
  static Result<std::unique_ptr<Server>> listen(Loop& loop, ServerOptions options, Handler handler);
  virtual ~Server() = default;  // closes the listener and all connections
  virtual std::uint16_t port() const = 0;
  virtual std::size_t connections() const = 0;
};

// An error reply as the contract wants it: {"HTTPStatusCode":400,"Message":"..."}.
Response error_response(int status, std::string_view message);
Response error_response(const Error& error);

}  // namespace cube::http
