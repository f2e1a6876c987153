#pragma once
// The one place where the daemons read clocks.

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/time.h"

namespace cube::daemon {

// CLOCK_BOOTTIME: CLOCK_MONOTONIC and the time that the machine spent suspended.
inline Instant read_lease_clock() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return {static_cast<std::int64_t>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000};
}

// The lease's clock is read last, so that a lease never seems to last longer than it does.
inline Now read_clock() {
  const auto mono = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const Instant now{std::chrono::duration_cast<Duration>(mono).count()};
  return {now,
          {std::chrono::duration_cast<Duration>(wall).count()},
          std::max(Duration{}, read_lease_clock() - now)};
}

inline std::chrono::steady_clock::time_point to_steady(Instant t) {
  return std::chrono::steady_clock::time_point(Duration(t.us));
}

}  // namespace cube::daemon
