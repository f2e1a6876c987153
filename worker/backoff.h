#pragma once
// How long to wait before the next restart. Pure.

#include <cstdint>

#include "base/time.h"

namespace cube::worker {

// The pause before the restart that follows the `ends_in_a_row`-th container that ended without a
// good run between: none after the first, then limits::restart_backoff_first, doubling up to
// limits::restart_backoff_max. `chance`, uniform in [0, backoff_chance_max], adds up to 10 %.
inline constexpr std::uint64_t backoff_chance_max = 1000;
Duration restart_delay(std::uint32_t ends_in_a_row, std::uint64_t chance);

// What is left of a pause of `delay` that was decided at `decided`, by the calendar: what a
// restarted worker goes by. Never more than `delay`, whatever the calendar did meanwhile.
Duration remaining(Duration delay, WallTime decided, WallTime now);

}  // namespace cube::worker
