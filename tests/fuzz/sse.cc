// Server-sent events, as `cube events --follow` reads them: how they are cut makes no difference.

#include "cli/sse.h"
#include "tests/fuzz/target.h"

using namespace cube;

FUZZ_TARGET(sse) {
  cli::SseReader at_once, by_pieces;
  const auto whole = at_once.feed(bytes);
  std::vector<std::string> cut;
  for (const auto piece : fuzz::pieces(bytes)) {
    for (auto& data : by_pieces.feed(piece)) cut.push_back(std::move(data));
  }
  CUBE_ASSERT(whole == cut);
  for (const auto& data : whole) CUBE_ASSERT(data.size() <= bytes.size());
}
