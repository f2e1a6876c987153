// The health loop: what keeps failing on its node is tried on another one.

#include <fmt/format.h>

#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {

bool Core::wants_move(const TaskEntry& t) const {
  const AttemptStatus& s = t.task.status;
  if (t.node == nullptr || t.task.desired != Desired::run || t.task.is_terminal()) return false;
  if (s.observed == Observed::lost || s.failures < limits::moves_after_failures) return false;
  // Up again, and nothing said against it yet: it gets its chance.
  if (s.observed == Observed::running && s.health != Health::unhealthy) return false;
  switch (s.failure) {
    case Failure::unhealthy:
      return true;
    case Failure::exit:
    case Failure::oom:
      // With a maximum the worker gives up by itself, and the task has failed.
      return !t.task.spec->restart.max_in_a_row().has_value();
    case Failure::none:
    case Failure::spec:
    case Failure::node:
    case Failure::engine:
      return false;
  }
  CUBE_UNREACHABLE();
}

void Core::consider_move(TaskEntry& t) {
  if (!wants_move(t) || now_.mono < t.next_move) return;
  NodeEntry& from = *t.node;
  auto avoided = avoided_by(t);
  if (from.index) avoided.push_back({*from.index, "keeps failing there"});
  const auto decision = place_avoiding(t, avoided);
  if (!decision.node) return;  // left in place, under the worker's back-off; looked at again
  const std::string why = fmt::format(
      "failed {} times in a row on {}: {}", t.task.status.failures, from.name,
      t.task.status.reason.empty() ? name(t.task.status.failure) : t.task.status.reason);
  avoid(t, from, limits::avoid_node_for, "kept failing there");
  ++t.task.moves;
  ++counters_.moved;
  t.next_move = now_.mono + pause_between_moves(t.task.moves);
  if (must_prove(t)) return leave_for_another(t, why);
  new_attempt(t, *entry(node_at_[static_cast<std::size_t>(*decision.node)]), "task.moved", why);
}

}  // namespace cube::manager
