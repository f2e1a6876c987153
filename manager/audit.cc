// The minute's check without its remedies: all that is derived is computed again and compared.
// Read-only, for the simulator, which asks after every step.

#include <fmt/format.h>

#include "manager/impl.h"

namespace cube::manager {
namespace {

std::string about(const TaskEntry& t, std::string_view what) {
  return fmt::format("{} {}: {}", t.task.spec->name, t.task.id.str().substr(0, 8), what);
}

}  // namespace

// In one place only: over; being stopped, with something left of it; waiting; or assigned.
void Core::audit_task(const TaskEntry& t, std::vector<std::string>& out) const {
  const auto check = [&](bool holds, std::string_view what) {
    if (!holds) out.push_back(about(t, what));
  };
  const Task& task = t.task;
  const bool is_assigned = t.node != nullptr && t.node->assigned.contains(task.id);
  const bool is_held = t.node != nullptr && t.node->holdings.contains({task.id, task.attempt});
  check(by_id_.find(task.id) == &t, "not among the ids");
  check(by_seq_.find(t.seq) == &t, "not in the order of submission");
  check(t.counted == task.wire_state(), "counted in another state");
  check(t.alarm.is_never() || task_alarms_.contains({t.alarm, task.id}), "its alarm is not set");
  check(!t.dirty, "its record was not written");
  check(t.node == nullptr || t.node->name == task.node, "its node has another name");
  if (task.is_terminal()) {
    const auto ended = ended_.find(t.ended_revision);
    check(ended != ended_.end() && ended->second == &t, "over, and not among the ended");
    check(t.waits_in == nullptr, "over, and waits");
    check(is_assigned == !t.container_dropped || t.node == nullptr, "its container is forgotten");
    return;
  }
  if (task.desired == Desired::stop) {
    check(t.held > 0 || unproven_stops_.contains(task.id),
          "nothing of it is left, and it is not over");
    check(t.waits_in == nullptr, "is to be stopped, and waits");
    check(!is_assigned, "is to be stopped, and assigned");
    return;
  }
  check(!should_wait(t) || t.waits_in != nullptr || !is_clear(t), "has no node, and does not wait");
  check(should_wait(t) || t.waits_in == nullptr, "has a node, and waits");
  check(t.node == nullptr || (is_assigned && is_held), "has a node, and takes no room there");
}

// What is reserved is the sum of what occupies the node.
void Core::audit_node(const NodeEntry& n, std::map<TaskId, std::uint32_t>& held,
                      std::vector<std::string>& out) const {
  const auto check = [&](bool holds, std::string_view what) {
    if (!holds) out.push_back(fmt::format("node {}: {}", n.shown(), what));
  };
  Resources sum;
  for (const auto& [key, h] : n.holdings) {
    sum += h.task->kind->demand.resources;
    ++held[key.task];
    check(h.task->task.id == key.task, "holds one task under the name of another");
  }
  for (const auto& [id, t] : n.assigned) {
    check(t->node == &n && t->task.id == id, "is assigned what is elsewhere");
  }
  check(n.index.has_value(), "is not in the pool");
  if (n.index) {
    check(sum == pool_.reserved(*n.index), "the reservations are not the sum of what is there");
    check(n.holdings.size() == pool_.tasks(*n.index), "counts other tasks than it holds");
    check(n.in_pool_ready == (n.state == NodeState::ready), "is ready here and not there");
  }
  check(n.alarm.is_never() || node_alarms_.contains({n.alarm, n.no}), "its alarm is not set");
  check(n.put.call != 0 || n.poll.call != 0 || !n.alarm.is_never(), "nobody will call it");
  check(directory_.is_filed(n), "is not where its name, address and worker are looked up");
  check(drained_.contains(n.no) == (n.availability == Availability::drain),
        "is emptied, or should be");
  check(leaseless_.contains(n.no) == !n.info.keeps_lease, "keeps a lease, or does not");
  check(!n.dirty && !n.touched, "its record was not written");
}

std::vector<std::string> Core::audit() const {
  std::vector<std::string> out;
  std::map<TaskId, std::uint32_t> held;
  std::uint32_t unsettled = 0;
  for (const auto& [no, n] : nodes_) {
    audit_node(n, held, out);
    unsettled += n.lost && !n.settled ? 1 : 0;
  }
  if (directory_.size() != nodes_.size() || drained_.size() > nodes_.size() ||
      leaseless_.size() > nodes_.size()) {
    out.push_back("an index holds other nodes than there are");
  }
  if (unsettled != unsettled_) out.push_back("the number of nodes whose loss is not made good");
  std::size_t waiting = 0, ended = 0;
  for (const auto& [id, t] : tasks_) {
    audit_task(t, out);
    const auto counted = held.find(id);
    const std::uint32_t found = counted == held.end() ? 0 : counted->second;
    if (t.held != found) out.push_back(about(t, "counts other rooms than it has"));
    waiting += t.waits_in != nullptr ? 1 : 0;
    ended += t.task.is_terminal() ? 1 : 0;
  }
  for (const auto& [key, c] : waiting_) {
    waiting -= c.members.size();
    if (c.members.empty()) out.push_back("an empty queue");
  }
  if (waiting != 0) out.push_back("the queues hold other tasks than those that wait");
  if (ended != ended_.size()) out.push_back("other tasks are over than those among the ended");
  if (by_id_.size() != tasks_.size() || by_seq_.size() != tasks_.size() ||
      kinds_.tasks() != tasks_.size()) {
    out.push_back("an index holds other tasks than there are");
  }
  std::array<std::size_t, wire_states> counted{};
  for (const auto& [id, t] : tasks_) ++counted[static_cast<std::size_t>(t.counted)];
  if (counted != counted_) out.push_back("the numbers of tasks by state");
  if (keys_.size() != keys_by_seq_.size()) out.push_back("the idempotency keys' index");
  for (std::string& text : services_.audit()) out.push_back(std::move(text));
  return out;
}

std::vector<std::string> Manager::audit() const {
  return impl_->audit();
}

}  // namespace cube::manager
