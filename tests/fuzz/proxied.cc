// Requests and replies on their way through the ingress.
//
// What is passed on is what was understood: written and read again it is the same, also to
// http-parser, which shares no code with ours. The verdict on a body does not depend on how its
// bytes were cut, and what is passed on of it is a whole body to the next reader.

#include <http_parser.h>

#include "ingress/body.h"
#include "ingress/head.h"
#include "tests/fuzz/target.h"

using namespace cube;
using namespace cube::ingress;
using http::HeadScanner;

namespace {

constexpr std::size_t head_bytes_max = 1024;

// Where the head ends; 0: it is refused, or not there.
std::size_t head_end(std::string_view bytes, HeadScanner::Of of) {
  HeadScanner whole(head_bytes_max, of), pieced(head_bytes_max, of);
  const bool refused = whole.scan(bytes).has_value();
  bool refused_pieced = false;
  std::size_t seen = 0;
  for (const auto piece : fuzz::pieces(bytes)) {
    seen += piece.size();
    refused_pieced = pieced.scan(bytes.substr(0, seen)).has_value();
    if (refused_pieced || pieced.end() > 0) break;
  }
  CUBE_ASSERT(refused == refused_pieced);
  CUBE_ASSERT(refused || whole.end() == pieced.end());
  return refused ? 0 : whole.end();
}

struct Body {
  std::string passed;
  std::size_t count = 0;
  bool done = false, error = false;
};

Body read_body(BodyReader reader, const std::vector<std::string_view>& pieces) {
  Body body;
  std::string store;
  for (const auto piece : pieces) {
    if (reader.done() || body.error) break;
    const auto taken = reader.feed(piece, store);
    CUBE_ASSERT(taken.count <= piece.size());
    body.passed += taken.pass;
    body.count += taken.count;
    body.error = taken.error != nullptr;
    CUBE_ASSERT(body.error || reader.done() || taken.count == piece.size());
  }
  body.done = reader.done();
  return body;
}

void check_body(std::string_view bytes) {
  using Framing = BodyReader::Framing;
  const auto whole = read_body(BodyReader(Framing::chunked, 0), {bytes});
  const auto pieced = read_body(BodyReader(Framing::chunked, 0), fuzz::pieces(bytes));
  CUBE_ASSERT(whole.passed == pieced.passed && whole.done == pieced.done);
  CUBE_ASSERT(whole.error == pieced.error && (whole.error || whole.count == pieced.count));
  const auto data = read_body(BodyReader(Framing::chunked, 0, true), {bytes});
  CUBE_ASSERT(data.done == whole.done && data.error == whole.error);
  if (!whole.done) return;
  const auto again = read_body(BodyReader(Framing::chunked, 0), {whole.passed});
  CUBE_ASSERT(again.done && again.passed == whole.passed && again.count == whole.passed.size());
  CUBE_ASSERT(read_body(BodyReader(Framing::chunked, 0, true), {again.passed}).passed ==
              data.passed);
  CUBE_ASSERT(data.passed.size() <= whole.passed.size());
}

void check_other(const std::string& head, const RequestHead& request) {
  http_parser parser;
  http_parser_settings settings;
  http_parser_init(&parser, HTTP_REQUEST);
  http_parser_settings_init(&settings);
  // It knows the methods that are registered, and no others.
  const std::size_t taken = http_parser_execute(&parser, &settings, head.data(), head.size());
  if (HTTP_PARSER_ERRNO(&parser) == HPE_INVALID_METHOD) return;
  CUBE_ASSERT(HTTP_PARSER_ERRNO(&parser) == HPE_OK);
  CUBE_ASSERT(taken == head.size());
  CUBE_ASSERT(((parser.flags & F_CHUNKED) != 0) == request.facts.chunked);
}

void check_request(std::string_view bytes) {
  const std::size_t end = head_end(bytes, HeadScanner::Of::request);
  if (end == 0) return;
  RequestHead request;
  if (const auto refusal = read_request(bytes.substr(0, end), request)) {
    CUBE_ASSERT(refusal->status >= 400 && refusal->status < 600 && !refusal->message.empty());
    return;
  }
  std::string head;
  write_request(head, request, {"", "192.0.2.7", "web", 80});
  HeadScanner scanner(head_bytes_max + 1024);
  CUBE_ASSERT(!scanner.scan(head) && scanner.end() == head.size());
  RequestHead again;
  CUBE_ASSERT(!read_request(head, again));
  CUBE_ASSERT(again.method == request.method && again.path == request.path);
  CUBE_ASSERT(again.query == request.query && again.facts.chunked == request.facts.chunked);
  CUBE_ASSERT(again.facts.content_length == request.facts.content_length);
  CUBE_ASSERT(request.host.empty() || again.host == request.host);
  CUBE_ASSERT(again.websocket == request.websocket);
  CUBE_ASSERT(head.find("\r\nX-Forwarded-For: ") == head.rfind("\r\nX-Forwarded-For: "));
  if (!request.websocket) check_other(head, request);
  if (request.facts.chunked) check_body(bytes.substr(end));
}

void check_reply(std::string_view bytes) {
  const std::size_t end = head_end(bytes, HeadScanner::Of::reply);
  if (end == 0) return;
  ReplyHead reply;
  if (read_reply_head(bytes.substr(0, end), reply)) return;
  CUBE_ASSERT(reply.facts.status >= 100 && reply.facts.status <= 999);
  std::string head;
  ReplyChanges changes;
  changes.chunked = reply.facts.chunked;
  write_reply(head, reply, changes);
  HeadScanner scanner(head_bytes_max + 1024, HeadScanner::Of::reply);
  CUBE_ASSERT(!scanner.scan(head) && scanner.end() == head.size());
  ReplyHead again;
  CUBE_ASSERT(!read_reply_head(head, again));
  CUBE_ASSERT(again.facts.status == reply.facts.status);
  CUBE_ASSERT(again.facts.chunked == reply.facts.chunked);
  CUBE_ASSERT(again.facts.content_length == reply.facts.content_length);
}

}  // namespace

FUZZ_TARGET(proxied) {
  check_request(bytes);
  check_reply(bytes);
  check_body(bytes);
}
