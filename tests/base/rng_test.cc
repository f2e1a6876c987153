#include "base/rng.h"

#include <doctest/doctest.h>

#include <array>
#include <set>

namespace cube {
namespace {

TEST_CASE("splitmix64 gives the numbers of its paper's program") {
  Rng rng(1234567);
  CHECK(rng.next() == 6457827717110365317ULL);
  CHECK(rng.next() == 3203168211198807973ULL);
  CHECK(rng.next() == 9817491932198370423ULL);
}

TEST_CASE("below is in range and even") {
  Rng rng(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(rng.below(7));
  for (const int count : counts) {
    CHECK(count > 9'500);
    CHECK(count < 10'500);
  }
  CHECK(rng.below(1) == 0);
}

TEST_CASE("split generators are independent of each other and of later draws") {
  const Rng rng(5);
  Rng again(5);
  Rng jitter = rng.split("jitter"), ids = rng.split("ids");
  const auto first = jitter.next();
  CHECK(first != ids.next());
  CHECK(again.split("jitter").next() == first);
}

TEST_CASE("stable_hash is pinned: specs, ties and jitter are made of it") {
  CHECK(stable_hash("") == 0x48218226ff3cd4bfULL);
  CHECK(stable_hash("cube") == 0xeacbfc8aa22dd60dULL);
  CHECK(stable_hash("a longer text than eight bytes", 42) == 0xa9c7e10fa96f14dfULL);
}

TEST_CASE("stable_hash tells neighbours apart") {
  std::set<std::uint64_t> seen;
  std::string text;
  for (int i = 0; i < 64; ++i) {
    CHECK(seen.insert(stable_hash(text)).second);
    CHECK(seen.insert(stable_hash(text, 1)).second);
    text.push_back('\0');  // only the length differs
  }
}

}  // namespace
}  // namespace cube
