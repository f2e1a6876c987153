// So many requests of one client within a span: never more, in bounded memory.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>

#include "base/rng.h"
#include "ingress/rate_limit.h"

using namespace cube;
using namespace cube::ingress;

namespace {
constexpr Instant t0{7'000'000'123};
}

TEST_CASE("a hundred a minute, then nothing until there is room") {
  RateLimit limit(100, 1min);
  for (int i = 0; i < 100; ++i) REQUIRE(!limit.take("a", t0));
  const auto wait = limit.take("a", t0);
  REQUIRE(wait);
  CHECK(*wait > 0s);
  CHECK(*wait <= 2min);
  CHECK(!limit.take("b", t0));  // others are not touched
  CHECK(limit.take("a", t0 + 10s));
  CHECK(!limit.take("a", t0 + *wait));
  CHECK(!limit.take("a", t0 + 5min));
}

TEST_CASE("to wait as long as it says is enough, whatever the pattern") {
  Rng rng(11);
  for (int round = 0; round < 200; ++round) {
    RateLimit limit(static_cast<std::uint32_t>(1 + rng.below(20)), 10s);
    Instant now = t0 + Duration(static_cast<std::int64_t>(rng.below(20'000'000)));
    for (int i = 0; i < 60; ++i) {
      if (const auto wait = limit.take("a", now)) {
        CAPTURE(wait->count());
        now = now + *wait;
        REQUIRE(!limit.take("a", now));
      }
      now = now + Duration(static_cast<std::int64_t>(rng.below(400'000)));
    }
  }
}

TEST_CASE("an even pace gets the limit, the worst bursts less than twice as much") {
  Rng rng(5);
  for (const std::int64_t pace_us : {1'000, 50'000, 90'000, 400'000}) {
    RateLimit limit(10, 1s);
    std::deque<Instant> passed;
    Instant now = t0;
    for (int i = 0; i < 5000; ++i) {
      now = now + Duration(static_cast<std::int64_t>(rng.below(2 * pace_us)));
      if (limit.take("a", now)) continue;
      passed.push_back(now);
      while (passed.front() + 1s <= now) passed.pop_front();
      REQUIRE(passed.size() < 20);
    }
  }
  RateLimit limit(10, 1s);
  int count = 0;
  for (int i = 0; i < 10'000; ++i) count += limit.take("a", t0 + 1ms * i) ? 0 : 1;
  CHECK(count <= 10 * 11);
  CHECK(count >= 10 * 9);
}

TEST_CASE("no number of clients takes more than bounded memory") {
  RateLimit limit(1, 1min);
  for (std::size_t i = 0; i < rate_clients_max + 1000; ++i) {
    limit.take(fmt::format("10.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255), t0);
  }
  CHECK(limit.clients() <= rate_clients_max + 1);
  CHECK(limit.take("10.9.9.9", t0));  // the newcomers share what is left to them
  CHECK(!limit.take("10.9.9.9", t0 + 3min));
  CHECK(limit.clients() == 1);
}

TEST_CASE("a client is an IPv4 address, or an IPv6 network of 64 bits") {
  CHECK(rate_client("192.0.2.7") == "192.0.2.7");
  CHECK(rate_client("2001:db8:0:1:2:3:4:5") == "2001:db8:0:1:");
  CHECK(rate_client("2001:db8:0:1::5") == rate_client("2001:db8:0:1:9::"));
  CHECK(rate_client("2001:db8::5") == rate_client("2001:db8::9:5"));
  CHECK(rate_client("2001:db8::5") != rate_client("2001:db9::5"));
}
