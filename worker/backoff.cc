#include "worker/backoff.h"

#include <algorithm>

#include "base/assert.h"
#include "base/limits.h"

namespace cube::worker {

Duration restart_delay(std::uint32_t ends_in_a_row, std::uint64_t chance) {
  CUBE_ASSERT(chance <= backoff_chance_max);
  if (ends_in_a_row <= 1) return Duration::zero();
  Duration delay = limits::restart_backoff_first;
  for (std::uint32_t n = 2; n < ends_in_a_row && delay < limits::restart_backoff_max; ++n) {
    delay *= 2;
  }
  delay = std::min<Duration>(delay, limits::restart_backoff_max);
  return delay + delay * static_cast<std::int64_t>(chance) /
                     static_cast<std::int64_t>(10 * backoff_chance_max);
}

Duration remaining(Duration delay, WallTime decided, WallTime now) {
  return std::clamp(delay - (now - decided), Duration::zero(), delay);
}

}  // namespace cube::worker
