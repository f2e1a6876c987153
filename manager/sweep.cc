// The minute's check: everything is computed again from what is asked and what is known, and
// compared. It must find nothing; what it finds is put right and counted.

#include "manager/impl.h"

namespace cube::manager {

void Core::sweep() {
  next_sweep_ = now_.mono + limits::sweep_every;
  forget_old_keys();
  sweep_ = {};
  sweep_.at = Sweep::At::tasks;
  sweep_some();
}

void Core::sweep_some() {
  std::size_t looked_at = 0;
  while (sweep_.at == Sweep::At::tasks && looked_at++ < limits::step_sweep_max) {
    TaskEntry* t = by_seq_.from(sweep_.next_seq);
    if (t == nullptr) {
      sweep_.at = Sweep::At::nodes;
      break;
    }
    sweep_.next_seq = t->seq + 1;
    sweep_.found |= sweep_task(*t);
  }
  while (sweep_.at == Sweep::At::nodes && looked_at < limits::step_sweep_max) {
    const auto n = nodes_.lower_bound(sweep_.next_node);
    if (n == nodes_.end()) {
      sweep_.at = Sweep::At::queue;
      break;
    }
    sweep_.next_node = NodeNo{static_cast<std::uint32_t>(n->first) + 1};
    looked_at += 1 + n->second.holdings.size();
    sweep_.found |= sweep_node(n->second);
  }
  if (sweep_.at == Sweep::At::queue && !std::exchange(sweep_.services_done, true)) {
    services_.settle();  // what is due now was not missed
    const std::uint64_t made = counters_.submitted;
    services_.touch_all();
    services_.settle();
    sweep_.found |= counters_.submitted != made;
  }
  if (sweep_.at != Sweep::At::queue || !sweep_waiting()) return;
  sweep_.at = Sweep::At::rest;
  if (sweep_.found) ++counters_.sweeps_with_findings;
}

// Nothing that waits should fit somewhere. False: the queue is to be placed first.
bool Core::sweep_waiting() {
  next_try_ = {};
  place_waiting();
  if (queue_is_left_) return false;
  const std::uint64_t placed = counters_.placed;
  capacity_changed();
  next_try_ = {};
  place_waiting();
  sweep_.found |= counters_.placed != placed;
  return true;
}

// A task is in exactly one place: over; being stopped, with something left of it; waiting; or
// assigned to a node where its room is taken.
bool Core::sweep_task(TaskEntry& t) {
  if (t.task.is_terminal()) {
    CUBE_ASSERT(t.waits_in == nullptr);
    return false;
  }
  if (t.task.desired == Desired::stop) {
    if (t.held > 0 || unproven_stops_.contains(t.task.id)) return false;
    end_stop(t, nullptr);
    return true;
  }
  if (should_wait(t) && t.waits_in == nullptr && is_clear(t)) {
    enqueue(t);
    return true;
  }
  if (t.node == nullptr) return false;
  const AttemptKey key{t.task.id, t.task.attempt};
  if (t.node->assigned.contains(t.task.id) && t.node->holdings.contains(key)) return false;
  t.node->assigned[t.task.id] = &t;
  hold(*t.node, key, t, 0);
  changed(*t.node, t.task.id);
  return true;
}

// What the pool has reserved is the sum of what occupies the node; and a call is under way, or due.
bool Core::sweep_node(NodeEntry& n) {
  if (n.index) {
    Resources sum;
    for (const auto& [key, h] : n.holdings) sum += h.task->kind->demand.resources;
    if (!(sum == pool_.reserved(*n.index)) || n.holdings.size() != pool_.tasks(*n.index)) {
      pool_.remove(*n.index);
      n.index.reset();
      put_in_pool(n);
      refresh(n);
      return true;
    }
  }
  const bool calls = n.put.call != 0 || n.poll.call != 0 || !n.alarm.is_never() || n.touched;
  if (!calls) touch(n);
  return !calls;
}

}  // namespace cube::manager
