#pragma once
// Time as the cores see it: a value that is handed in, never read from a clock.
//
// Two clocks are kept apart by type. `Instant` is monotonic and is what every decision (deadline,
// back-off, lease) is made of. `WallTime` is the calendar, only ever shown or recorded: a jump of
// the calendar must change nothing but what is displayed.

#include <chrono>
#include <compare>
#include <cstdint>

namespace cube {

// A span of time. Microseconds are fine enough for every deadline and fit 292,000 years.
using Duration = std::chrono::duration<std::int64_t, std::micro>;

using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

// A point on the monotonic clock of this machine's boot. Only differences mean something.
struct Instant {
  std::int64_t us = 0;

  static constexpr Instant never() { return {INT64_MAX}; }
  constexpr bool is_never() const { return us == INT64_MAX; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant t, Duration d) {
    return t.is_never() ? t : Instant{t.us + d.count()};
  }
  friend constexpr Instant operator-(Instant t, Duration d) {
    return t.is_never() ? t : Instant{t.us - d.count()};
  }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration(a.us - b.us); }
};

// Microseconds since 1970-01-01T00:00:00Z; 0 means "not yet" and is shown as
// `0001-01-01T00:00:00Z` on the wire (Go's zero time, which old clients know).
struct WallTime {
  std::int64_t us = 0;

  constexpr bool is_zero() const { return us == 0; }
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
  friend constexpr WallTime operator+(WallTime t, Duration d) { return {t.us + d.count()}; }
  friend constexpr Duration operator-(WallTime a, WallTime b) { return Duration(a.us - b.us); }
};

// What a shell hands to `step`: both clocks, read once per step.
struct Now {
  Instant mono;  // stands still while the machine is suspended (CLOCK_MONOTONIC)
  WallTime wall;
  Duration suspended{};  // since the boot (CLOCK_BOOTTIME less CLOCK_MONOTONIC)

  // What a worker's lease is measured by: it runs on in suspend, for the manager's clock does too.
  constexpr Instant lease_clock() const { return mono + suspended; }
};

}  // namespace cube
