// Task x node: a new attempt, the end of one, and what follows from it.

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {
namespace {

// A node that failed is tried again so soon when there is no other.
constexpr Duration retry_only_node_after = 30s;

// The manager's own words about a task that has no node.
AttemptStatus unplaced(const Task& task, std::string reason) {
  AttemptStatus s;
  s.key = {task.id, task.attempt};
  s.observed = Observed::waiting;
  s.reason = std::move(reason);
  return s;
}

}  // namespace

void Core::new_attempt(TaskEntry& t, NodeEntry& n, std::string_view kind, const std::string& why) {
  CUBE_ASSERT(t.task.desired == Desired::run);
  CUBE_ASSERT(!n.lost);
  leave_node(t);
  leave_queue(t);
  CUBE_ASSERT(!must_prove(t) || (t.held == 0 && is_clear(t)));
  Task& task = t.task;
  task.restarts_before += task.status.restart;
  if (!CUBE_PLANTED("reuse-the-attempt")) ++task.attempt;
  task.node = n.name;
  task.waits_for.clear();
  task.status = AttemptStatus{};
  task.status.key = {task.id, task.attempt};
  task.status.observed = Observed::placed;
  assign(t, n);
  ++counters_.placed;
  tell(kind, t, why.empty() ? "on " + n.name : "on " + n.name + "; " + why);
  set_alarm(t);
}

void Core::wait_anew(TaskEntry& t, std::string reason) {
  leave_node(t);
  t.task.restarts_before += t.task.status.restart;
  t.task.status = unplaced(t.task, std::move(reason));
  t.task.node.clear();
  t.task.waits_for.clear();
  save(t);
  enqueue(t);
  set_alarm(t);
}

void Core::ended(TaskEntry& t) {
  const AttemptStatus& s = t.task.status;
  CUBE_ASSERT(s.observed == Observed::exited && s.final);
  switch (s.failure) {
    case Failure::none:
      return finish(t, "task.exited", s.reason.empty() ? "completed" : s.reason);
    case Failure::exit:
    case Failure::oom:
    case Failure::unhealthy:
    case Failure::spec:
      return finish(t, "task.failed", s.reason);
    case Failure::node:
    case Failure::engine:
      return relocate(t);
  }
  CUBE_UNREACHABLE();
}

void Core::relocate(TaskEntry& t) {
  CUBE_ASSERT(t.node != nullptr);
  NodeEntry& n = *t.node;
  const std::string reason = t.task.status.reason;
  if (!t.task.spec->exclusive) release(n, {t.task.id, t.task.attempt});
  avoid(t, n, limits::avoid_node_for, "failed to start there: " + reason);
  const auto decision = place(t);
  if (decision.node) {
    if (t.task.spec->exclusive)
      return leave_for_another(t, fmt::format("{} failed: {}", n.name, reason));
    NodeEntry& other = *entry(node_at_[static_cast<std::size_t>(*decision.node)]);
    return new_attempt(t, other, "task.placed", fmt::format("{} failed: {}", n.name, reason));
  }
  switch (t.task.spec->restart.kind) {
    case RestartPolicy::Kind::always:
    case RestartPolicy::Kind::unless_stopped:
      avoid(t, n, retry_only_node_after, "failed to start there: " + reason);
      return wait_anew(t, fmt::format("{} failed: {}", n.name, reason));
    case RestartPolicy::Kind::unset:
    case RestartPolicy::Kind::no:
    case RestartPolicy::Kind::on_failure:
      return finish(t, "task.failed", reason);
  }
  CUBE_UNREACHABLE();
}

void Core::finish(TaskEntry& t, std::string_view kind, std::string text) {
  CUBE_ASSERT(t.task.is_terminal());
  if (t.node != nullptr) {
    release(*t.node, {t.task.id, t.task.attempt});
    changed(*t.node, t.task.id);  // it is assigned as over now: its container is kept, not run
  }
  leave_queue(t);
  t.task.waits_for.clear();
  tell(kind, t, std::move(text));
  retire(t);
}

void Core::retire(TaskEntry& t) {
  CUBE_ASSERT(t.task.is_terminal());
  CUBE_ASSERT(t.waits_in == nullptr);
  if (t.task.status.finished.is_zero()) t.task.status.finished = now_.wall;
  // Nothing listens there any more; somebody else may, soon.
  t.task.status.container_ip.clear();
  t.task.status.host_ports.clear();
  t.ended = now_.mono;
  t.ended_revision = t.task.revision;
  ended_[t.ended_revision] = &t;
  services_.task_over(t);
  save(t);
  set_alarm(t);
}

void Core::lose_task(TaskEntry& t) {
  CUBE_ASSERT(t.node != nullptr && t.node->lost);
  if (t.task.is_terminal()) return;
  if (t.task.desired == Desired::stop) {
    leave_node(t);  // ends it when nothing else is left
    return set_alarm(t);
  }
  t.task.status.observed = Observed::lost;
  t.task.status.health = Health::unknown;
  t.task.status.reason = "node " + t.node->name + " is lost";
  tell("task.lost", t, t.task.status.reason);
  set_alarm(t);
}

void Core::avoid(TaskEntry& t, const NodeEntry& n, Duration span, std::string reason) {
  auto& list = t.task.avoided;
  CUBE_ASSERT(list.size() == t.avoid_until.size());
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const auto& a) { return a.node == n.name; });
  const auto i = static_cast<std::size_t>(at - list.begin());
  if (at == list.end()) {
    list.emplace_back();
    t.avoid_until.emplace_back();
  }
  list[i] = {n.name, now_.wall + span, std::move(reason)};
  t.avoid_until[i] = now_.mono + span;
  save(t);
}

void Core::expire_avoided(TaskEntry& t) {
  auto& list = t.task.avoided;
  const std::size_t before = list.size();
  for (std::size_t i = list.size(); i-- > 0;) {
    if (t.avoid_until[i] > now_.mono) continue;
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    t.avoid_until.erase(t.avoid_until.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (list.size() == before) return;
  save(t);
  if (t.waits_in == nullptr) return;
  leave_queue(t);  // it waits among others now
  enqueue(t);
}

std::vector<scheduler::Avoided> Core::avoided_by(const TaskEntry& t) const {
  std::vector<scheduler::Avoided> out;
  for (const AvoidedNode& a : t.task.avoided) {
    const NodeEntry* n = directory_.by_name(a.node);
    if (n != nullptr && n->index) out.push_back({*n->index, a.reason});
  }
  if (t.task.spec->exclusive) avoid_leaseless(out);
  services_.avoid(t, out);
  return out;
}

scheduler::Decision Core::place(const TaskEntry& t) {
  return services_.place(t, avoided_by(t));
}

scheduler::Decision Core::place_avoiding(const TaskEntry& t,
                                         const std::vector<scheduler::Avoided>& avoided) {
  t.kind->demand.seed = stable_hash(t.task.id.str());  // so that equal tasks do not all tie alike
  return pool_.place(t.kind->demand, avoided);
}

void Core::look_at(TaskEntry& t) {
  if (t.task.is_terminal()) {
    // Its container was kept for its logs, long enough.
    if (t.node != nullptr && now_.mono >= t.ended + limits::exited_container_kept_for) {
      drop_container(t);
    }
  } else {
    expire_avoided(t);
    consider_move(t);
    check_lease(t);
  }
  set_alarm(t);
}

void Core::set_alarm(TaskEntry& t) {
  Instant at = Instant::never();
  if (t.task.is_terminal()) {
    if (t.node != nullptr) at = t.ended + limits::exited_container_kept_for;
  } else {
    for (Instant until : t.avoid_until) at = std::min(at, until);
    at = std::min(at, next_lease_look(t));
    if (wants_move(t)) at = std::min(at, std::max(t.next_move, now_.mono + pause_between_moves(0)));
  }
  if (at == t.alarm) return;
  if (!t.alarm.is_never()) task_alarms_.erase({t.alarm, t.task.id});
  t.alarm = at;
  if (!at.is_never()) task_alarms_.insert({at, t.task.id});
}

}  // namespace cube::manager
