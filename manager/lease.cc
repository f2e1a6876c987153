// Exclusive tasks: never two containers at once, at the price of none for a while.
//
// A node's worker holds a lease, which each poll renews: it counts from when the worker sent the
// report that the poll answers, on the worker's clock. When it has run out the worker stops what is
// exclusive. So the next attempt may begin when nothing is left of the one before, which is proved
// in one of two ways: a report lacks it, or its node is lost and the lease is over for certain,
// with a margin for clocks and the task's own grace. docs/exclusive.md has the reasons and what
// they rest on.

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "base/text.h"
#include "manager/impl.h"

namespace cube::manager {

// A lease goes only to a worker that has told everything it holds in this session: what an earlier
// session, or a node that was forgotten, left there is known, and counts, before it can live on.
api::LeaseGrant Core::grant_lease(NodeEntry& n) {
  CUBE_ASSERT(n.phase == Phase::live && !n.lost);
  if (n.incarnation == 0 || n.lease_stamp == 0) return {};
  n.leased = std::max(n.leased, n.stamp_heard);
  return {n.lease_stamp, limits::lease_ttl};
}

Duration Core::lease_wait(const TaskEntry& t) const {
  return limits::lease_ttl + limits::lease_margin + t.task.spec->stop_grace;
}

// Counted from when the stamp was heard: it was made before.
Instant Core::lease_over_at(const NodeEntry& n, const TaskEntry& t) const {
  if (CUBE_PLANTED("ignore-the-lease")) return now_.mono;
  return n.leased + lease_wait(t);
}

// A task that is over gets no next attempt: nothing needs to be proved for it.
bool Core::must_prove(const TaskEntry& t) const {
  return t.task.spec->exclusive && !t.task.is_terminal();
}

// May something of it live on `n`, as far as anybody can know?
bool Core::may_live_on(const TaskEntry& t, const NodeEntry& n) const {
  if (CUBE_PLANTED("ignore-the-lease")) return must_prove(t) && !n.lost;
  return must_prove(t) && (!n.lost || now_.mono < lease_over_at(n, t));
}

// When time alone has proved that nothing of it lives; never() where only a report can.
Instant Core::clear_at(const TaskEntry& t) const {
  if (!must_prove(t)) return {};
  Instant at = t.unproven_until;
  for (const NodeEntry* n : t.held_on) {
    if (!n->lost) return Instant::never();
    at = std::max(at, lease_over_at(*n, t));
  }
  return at;
}

bool Core::should_wait(const TaskEntry& t) const {
  if (t.task.is_terminal() || t.task.desired == Desired::stop) return false;
  return t.node == nullptr || t.node->settled;
}

// In no queue: it could not be placed anywhere. Says what it waits for instead.
void Core::await_lease(TaskEntry& t) {
  const Instant clear = clear_at(t);
  std::string what = "leases from before the manager's start, or of a forgotten node, are over";
  for (const NodeEntry* n : t.held_on) {
    what = n->lost ? fmt::format("the lease of node {} is over", n->shown())
                   : fmt::format("node {} has stopped it", n->shown());
    if (!n->lost) break;
  }
  std::string text = "exclusive: waits until " + what;
  if (!clear.is_never()) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(clear - now_.mono);
    text += fmt::format(" (at most {})", format_duration(left));
  }
  tell_waiting(t, text, true);
  set_alarm(t);
}

// Its alarm rang, or a node of it was lost.
void Core::check_lease(TaskEntry& t) {
  if (!must_prove(t)) return;
  if (is_clear(t)) release_proven(t);
  if (should_wait(t) && t.waits_in == nullptr) enqueue(t);
  set_alarm(t);
}

// Gives up what is over by now. The present attempt of a task that should run stays until another
// is placed: should its node return first, it goes on there.
void Core::release_proven(TaskEntry& t) {
  const std::vector<NodeEntry*> nodes = t.held_on;
  for (NodeEntry* n : nodes) {
    std::vector<AttemptKey> over;
    for (auto at = n->holdings.lower_bound({t.task.id, 0});
         at != n->holdings.end() && at->first.task == t.task.id; ++at) {
      if (at->second.dropped != 0) over.push_back(at->first);
    }
    for (const AttemptKey& key : over) release(*n, key);
  }
}

// The next time that its wait for a lease ends, or that the time left is to be told anew.
Instant Core::next_lease_look(const TaskEntry& t) const {
  const bool waits = t.waits_in == nullptr && should_wait(t);
  const bool stops = t.task.desired == Desired::stop && t.held > 0;
  if (!must_prove(t) || !(waits || stops)) return Instant::never();
  const Instant clear = clear_at(t);
  if (clear.is_never()) return clear;
  const Instant look = now_.mono + limits::lease_look_every;
  return waits ? std::min(clear, look) : clear;
}

// Another node shall have it, when this one has nothing of it any more.
void Core::leave_for_another(TaskEntry& t, const std::string& why) {
  tell("task.leaving", t, why);
  wait_anew(t, why);
}

// A worker that cannot stop it by itself (an older one, or one without its guard) gets none.
void Core::avoid_leaseless(std::vector<scheduler::Avoided>& avoided) const {
  for (const NodeNo no : leaseless_) {
    const NodeEntry& n = nodes_.at(no);
    if (n.index) avoided.push_back({*n.index, "its worker keeps no lease"});
  }
}

}  // namespace cube::manager
