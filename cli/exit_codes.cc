#include "cli/exit_codes.h"

#include <array>

namespace cube::cli {

std::span<const ExitMeaning> exit_meanings() {
  static constexpr std::array<ExitMeaning, 8> meanings{{
      {exit_fine, "fine", "it is done"},
      {exit_failed, "failed",
       "the task failed, or the manager refused the request; of plan: it would change something"},
      {exit_usage, "usage", "the command line is wrong, or a file of it cannot be read"},
      {exit_not_converged, "not converged", "accepted, but not there yet when the time was up"},
      {exit_not_found, "not found", "no task, service or node is called so"},
      {exit_conflict, "conflict",
       "the name or prefix is ambiguous, or it is otherwise, or newer, than was taken for granted"},
      {exit_unreachable, "unreachable", "the manager cannot be reached or does not answer"},
      {exit_interrupted, "interrupted", "Ctrl-C while waiting; what was accepted goes on"},
  }};
  return meanings;
}

int exit_for(Code code) {
  switch (code) {
    case Code::not_found:
      return exit_not_found;
    case Code::conflict:
    case Code::stale:
      return exit_conflict;
    case Code::unavailable:
      return exit_unreachable;
    case Code::timeout:
    case Code::invalid:
    case Code::too_large:
    case Code::no_space:
    case Code::corrupt:
    case Code::internal:
      return exit_failed;
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube::cli
