// Nodes: how they come, fall silent, are lost, and return; and the pause when too many go at once.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {
namespace {

// Of fewer nodes than this, losing the half says nothing about the network.
constexpr std::size_t pause_nodes_min = 3;
constexpr std::size_t missing_shown_max = 5;
// A large cluster's losses are weighed so often at most: each time all nodes are looked at.
constexpr Duration weigh_every = 50ms;
// Many tasks are told new figures of a pause so often at most.
constexpr Duration pause_told_every = 1s;

// `some`: the first of `all` names.
std::string in_words(const std::vector<std::string>& some, std::size_t all) {
  std::string out = join(some, ", ");
  if (some.size() < all) out += fmt::format(" and {} more", all - some.size());
  return out;
}

// A node that comes and goes would take tasks along each time. Counts a loss: true when one too
// many, so that the node gets no new tasks for a while; each time for longer, unless it has held
// out as long as it was kept out. `first` is the first time's length; 0: never.
bool begin_quarantine(Flapping& f, Instant now, Duration first) {
  std::erase_if(f.losses, [&](Instant at) { return at + limits::quarantine_window < now; });
  f.losses.push_back(now);
  if (f.losses.size() < limits::quarantine_losses || first == Duration::zero()) return false;
  const bool again = f.length > Duration::zero() && now < f.until + f.length;
  f.length = again ? std::min(f.length * 2, limits::quarantine_max) : first;
  f.until = now + f.length;
  f.seen = std::exchange(f.losses, {}).size();
  return true;
}

}  // namespace

NodeEntry& Core::add_node(std::string address) {
  const NodeNo no{next_node_++};
  NodeEntry& n = nodes_[no];
  n.no = no;
  n.address = std::move(address);
  n.since = n.leased = now_.mono;
  directory_.file(n);
  fx_->writes.push_back(meta_record({id_, epoch_, next_node_, config_.cluster}));
  put_in_pool(n);
  refresh(n);
  save(n);
  touch(n);
  return n;
}

void Core::remove_node(NodeEntry& n, std::string_view why) {
  tell("node.forgotten", n, std::string(why));
  if (n.lost && !n.settled) --unsettled_;
  n.lost = true;  // nothing of it is waited for,
  for (const auto& [key, h] : n.holdings) {
    // ... except for the lease that it may hold all the same.
    TaskEntry& t = *h.task;
    if (must_prove(t)) t.unproven_until = std::max(t.unproven_until, lease_over_at(n, t));
  }
  for (TaskEntry* t : tasks_on(n)) {
    if (t->task.is_terminal()) {
      drop_container(*t);
    } else if (t->task.desired == Desired::stop) {
      leave_node(*t);
    } else {
      leave_queue(*t);
      wait_anew(*t, "node " + n.shown() + " was forgotten");
    }
  }
  while (!n.holdings.empty()) release(n, AttemptKey(n.holdings.begin()->first));
  heard_all_of(n);
  if (!n.alarm.is_never()) node_alarms_.erase({n.alarm, n.no});
  if (n.index) pool_.remove(*n.index);
  capacity_changed();
  fx_->writes.push_back(store::Write::erase(node_key(n.no)));
  directory_.drop(n);
  drained_.erase(n.no);
  leaseless_.erase(n.no);
  const NodeNo no = n.no;
  nodes_.erase(no);
  losses_changed();
}

std::vector<TaskEntry*> Core::tasks_on(const NodeEntry& n) const {
  std::vector<TaskEntry*> out;
  for (const auto& [id, t] : n.assigned) out.push_back(t);
  for (const auto& [key, h] : n.holdings) {
    const bool present = h.task->node == &n && h.task->task.attempt == key.attempt;
    if (present && !n.assigned.contains(key.task)) out.push_back(h.task);  // being stopped
  }
  return out;
}

void Core::take(JoinNode& in) {
  CUBE_ASSERT(in.token != 0);
  auto joined = join(in.join);
  if (joined.ok()) {
    fx_->replies.push_back({in.token, Accepted{}});
  } else {
    fx_->replies.push_back({in.token, joined.error()});
  }
}

Result<void> Core::join(const api::Join& j) {
  if (j.cluster != config_.cluster) {
    return Error{Code::conflict,
                 fmt::format("this is cluster {}, not {}", config_.cluster, printable(j.cluster))};
  }
  if (j.name.empty()) return Error{Code::invalid, "Name: must not be empty"};
  if (j.address.empty()) return Error{Code::invalid, "Address: must not be empty"};
  NodeEntry* const owner = directory_.by_worker(j.worker);
  NodeEntry* const there = directory_.by_address(j.address);
  NodeEntry* const same_name = directory_.by_name(j.name);
  if (there != nullptr && there != owner && answers(*there)) {
    return Error{Code::conflict,
                 fmt::format("{} is the address of node {}", printable(j.address), there->shown())};
  }
  if (owner != nullptr) {
    if (there != owner) move_node(*owner, j.address, there);
    dial_now(*owner);
    return {};
  }
  if (same_name != nullptr && same_name != there && !is_empty_and_lost(*same_name)) {
    return Error{Code::conflict, fmt::format("the name {} is taken by the worker at {}",
                                             printable(j.name), same_name->address)};
  }
  dial_now(there != nullptr ? *there : add_node(j.address));
  return {};
}

void Core::move_node(NodeEntry& owner, const std::string& address, NodeEntry* there) {
  tell("node.moved", owner, "to " + address);
  if (there != nullptr && !there->worker.is_nil()) return swap_addresses(owner, *there);
  if (there != nullptr) remove_node(*there, "its address is " + owner.shown() + "'s");
  owner.address = address;
  directory_.file(owner);
  close_session(owner);
  save(owner);
}

void Core::swap_addresses(NodeEntry& a, NodeEntry& b) {
  std::swap(a.address, b.address);
  for (NodeEntry* n : {&a, &b}) {
    directory_.file(*n);
    close_session(*n);
    save(*n);
    dial_now(*n);
  }
}

bool Core::is_empty_and_lost(const NodeEntry& n) const {
  return n.lost && n.holdings.empty() &&
         std::none_of(n.assigned.begin(), n.assigned.end(),
                      [](const auto& item) { return !item.second->task.is_terminal(); });
}

void Core::take(ForgetNode& in) {
  CUBE_ASSERT(in.token != 0);
  NodeEntry* n = find_node(in.name);
  if (n == nullptr) {
    fx_->replies.push_back({in.token, Error{Code::not_found, "no node " + printable(in.name)}});
    return;
  }
  if (answers(*n)) {
    fx_->replies.push_back({in.token, Error{Code::conflict, "node " + n->shown() + " answers"}});
    return;
  }
  remove_node(*n, "on request");
  fx_->replies.push_back({in.token, Accepted{}});
}

bool Core::answers(const NodeEntry& n) const {
  return n.heard && !n.lost && now_.mono < silent_at(n);
}

Instant Core::silent_at(const NodeEntry& n) const {
  // After a start of the manager every node gets twice its time.
  return n.heard ? *n.heard + config_.node_deadline / 2 : n.since + config_.node_deadline;
}

Instant Core::lost_at(const NodeEntry& n) const {
  return n.heard ? *n.heard + config_.node_deadline : n.since + 2 * config_.node_deadline;
}

void Core::heard_from(NodeEntry& n) {
  n.heard = now_.mono;
  n.last_heard = now_.wall;
  n.trouble.clear();
}

void Core::watch(NodeEntry& n) {
  // A node that never said who it is holds nothing and cannot be lost.
  if (!n.worker.is_nil() && !n.lost && now_.mono >= lost_at(n)) lose_node(n);
  refresh(n);
}

void Core::lose_node(NodeEntry& n) {
  CUBE_ASSERT(!n.lost);
  n.lost = true;
  ++unsettled_;
  ++counters_.nodes_lost;
  close_session(n);
  tell("node.lost", n, n.trouble.empty() ? "no answer" : n.trouble);
  if (nodes_.size() > 1 && begin_quarantine(n.flapping, now_.mono, config_.quarantine_first)) {
    tell("node.quarantined", n,
         fmt::format("lost {} times within {}: gets no new tasks for {}", n.flapping.seen,
                     format_duration(limits::quarantine_window),
                     format_duration(n.flapping.length)));
  }
  std::vector<AttemptKey> older;  // of tasks that are elsewhere by now
  for (const auto& [key, h] : n.holdings) {
    if (h.task->node == &n && h.task->task.attempt == key.attempt) continue;
    if (may_live_on(*h.task, n)) {
      check_lease(*h.task);  // it waits for this node's lease from here on
    } else {
      older.push_back(key);
    }
  }
  for (const AttemptKey& key : older) release(n, key);
  for (TaskEntry* t : tasks_on(n)) lose_task(*t);
  heard_all_of(n);
  losses_changed();
}

// Where many nodes come and go at once they are weighed together.
void Core::losses_changed() {
  losses_changed_ = true;
  if (!is_large()) weigh_losses();
}

void Core::weigh_losses() {
  losses_changed_ = false;
  if (unsettled_ == 0 && paused_.empty()) return;
  next_weigh_ = now_.mono + weigh_every;
  // Counted are the nodes whose loss was not made good yet: one that went long ago is no longer
  // a part of the cluster. The silent ones are about to be lost.
  std::size_t members = 0, missing = 0;
  std::vector<std::string> some;
  for (const auto& [no, n] : nodes_) {
    if (n.worker.is_nil() || n.settled) continue;
    ++members;
    if (!n.lost && now_.mono < silent_at(n)) continue;
    if (++missing <= missing_shown_max) some.push_back(n.shown());
  }
  const bool pause = unsettled_ > 0 && members >= pause_nodes_min && missing * 2 > members;
  const std::string before = paused_;
  paused_ = pause ? fmt::format(
                        "{} of {} nodes are silent or lost at once ({}); their tasks stay "
                        "until more nodes answer, or are forgotten",
                        missing, members, in_words(some, missing))
                  : "";
  if (pause && before.empty()) tell("replacement.paused", paused_);
  if (!pause && !before.empty()) tell("replacement.resumed", "enough nodes answer");
  const bool anew = !is_large() || before.empty() || now_.mono >= next_pause_told_;
  if (pause && anew) next_pause_told_ = now_.mono + pause_told_every;
  for (auto& [no, n] : nodes_) {
    if (!n.lost || n.settled) continue;
    if (pause) {
      explain_pause(n, anew);
    } else {
      settle(n);
    }
  }
}

void Core::explain_pause(NodeEntry& n, bool anew) {
  for (auto& [id, t] : n.assigned) {
    if (t->task.status.observed != Observed::lost) continue;
    if (!anew && !t->task.waits_for.empty()) continue;
    t->task.waits_for = "node " + n.shown() + " is lost; replacement is paused: " + paused_;
  }
}

void Core::settle(NodeEntry& n) {
  CUBE_ASSERT(n.lost && !n.settled && unsettled_ > 0);
  n.settled = true;
  --unsettled_;
  save(n);
  for (auto& [id, t] : n.assigned) {
    if (!t->task.is_terminal()) enqueue(*t);
  }
}

NodeState Core::state_of(const NodeEntry& n, std::string& reason) const {
  reason = n.refusal.empty() ? n.trouble : n.refusal;
  if (n.lost) {
    if (reason.empty()) reason = "no answer for " + format_duration(config_.node_deadline);
    return NodeState::lost;
  }
  if (!n.refusal.empty()) return NodeState::refused;
  if (!n.worker.is_nil() && now_.mono >= silent_at(n)) {
    if (reason.empty()) reason = "no answer for a while";
    return NodeState::silent;
  }
  if (n.phase != Phase::live) {
    if (reason.empty()) reason = "not heard from yet";
    return NodeState::joining;
  }
  reason = n.info.engine_ready ? "" : n.info.engine_reason;
  if (!n.info.engine_ready) return NodeState::engine_down;
  if (now_.mono < n.flapping.until) {
    reason = fmt::format("lost {} times within {}: gets no new tasks for {} after the last",
                         n.flapping.seen, format_duration(limits::quarantine_window),
                         format_duration(n.flapping.length));
    return NodeState::quarantined;
  }
  if (n.availability == Availability::active) return NodeState::ready;
  reason = "by the operator: gets no new tasks";
  return n.availability == Availability::drain ? NodeState::draining : NodeState::paused;
}

void Core::refresh(NodeEntry& n) {
  std::string reason;
  const NodeState before = n.state;
  n.state = state_of(n, reason);
  n.reason = std::move(reason);
  const bool ready = n.state == NodeState::ready;
  if (n.index && ready != n.in_pool_ready) {
    if (ready) capacity_changed();
    n.in_pool_ready = ready;
    pool_.set_ready(*n.index, ready, std::string(name(n.state)));
  } else if (n.index && !ready && n.state != before) {
    pool_.set_ready(*n.index, false, std::string(name(n.state)));
  }
  if (n.state == before) return;
  switch (n.state) {
    case NodeState::ready:
      tell("node.ready", n, n.address);
      break;
    case NodeState::engine_down:
      tell("node.engine-down", n, n.reason);
      break;
    case NodeState::silent:
      tell("node.silent", n, n.reason);
      break;
    case NodeState::refused:
      tell("node.refused", n, n.reason);
      break;
    case NodeState::joining:
    case NodeState::lost:
    case NodeState::quarantined:
    case NodeState::paused:
    case NodeState::draining:
      break;  // told where it happens
  }
  services_.node_changed(n);
  losses_changed();
}

}  // namespace cube::manager
