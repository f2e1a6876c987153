#include "cli/converge.h"

#include <string_view>

namespace cube::cli {
namespace {

// The scheduler's words for a task that is larger than every node it knows.
constexpr std::string_view kTooLarge = "no node is large enough";

// Waiting changes nothing by itself: too large for every node, or it failed on those there are and
// they are avoided for a while.
bool is_hopeless(const Task& task) {
  const bool unplaced = task.status.observed == Observed::waiting && task.node.empty();
  return unplaced &&
         (task.reason().find(kTooLarge) != std::string_view::npos || !task.avoided.empty());
}

}  // namespace

Convergence::Verdict Convergence::observe(Instant now, const Task& task) {
  const std::pair container{task.attempt, task.status.restart};
  if (container != container_) running_since_.reset();
  container_ = container;
  why_ = task.reason();

  switch (task.wire_state()) {
    case WireState::completed:
      if (task.desired == Desired::run) return Verdict::completed;
      why_ = "it was stopped in the meantime";
      return Verdict::failed;
    case WireState::failed:
      return Verdict::failed;
    case WireState::running:
      return observe_running(now, task);
    case WireState::pending:
    case WireState::scheduled:
      return observe_waiting(now, task);
  }
  CUBE_UNREACHABLE();
}

Convergence::Verdict Convergence::observe_running(Instant now, const Task& task) {
  hopeless_since_.reset();
  if (task.desired == Desired::stop) {
    why_ = "it was stopped in the meantime";
    return Verdict::failed;
  }
  if (task.status.health == Health::unhealthy) {
    if (why_.empty()) why_ = "it is unhealthy";
    return Verdict::failed;
  }
  if (!running_since_) running_since_ = now;
  const bool checked = task.spec->health.kind != HealthCheck::Kind::none;
  if (checked && task.status.health != Health::healthy) {
    if (why_.empty()) why_ = "its health check has not succeeded yet";
    return Verdict::waiting;
  }
  return now - *running_since_ >= rules_.settle ? Verdict::running : Verdict::waiting;
}

Convergence::Verdict Convergence::observe_waiting(Instant now, const Task& task) {
  running_since_.reset();
  if (task.status.failures >= rules_.failures_max) {
    why_ = "it keeps failing: " + why_;
    return Verdict::failed;
  }
  if (!is_hopeless(task)) {
    hopeless_since_.reset();
    return Verdict::waiting;
  }
  if (!hopeless_since_) hopeless_since_ = now;
  return now - *hopeless_since_ >= rules_.hopeless_after ? Verdict::hopeless : Verdict::waiting;
}

}  // namespace cube::cli
