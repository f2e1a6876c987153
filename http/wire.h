#pragma once
// The text of what we send: heads of replies and requests. Values from outside can add no line.

#include <string>
#include <string_view>

#include "http/client.h"
#include "http/server.h"

namespace cube::http {

std::string_view status_text(int status);  // "Not Found"; "Unknown" for what has no name
bool status_has_body(int status);          // not 1xx, 204 and 304

enum class Framing { none, content_length, chunked, until_close };

struct ReplyFrame {
  Framing framing = Framing::content_length;
  bool http11 = true;
  bool close = false;
  std::int64_t now_s = 0;  // seconds since 1970, for the Date header
};

// From the status line to the empty line. A control character in a header value becomes a space.
std::string reply_head(const Response& response, const ReplyFrame& frame);

// `bytes` as one chunk. REQUIRES: not empty (that would end the body).
void append_chunk(std::string& out, std::string_view bytes);

// An error if method, target or a header holds what cannot be sent.
Result<std::string> request_head(const Endpoint& endpoint, const Call& call);

}  // namespace cube::http
