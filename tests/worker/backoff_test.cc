#include "worker/backoff.h"

#include <doctest/doctest.h>

#include "base/limits.h"

namespace cube::worker {
namespace {

TEST_CASE("restart_delay: immediate, then doubling to the limit") {
  struct Row {
    std::uint32_t ends;
    Duration delay;
  };
  const Row rows[] = {{0, 0s},    {1, 0s},    {2, 1s},    {3, 2s},
                      {4, 4s},    {5, 8s},    {9, 128s},  {10, 256s},
                      {11, 5min}, {12, 5min}, {99, 5min}, {UINT32_MAX, 5min}};
  for (const Row& row : rows) {
    CAPTURE(row.ends);
    CHECK(restart_delay(row.ends, 0) == row.delay);
    const Duration most = restart_delay(row.ends, backoff_chance_max);
    CHECK(most == row.delay + row.delay / 10);
  }
}

TEST_CASE("restart_delay: never shorter than without chance, never more than a tenth longer") {
  for (std::uint32_t ends = 0; ends < 20; ++ends) {
    const Duration least = restart_delay(ends, 0);
    for (std::uint64_t chance = 0; chance <= backoff_chance_max; chance += 50) {
      const Duration delay = restart_delay(ends, chance);
      CHECK(delay >= least);
      CHECK(delay <= least + least / 10);
    }
  }
}

TEST_CASE("remaining: clamped, whatever the calendar did") {
  const WallTime decided{1'000'000'000};
  CHECK(remaining(10s, decided, decided) == 10s);
  CHECK(remaining(10s, decided, decided + 4s) == 6s);
  CHECK(remaining(10s, decided, decided + 11s) == 0s);
  CHECK(remaining(10s, decided, decided + 24h) == 0s);
  CHECK(remaining(10s, decided, decided + -24h) == 10s);
  CHECK(remaining(0s, WallTime{}, decided) == 0s);
}

}  // namespace
}  // namespace cube::worker
