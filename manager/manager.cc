// One step: from an input to effects; and the first one, which takes up what the records say.

#include "manager/manager.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {
namespace {

// Later than asked for by so much means that this process stood still.
constexpr Duration stall_least = 1s;

// What is left of a span that the calendar says ends at `until`: at least nothing, at most `most`,
// whatever the calendar did.
Duration left_of(WallTime until, WallTime now, Duration most) {
  return std::clamp(until - now, Duration{}, most);
}

}  // namespace

Core::Core(Config config, Rng rng) : CoreState(std::move(config), rng) {}

void Core::step(Now now, Input& input, Effects& effects) {
  now_ = now;
  fx_ = &effects;
  placements_ = 0;
  if (booted_) {
    notice_stall();
  } else {
    boot();
  }
  last_step_ = now.mono;
  std::visit([this](auto& in) { take(in); }, input);
  ring_alarms();
  do {
    place_waiting();
    empty_drained_nodes();
  } while (services_.settle());
  flush();
  fx_ = nullptr;
}

void Core::boot() {
  booted_ = true;
  started_ = now_.mono;
  next_sweep_ = now_.mono + limits::sweep_every;
  fx_->writes.push_back(meta_record({id_, epoch_, next_node_, config_.cluster}));
  tell("manager.started", fmt::format("epoch {}", epoch_));
  for (auto& [no, n] : nodes_) {
    n.since = now_.mono;
    if (!n.worker.is_nil() && !n.lost) unheard_.insert(n.no);
    if (!CUBE_PLANTED("forget-leases-at-start"))
      n.leased = now_.mono;  // the manager before may have renewed its lease with its last breath
    refresh(n);
    touch(n);
  }
  for (const std::string& address : config_.workers) {
    if (directory_.by_address(address) == nullptr) add_node(address);
  }
  services_.boot();
  by_seq_.each([this](TaskEntry& t) { boot_task(t); });
}

void Core::boot_task(TaskEntry& t) {
  for (const AvoidedNode& a : t.task.avoided) {
    t.avoid_until.push_back(now_.mono + left_of(a.until, now_.wall, limits::avoid_node_for));
  }
  if (t.task.is_terminal()) {
    const WallTime end = std::max(t.task.status.finished, t.task.created);
    t.ended = now_.mono - left_of(now_.wall, end, ended_kept_for);
  } else if (t.task.desired == Desired::stop) {
    if (t.held == 0) end_stop(t, t.node);
  } else {
    // Left its node, and nobody wrote down whether that was done with it.
    if (must_prove(t) && t.node == nullptr && t.task.attempt > 0) {
      t.unproven_until = now_.mono + lease_wait(t);
    }
    if (t.task.moves > 0) t.next_move = now_.mono + pause_between_moves(t.task.moves);
    if (t.node == nullptr || t.node->settled) enqueue(t);
  }
  set_alarm(t);
}

void Core::notice_stall() {
  // Nothing was to be done before `due`; whoever comes much later than that was stopped, suspended
  // or starved, and the answers of that time wait unread: no node is late because of it.
  const Instant due = std::max(last_step_, next_wake());
  if (due.is_never() || now_.mono - due < stall_least) return;
  const Duration late = now_.mono - due;
  for (auto& [no, n] : nodes_) {
    n.since = n.since + late;
    if (n.heard) *n.heard = *n.heard + late;
  }
  tell("manager.stalled", fmt::format("for {} ms", late / 1ms));
}

Instant Core::next_wake() const {
  if (!booted_) return Instant{};
  if (has_more()) return last_step_;
  Instant due = next_sweep_;
  if (losses_changed_) due = std::min(due, next_weigh_);
  const bool is_left = placed_version_ != pool_version_ && is_large();
  if (is_left && !(waiting_.empty() && drained_.empty())) due = std::min(due, next_try_);
  if (!task_alarms_.empty()) due = std::min(due, task_alarms_.begin()->first);
  if (!node_alarms_.empty()) due = std::min(due, node_alarms_.begin()->first);
  return std::min(due, services_.next_wake());
}

void Core::ring_alarms() {
  std::vector<NodeNo> nodes;
  for (const auto& [at, no] : node_alarms_) {
    if (at > now_.mono) break;
    nodes.push_back(no);
  }
  for (NodeNo no : nodes) {
    NodeEntry* n = entry(no);
    if (n == nullptr) continue;  // removed by one before it
    watch(*n);
    touch(*n);
  }
  if (losses_changed_ && now_.mono >= next_weigh_) weigh_losses();
  std::vector<TaskId> tasks;
  for (const auto& [at, id] : task_alarms_) {
    if (at > now_.mono) break;
    tasks.push_back(id);
  }
  for (const TaskId& id : tasks) {
    if (TaskEntry* t = entry(id)) look_at(*t);
  }
  services_.ring_alarms();
  if (sweep_.at != Sweep::At::rest) {
    sweep_some();
  } else if (now_.mono >= next_sweep_) {
    sweep();
  }
}

bool Core::has_more() const {
  return queue_is_left_ || sweep_.at != Sweep::At::rest;
}

void Core::flush() {
  reap();
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    NodeEntry* n = entry(touched_[i]);
    if (n == nullptr) continue;
    n->touched = false;
    run_links(*n);
  }
  touched_.clear();
  services_.flush();
  for (TaskEntry* t : dirty_tasks_) {
    t->dirty = false;
    fx_->writes.push_back(task_record(*t));
    if (std::exchange(t->has_old_key, false)) {
      fx_->writes.push_back(store::Write::erase(old_task_key(t->task.id)));
    }
    count(*t);
  }
  dirty_tasks_.clear();
  for (NodeNo no : dirty_nodes_) {
    NodeEntry* n = entry(no);
    if (n == nullptr || !n->dirty) continue;
    n->dirty = false;
    fx_->writes.push_back(node_record(*n));
  }
  dirty_nodes_.clear();
}

void Core::count(TaskEntry& t) {
  --counted_[static_cast<std::size_t>(t.counted)];
  t.counted = t.task.wire_state();
  ++counted_[static_cast<std::size_t>(t.counted)];
}

void Core::save(TaskEntry& t) {
  services_.task_changed(t);
  if (CUBE_PLANTED("lose-a-stop") && t.task.desired == Desired::stop) return;
  if (t.dirty) return;
  t.dirty = true;
  dirty_tasks_.push_back(&t);
}

void Core::save(NodeEntry& n) {
  if (n.dirty) return;
  n.dirty = true;
  dirty_nodes_.push_back(n.no);
}

TaskEntry* Core::entry(const TaskId& id) {
  return by_id_.find(id);
}

NodeEntry* Core::entry(NodeNo no) {
  auto it = nodes_.find(no);
  return it == nodes_.end() ? nullptr : &it->second;
}

}  // namespace cube::manager
