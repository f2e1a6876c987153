// What each node should hold, in numbered versions, and what occupies it.
//
// The two differ on purpose. `assigned` is what the manager wants there now; `holdings` is what
// takes room there: also attempts that are no longer wanted and not yet gone. A reservation in the
// pool belongs to each holding, so that nothing is placed on room that is still in use.

#include <algorithm>

#include "base/planted.h"
#include "manager/impl.h"

namespace cube::manager {

void Core::assign(TaskEntry& t, NodeEntry& n) {
  CUBE_ASSERT(t.node == nullptr);
  t.node = &n;
  n.assigned[t.task.id] = &t;
  changed(n, t.task.id);
  hold(n, {t.task.id, t.task.attempt}, t, 0);
}

void Core::unassign(TaskEntry& t) {
  CUBE_ASSERT(t.node != nullptr);
  NodeEntry& n = *t.node;
  if (n.assigned.erase(t.task.id) == 0) return;
  changed(n, t.task.id);
  n.dropped_at = n.generation;
  const auto held = n.holdings.find({t.task.id, t.task.attempt});
  if (held != n.holdings.end()) held->second.dropped = n.generation;
}

void Core::leave_node(TaskEntry& t) {
  if (t.node == nullptr) return;
  NodeEntry& n = *t.node;
  unassign(t);
  t.node = nullptr;
  // Of a lost node nobody knows; should it return, it tells what it still runs.
  if (n.lost && !may_live_on(t, n)) release(n, {t.task.id, t.task.attempt});
}

void Core::changed(NodeEntry& n, const TaskId& id) {
  ++n.generation;
  if (n.takes_changes) n.edits[id] = n.generation;
  touch(n);
}

void Core::hold(NodeEntry& n, const AttemptKey& key, TaskEntry& t, std::uint64_t dropped) {
  const bool is_new = n.holdings.try_emplace(key, Holding{&t, n.generation, dropped}).second;
  if (!is_new) return;
  ++t.held;
  if (n.index) pool_.reserve(*n.index, t.kind->demand);
  if (!t.task.spec->exclusive) return;
  t.held_on.push_back(&n);
  if (t.waits_in == nullptr) return;
  leave_queue(t);  // something of it lives after all: it waits for that first
  enqueue(t);
}

void Core::release(NodeEntry& n, const AttemptKey& key) {
  const auto held = n.holdings.find(key);
  if (held == n.holdings.end()) return;
  TaskEntry& t = *held->second.task;
  CUBE_ASSERT(t.held > 0);
  n.holdings.erase(held);
  --t.held;
  if (n.index) pool_.release(*n.index, t.kind->demand);
  if (CUBE_PLANTED("release-twice") && n.index && pool_.tasks(*n.index) > 0) {
    pool_.release(*n.index, n.holdings.begin()->second.task->kind->demand);
  }
  capacity_changed();
  if (const auto at = std::find(t.held_on.begin(), t.held_on.end(), &n); at != t.held_on.end()) {
    t.held_on.erase(at);
    if (t.waits_in == nullptr && should_wait(t)) enqueue(t);
  }
  if (t.held == 0 && t.task.desired == Desired::stop && !t.task.is_terminal()) {
    end_stop(t, n.lost ? &n : nullptr);
  }
}

api::Assignment Core::assignment(const NodeEntry& n) const {
  api::Assignment out;
  out.cluster = config_.cluster;
  out.manager = id_;
  out.fence = {epoch_, n.session, n.generation};
  const auto add = [&out](const TaskEntry& t) {
    out.tasks.push_back({t.task.id, t.task.attempt, !t.task.is_terminal(), t.task.spec});
  };
  if (!n.takes_changes || n.base == 0) {
    out.tasks.reserve(n.assigned.size());
    for (const auto& [id, t] : n.assigned) add(*t);
    return out;
  }
  out.base = n.base;
  // What was dropped before the worker heard of it is never told gone: only a full answer shows it.
  if (n.dropped_at <= n.base) {
    out.incarnation = n.incarnation;
    out.change = n.change;
  }
  for (const auto& [id, generation] : n.edits) {
    const auto assigned = n.assigned.find(id);
    if (assigned != n.assigned.end()) {
      add(*assigned->second);
    } else {
      out.dropped.push_back(id);
    }
  }
  return out;
}

}  // namespace cube::manager
