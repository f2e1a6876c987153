#pragma once
// The one place where the daemons read clocks.

#include <chrono>

#include "base/time.h"

namespace cube::daemon {

inline Now read_clock() {
  const auto mono = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {{std::chrono::duration_cast<Duration>(mono).count()},
          {std::chrono::duration_cast<Duration>(wall).count()}};
}

inline std::chrono::steady_clock::time_point to_steady(Instant t) {
  return std::chrono::steady_clock::time_point(Duration(t.us));
}

}  // namespace cube::daemon
