#include "http/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

#include "base/assert.h"

namespace cube::http {

namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_plain(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  return text;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string date(std::int64_t now_s) {
  const std::time_t t = now_s;
  std::tm parts{};
  gmtime_r(&t, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

std::string_view status_text(int status) {
  static constexpr std::pair<int, std::string_view> names[] = {
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Payload Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"}};
  const auto* found = std::find_if(std::begin(names), std::end(names),
                                   [status](const auto& entry) { return entry.first == status; });
  return found == std::end(names) ? "Unknown" : found->second;
}

bool status_has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string reply_head(const Response& response, const ReplyFrame& frame) {
  std::string out;
  auto add = std::back_inserter(out);
  fmt::format_to(add, "HTTP/1.{} {} {}\r\nDate: {}\r\n", frame.http11 ? 1 : 0, response.status,
                 status_text(response.status), date(frame.now_s));
  const bool has_body = status_has_body(response.status);
  if (has_body && !response.content_type.empty()) {
    fmt::format_to(add, "Content-Type: {}\r\n", one_line(response.content_type));
  }
  switch (frame.framing) {
    case Framing::content_length:
      if (has_body) fmt::format_to(add, "Content-Length: {}\r\n", response.body.size());
      break;
    case Framing::chunked:
      out += "Transfer-Encoding: chunked\r\n";
      break;
    case Framing::none:
    case Framing::until_close:
      break;
  }
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(add, "{}: {}\r\n", one_line(name), one_line(value));
  }
  if (frame.close) {
    out += "Connection: close\r\n";
  } else if (!frame.http11) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

void append_chunk(std::string& out, std::string_view bytes) {
  CUBE_ASSERT(!bytes.empty());
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out += bytes;
  out += "\r\n";
}

Result<std::string> request_head(const Endpoint& endpoint, const Call& call) {
  if (!is_plain(call.method) || !is_plain(call.target)) {
    return Error{Code::invalid, "a method or path with a space or control character"};
  }
  std::string out;
  auto add = std::back_inserter(out);
  fmt::format_to(add, "{} {} HTTP/1.1\r\nHost: {}\r\n", call.method, call.target,
                 endpoint.unix_path.empty() ? endpoint.str() : "docker");
  if (!call.body.empty()) fmt::format_to(add, "Content-Type: {}\r\n", call.content_type);
  // A body is expected with these methods: say that there is none.
  if (!call.body.empty() || call.method == "POST" || call.method == "PUT") {
    fmt::format_to(add, "Content-Length: {}\r\n", call.body.size());
  }
  for (const auto& [name, value] : call.headers) {
    if (!is_plain(name) || std::any_of(value.begin(), value.end(), is_control)) {
      return Error{Code::invalid, "a header with a line break or control character"};
    }
    fmt::format_to(add, "{}: {}\r\n", name, value);
  }
  if (call.hijack) {
    out += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  } else if (call.fresh_connection) {
    out += "Connection: close\r\n";
  }
  out += "\r\n";
  return out;
}

}  // namespace cube::http
