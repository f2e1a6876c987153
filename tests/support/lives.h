#pragma once
// Random tests by seeds: each seed is one life of a cluster, in trouble first and then in peace.

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/support/rounds.h"

namespace cube::test {

// Lives `usual` lives and fails for what is not as asked at the end of each. CUBE_SEED begins with
// another one and lives it alone, or CUBE_SEEDS of them.
template <class Life>
void each_life(std::uint64_t usual) {
  const char* from = std::getenv("CUBE_SEED");
  const char* count = std::getenv("CUBE_SEEDS");
  const std::uint64_t first = from != nullptr ? std::stoull(from) : 1;
  const std::uint64_t seeds = count != nullptr  ? std::stoull(count)
                              : from != nullptr ? 1
                                                : rounds(usual);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Life life(seed);
    life.trouble();
    life.heal();
    for (const std::string& c : life.complaints()) FAIL_CHECK("CUBE_SEED=" << seed << ": " << c);
    if (from != nullptr && count == nullptr) MESSAGE(life.world().history());
  }
}

}  // namespace cube::test
