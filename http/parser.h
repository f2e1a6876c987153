#pragma once
// Incremental readers of one HTTP/1 message each (Boost.Beast's parser behind a plain header).
// They own no socket: bytes in, message out.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "http/head_check.h"
#include "http/server.h"

namespace cube::http {

// Reads one request strictly. Trailers are checked and dropped: they never become headers.
class RequestParser {
 public:
  enum class State { head, body, done, refused };

  RequestParser(std::size_t header_bytes_max, std::size_t body_bytes_max);
  ~RequestParser();

  // Takes what it can from the front of `bytes` and returns how many; the rest, with what comes
  // later behind it, is for the next call. Stops at the end of the request.
  std::size_t feed(std::string_view bytes);

  State state() const;
  const Refusal& refusal() const;  // REQUIRES: state() == refused
  // The head is whole and the client waits for a word before it sends the body.
  bool expects_continue() const;
  std::size_t body_bytes() const;  // read so far
  bool http11() const;
  bool keep_alive() const;  // REQUIRES: state() is body or done
  Request take();           // REQUIRES: state() == done

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads one reply; interim ones (100 and its like) are skipped.
class ReplyParser {
 public:
  using OnBody = std::function<void(std::string_view)>;

  // `to_head`: the reply to HEAD, which has no body whatever its header says. `body_bytes_max` 0:
  // without limit.
  ReplyParser(bool to_head, std::size_t body_bytes_max, OnBody on_body);
  ~ReplyParser();

  // As RequestParser::feed; also stops after the head, so that it can be looked at before the body
  // goes to `on_body`. An error ends the reply.
  Result<std::size_t> feed(std::string_view bytes);
  // The connection was closed. Success if the reply may end so.
  Result<void> feed_eof();

  bool head_done() const;
  bool done() const;
  bool keep_alive() const;  // REQUIRES: done()
  Answer& head();           // status and headers; REQUIRES: head_done()

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cube::http
