// Deadlines of the timer wheel: none early, none lost, at most a tick late.

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "ingress/wheel.h"

using namespace cube;
using namespace cube::ingress;

namespace {

struct Alarm : Timed {
  void on_deadline() override {
    ++fired;
    if (then) then();
  }
  int fired = 0;
  std::function<void()> then;
};

}  // namespace

TEST_CASE("deadlines fire once, not early, and at most a tick late") {
  Instant now{123'456'789};
  Wheel wheel(now);
  Rng rng(3);
  struct Armed {
    std::unique_ptr<Alarm> alarm;
    Instant deadline;
  };
  std::vector<Armed> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back({std::make_unique<Alarm>(), now});
    // Often moved before it counts, to both sides; some are far beyond one round of the wheel.
    for (int moves = 0; moves < 3; ++moves) {
      all.back().deadline = now + Duration(static_cast<std::int64_t>(rng.below(90'000'000)));
      wheel.arm(*all.back().alarm, all.back().deadline);
    }
  }
  const Instant end = now + 100s;
  while (now < end) {
    now = now + Duration(static_cast<std::int64_t>(rng.below(50'000)));
    wheel.advance(now);
    for (const auto& armed : all) {
      if (armed.alarm->fired > 0) REQUIRE(armed.deadline <= now);
      if (armed.deadline + 2 * wheel_tick <= now) REQUIRE(armed.alarm->fired == 1);
    }
  }
}

TEST_CASE("a deadline may be taken back, set again, and its owner may go") {
  Instant now{0};
  Wheel wheel(now);
  Alarm back, again;
  auto gone = std::make_unique<Alarm>();
  wheel.arm(back, now + 1s);
  Wheel::disarm(back);
  wheel.arm(*gone, now + 1s);
  gone.reset();
  wheel.arm(again, now + 1s);
  again.then = [&] {
    if (again.fired < 3) wheel.arm(again, now + 1s);
  };
  for (int i = 0; i < 100; ++i) {
    now = now + 100ms;
    wheel.advance(now);
  }
  CHECK(back.fired == 0);
  CHECK(again.fired == 3);
}

TEST_CASE("it can be slept until there is something to do") {
  Instant now{0};
  Wheel wheel(now);
  CHECK(wheel.next(false) == Instant{} + wheel_tick);
  Alarm alarm;
  wheel.arm(alarm, now + 5s);
  const Instant next = wheel.next(true);
  CHECK(next >= now + 5s);
  CHECK(next <= now + 5s + 2 * wheel_tick);
  now = now + 3600s;  // a jump over many rounds loses nothing
  wheel.advance(now);
  CHECK(alarm.fired == 1);
}
