// A reply, as the manager reads a worker's and a worker the engine's: the first byte says whether
// it answers HEAD and whether its body has a limit.

#include "http/parser.h"
#include "tests/fuzz/target.h"

using namespace cube;
using namespace cube::http;

namespace {

constexpr std::size_t body_bytes_max = 512;

struct Read {
  bool ok = true, done = false, keep_alive = false;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(const std::vector<std::string_view>& pieces, bool to_head, bool limited) {
  Read out;
  ReplyParser parser(to_head, limited ? body_bytes_max : 0,
                     [&](std::string_view bytes) { out.body += bytes; });
  std::string waiting;
  const auto step = [&](Result<std::size_t> taken) {
    if (!taken.ok()) {
      out.ok = false;
      return false;
    }
    CUBE_ASSERT(*taken <= waiting.size());
    waiting.erase(0, *taken);
    return *taken > 0;
  };
  for (const auto piece : pieces) {
    waiting += piece;
    while (!parser.done() && step(parser.feed(waiting))) {
    }
    if (!out.ok || parser.done()) break;
  }
  if (out.ok && !parser.done()) {
    out.ok = parser.feed_eof().ok();
  }
  if (!out.ok) {
    out.body.clear();  // how much of it came before the fault depends on the pieces
    return out;
  }
  CUBE_ASSERT(parser.done() && parser.head_done());
  out.done = true;
  out.keep_alive = parser.keep_alive();
  out.status = parser.head().status;
  out.headers = parser.head().headers;
  CUBE_ASSERT(out.status >= 100 && out.status < 1000);
  CUBE_ASSERT(!limited || out.body.size() <= body_bytes_max);
  CUBE_ASSERT(!to_head || out.body.empty());
  return out;
}

}  // namespace

FUZZ_TARGET(http_reply) {
  if (bytes.empty()) return;
  const bool to_head = (bytes.front() & 1) != 0, limited = (bytes.front() & 2) != 0;
  bytes.remove_prefix(1);
  const Read whole = read({bytes}, to_head, limited);
  const Read cut = read(fuzz::pieces(bytes), to_head, limited);
  CUBE_ASSERT(whole == cut);
}
