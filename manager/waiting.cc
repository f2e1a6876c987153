// The queue of tasks that have no node (or whose node is lost), oldest first.
//
// Tasks whose demands are equal wait in one class: when the oldest does not fit, none of them does,
// so that a change costs one look at the nodes for each kind of demand, however long the queue is.

#include <fmt/format.h>

#include "manager/impl.h"

namespace cube::manager {
namespace {

// So many of one class are told of every new reason at once, with an event; the rest once a second
// and only in memory.
constexpr std::size_t told_at_once_max = 64;
constexpr Duration tell_rest_every = 1s;
// With many nodes room comes free all the time, and each look at the queue is one at all of them.
constexpr std::size_t large_cluster_nodes = 500;
constexpr Duration try_again_every = 100ms;

// The reason without its figures, which change with every task that comes or goes.
std::string gist(std::string_view reason) {
  std::string out;
  int depth = 0;
  for (char c : reason) {
    if (c == '(') ++depth;
    if (depth == 0 && (c < '0' || c > '9')) out.push_back(c);
    if (c == ')' && depth > 0) --depth;
  }
  return out;
}

}  // namespace

std::string Core::queue_key(const TaskEntry& t) const {
  std::string key = t.kind->queue_key;
  if (!t.task.of.service.is_nil()) key += "|s" + t.task.of.service.str();
  // What is in its own slot is not in its way; under MaxPerNode that makes each slot another case.
  const bool by_slot = t.replica != nullptr && t.replica->service->spec.max_per_node != 0;
  if (by_slot) key += fmt::format(".{}", t.task.of.slot);
  for (const AvoidedNode& a : t.task.avoided) key += fmt::format("|a{}:{}", a.node.size(), a.node);
  return key;
}

void Core::enqueue(TaskEntry& t) {
  if (t.waits_in != nullptr) return;
  CUBE_ASSERT(t.task.desired == Desired::run && !t.task.is_terminal());
  CUBE_ASSERT(t.node == nullptr || t.node->lost);
  if (!is_clear(t)) return await_lease(t);
  std::string key = queue_key(t);
  auto [at, is_new] = waiting_.try_emplace(key);
  WaitClass& c = at->second;
  if (is_new) c.key = std::move(key);
  c.members[t.seq] = &t;
  t.waits_in = &c;
  if (c.tried == pool_version_ || (c.tried != 0 && is_too_soon())) {
    tell_waiting(t, c.reason, true);
  } else {
    queue_grew_ = true;
  }
}

void Core::leave_queue(TaskEntry& t) {
  if (t.waits_in == nullptr) return;
  WaitClass& c = *t.waits_in;
  t.waits_in = nullptr;
  c.members.erase(t.seq);
  if (c.members.empty()) waiting_.erase(std::string(c.key));
}

bool Core::is_large() const {
  return nodes_.size() >= large_cluster_nodes;
}

bool Core::is_too_soon() const {
  return is_large() && now_.mono < next_try_;
}

void Core::place_waiting() {
  const bool only_new = is_too_soon() && !queue_is_left_;
  const bool is_changed = placed_version_ != pool_version_;
  if (!queue_grew_ && !queue_is_left_ && (only_new || !is_changed)) return;
  queue_grew_ = queue_is_left_ = false;
  const std::uint64_t version = pool_version_;
  if (!only_new) {
    placed_version_ = version;
    next_try_ = now_.mono + try_again_every;
  }
  // The oldest of each class that was not tried since something changed; seq is unique.
  std::map<std::uint64_t, WaitClass*> next;
  for (auto& [key, c] : waiting_) {
    const bool is_due = only_new ? c.tried == 0 : c.tried != version;
    if (is_due) next.emplace(c.members.begin()->first, &c);
  }
  while (!next.empty()) {
    WaitClass& c = *next.begin()->second;
    if (placements_ >= limits::step_placements_max) {
      queue_is_left_ = true;
      return;
    }
    next.erase(next.begin());
    TaskEntry& t = *c.members.begin()->second;
    const auto decision = place(t);
    if (!decision.node) {
      c.tried = version;
      c.reason = decision.explanation.str();
      tell_class(c);
      continue;
    }
    const bool last = c.members.size() == 1;  // the class ends with it
    if (!last) next.emplace(std::next(c.members.begin())->first, &c);
    ++placements_;
    const std::string why = t.node != nullptr ? "node " + t.node->name + " is lost" : "";
    new_attempt(t, *entry(node_at_[static_cast<std::size_t>(*decision.node)]), "task.placed", why);
  }
}

void Core::tell_class(WaitClass& c) {
  const bool all = c.members.size() <= told_at_once_max || now_.mono >= c.next_tell;
  if (all) c.next_tell = now_.mono + tell_rest_every;
  std::size_t told = 0;
  for (auto& [seq, t] : c.members) {
    const bool record = told++ < told_at_once_max;
    if (!record && !all) break;
    tell_waiting(*t, c.reason, record);
  }
}

void Core::tell_waiting(TaskEntry& t, const std::string& reason, bool record) {
  std::string text =
      t.node != nullptr ? fmt::format("node {} is lost; {}", t.node->name, reason) : reason;
  if (text == t.task.waits_for) return;
  const bool new_kind = gist(text) != gist(t.task.waits_for);
  t.task.waits_for = std::move(text);
  if (new_kind && record) tell("task.waiting", t, t.task.waits_for);
}

}  // namespace cube::manager
