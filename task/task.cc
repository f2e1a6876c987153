#include "task/task.h"

#include "base/assert.h"

namespace cube {

bool Task::is_terminal() const {
  if (status.observed == Observed::exited && status.final) return true;
  if (desired == Desired::run) return false;
  const bool on_no_node = status.observed == Observed::waiting && node.empty();
  return on_no_node || cube::is_terminal(status.observed);
}

WireState Task::wire_state() const {
  // What was stopped on request has done what it was asked for, whatever its process said.
  if (is_terminal()) {
    const bool failed = desired == Desired::run && status.failure != Failure::none;
    return failed ? WireState::failed : WireState::completed;
  }
  switch (status.observed) {
    case Observed::running:
    case Observed::stopping:
      return WireState::running;
    case Observed::waiting:  // a restart that waits for its back-off has a node
    case Observed::exited:   // not final: a restart follows
      return node.empty() ? WireState::pending : WireState::scheduled;
    case Observed::placed:
    case Observed::pulling:
    case Observed::creating:
    case Observed::starting:
      return WireState::scheduled;
    case Observed::lost:  // waits for its next attempt
      return WireState::pending;
  }
  CUBE_UNREACHABLE();
}

std::string_view Task::reason() const {
  // The manager's words say more while no worker has the task in hand.
  const bool unattended =
      status.observed == Observed::lost || (status.observed == Observed::waiting && node.empty());
  if (unattended && !is_terminal() && !waits_for.empty()) return waits_for;
  return status.reason.empty() ? std::string_view(waits_for) : std::string_view(status.reason);
}

}  // namespace cube
