#pragma once
// `Program`: how a simulated container lives, written in its task's command.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "task/spec.h"

namespace cube::sim {

struct Program {
  std::optional<Duration> ends_after;
  std::int32_t exit_code = 0;
  Duration stops_after = 200ms;  // after the signal; longer than the grace: it is killed
  bool sick = false;             // no health check of it ever passes
};
// An image that no registry has.
inline constexpr std::string_view missing_image = "missing";

Program program_of(const TaskSpec& spec);
std::vector<std::string> command_of(const Program& program);

}  // namespace cube::sim
