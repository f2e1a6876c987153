// The head and body of a request, as either daemon's listener reads them.
//
// What is accepted is accepted however it was cut into pieces; it can be read again from what it
// was understood as; and a reader that shares no code with ours, http-parser, finds the same
// request in the same bytes: nobody in between can have seen another one.

#include <http_parser.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "http/origin_check.h"
#include "http/parser.h"
#include "http/wire.h"
#include "tests/fuzz/target.h"

using namespace cube;
using namespace cube::http;

namespace {

constexpr std::size_t header_bytes_max = 1024, body_bytes_max = 1024;

struct Verdict {
  RequestParser::State state = RequestParser::State::head;
  int refused_with = 0;
  Request request;
  std::size_t taken = 0;

  bool done() const { return state == RequestParser::State::done; }
};

Verdict conclude(RequestParser& parser, std::size_t taken) {
  Verdict verdict;
  verdict.state = parser.state();
  verdict.taken = taken;
  if (verdict.state == RequestParser::State::refused) {
    verdict.refused_with = parser.refusal().status;
    CUBE_ASSERT(verdict.refused_with >= 400 && verdict.refused_with < 600);
    CUBE_ASSERT(!parser.refusal().message.empty());
  }
  if (verdict.done()) verdict.request = parser.take();
  return verdict;
}

Verdict read_whole(std::string_view bytes) {
  RequestParser parser(header_bytes_max, body_bytes_max);
  const std::size_t taken = parser.feed(bytes);
  CUBE_ASSERT(taken <= bytes.size());
  return conclude(parser, taken);
}

// As a session does: what was not taken comes again, with more behind it.
Verdict read_pieces(std::string_view bytes) {
  RequestParser parser(header_bytes_max, body_bytes_max);
  std::string waiting;
  std::size_t taken = 0;
  for (const auto piece : fuzz::pieces(bytes)) {
    waiting += piece;
    const std::size_t n = parser.feed(waiting);
    waiting.erase(0, n);
    taken += n;
    const auto state = parser.state();
    if (state == RequestParser::State::done || state == RequestParser::State::refused) break;
  }
  return conclude(parser, taken);
}

// --- The other reader ----------------------------------------------------------------------------

struct Other {
  std::string target, body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool headers_done = false, done = false;
};

Other& other_of(http_parser* parser) {
  return *static_cast<Other*>(parser->data);
}

http_parser_settings callbacks() {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = [](http_parser* p, const char* at, std::size_t n) {
    other_of(p).target.append(at, n);
    return 0;
  };
  settings.on_header_field = [](http_parser* p, const char* at, std::size_t n) {
    auto& other = other_of(p);
    if (other.headers_done) return 0;  // a trailer
    if (other.headers.empty() || !other.headers.back().second.empty()) other.headers.emplace_back();
    other.headers.back().first.append(at, n);
    return 0;
  };
  settings.on_header_value = [](http_parser* p, const char* at, std::size_t n) {
    auto& other = other_of(p);
    if (other.headers_done) return 0;
    if (n > 0 || other.headers.back().second.empty()) other.headers.back().second += ' ';
    other.headers.back().second.append(at, n);
    return 0;
  };
  settings.on_headers_complete = [](http_parser* p) {
    other_of(p).headers_done = true;
    return 0;
  };
  settings.on_body = [](http_parser* p, const char* at, std::size_t n) {
    other_of(p).body.append(at, n);
    return 0;
  };
  settings.on_message_complete = [](http_parser* p) {
    other_of(p).done = true;
    http_parser_pause(p, 1);
    return 0;
  };
  return settings;
}

// Methods that it does not know, what it takes for the beginning of another protocol, and names
// that only begin like Transfer-Encoding, which it takes for that field.
bool is_beyond_other(const http_parser& parser, const Request& request) {
  constexpr std::string_view coding = "transfer-encoding";
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with(coding) && name != coding) return true;
  }
  return HTTP_PARSER_ERRNO(&parser) == HPE_INVALID_METHOD || request.method == "CONNECT" ||
         request.header("upgrade").has_value();
}

void compare(std::string_view bytes, const Verdict& ours) {
  static const http_parser_settings settings = callbacks();
  Other other;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &other;
  http_parser_execute(&parser, &settings, bytes.data(), bytes.size());
  const auto& request = ours.request;
  if (is_beyond_other(parser, request)) return;
  if (!other.done) {
    assertion_failed(std::string("http-parser: ") +
                     http_errno_description(HTTP_PARSER_ERRNO(&parser)));
  }
  CUBE_ASSERT(http_method_str(static_cast<http_method>(parser.method)) == request.method);
  CUBE_ASSERT(other.body == request.body);
  CUBE_ASSERT(other.headers.size() == request.headers.size());
  for (std::size_t i = 0; i < other.headers.size(); ++i) {
    CUBE_ASSERT(equal_ignoring_case(other.headers[i].first, request.headers[i].first));
  }
}

// --- Reading again -------------------------------------------------------------------------------

void read_again(const Request& request) {
  Call call;
  call.method = request.method;
  call.target.clear();
  bool is_first = true;  // and empty: the path begins with '/'
  for (const auto segment : fuzz::split(request.path, '/')) {
    call.target += (std::exchange(is_first, false) ? "" : "/") + url_encode(segment);
  }
  for (const auto& [name, value] : request.query) {
    call.target += (call.target.find('?') == std::string::npos ? "?" : "&") + url_encode(name) +
                   "=" + url_encode(value);
  }
  call.body = request.body;
  auto text = request_head({{}, "localhost", 1}, call);
  CUBE_ASSERT(text.ok());
  RequestParser parser(64 * 1024, body_bytes_max);
  const std::string whole = *text + call.body;
  CUBE_ASSERT(parser.feed(whole) == whole.size());
  CUBE_ASSERT(parser.state() == RequestParser::State::done);
  const Request again = parser.take();
  CUBE_ASSERT(again.method == request.method);
  CUBE_ASSERT(again.path == request.path);
  CUBE_ASSERT(again.query == request.query);
  CUBE_ASSERT(again.body == request.body);
}

bool is_long(const Verdict& verdict) {
  return verdict.refused_with == 431 || verdict.refused_with == 413;
}

}  // namespace

FUZZ_TARGET(http_request) {
  const Verdict whole = read_whole(bytes);
  const Verdict cut = read_pieces(bytes);
  CUBE_ASSERT(whole.state == cut.state);
  // What is malformed and too long is refused for whichever is seen first.
  CUBE_ASSERT(whole.refused_with == cut.refused_with || is_long(whole) || is_long(cut));
  if (!whole.done()) return;
  CUBE_ASSERT(whole.taken == cut.taken);
  CUBE_ASSERT(whole.request.method == cut.request.method);
  CUBE_ASSERT(whole.request.path == cut.request.path);
  CUBE_ASSERT(whole.request.query == cut.request.query);
  CUBE_ASSERT(whole.request.headers == cut.request.headers);
  CUBE_ASSERT(whole.request.body == cut.request.body);
  CUBE_ASSERT(whole.request.path.starts_with('/'));
  CUBE_ASSERT(is_valid_utf8(whole.request.path));
  CUBE_ASSERT(whole.request.body.size() <= body_bytes_max);
  compare(bytes.substr(0, whole.taken), whole);
  read_again(whole.request);
  if (auto refusal = check_origin(whole.request, true)) CUBE_ASSERT(refusal->status == 403);
}
