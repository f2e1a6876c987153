// The names of the policies.

#include <fmt/format.h>

#include "scheduler/scheduler.h"

namespace cube::scheduler {

std::string_view name(Policy policy) {
  switch (policy) {
    case Policy::roundrobin:
      return "roundrobin";
    case Policy::epvm:
      return "epvm";
    case Policy::spread:
      return "spread";
    case Policy::binpack:
      return "binpack";
  }
  CUBE_UNREACHABLE();
}

Result<Policy> policy_from(std::string_view text) {
  for (const Policy p : {Policy::roundrobin, Policy::epvm, Policy::spread, Policy::binpack}) {
    if (name(p) == text) return p;
  }
  return Error{
      Code::invalid,
      fmt::format("unknown scheduler \"{}\"; known are epvm, roundrobin, spread, binpack", text)};
}

}  // namespace cube::scheduler
