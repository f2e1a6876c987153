// The books of the pool: who is in it and what is reserved where.

#include <algorithm>

#include "base/rng.h"
#include "scheduler/pool_impl.h"

namespace cube::scheduler {
namespace {

std::uint32_t number(NodeIndex index) {
  return static_cast<std::uint32_t>(index);
}

// A node whose machine is not known shares its ports with nobody.
std::string machine_key(const NodeFacts& facts) {
  return facts.machine.empty() ? "node " + facts.name : "machine " + facts.machine;
}

void give_back(PortCounts& counts, const HostPortDemand& port, std::uint32_t count) {
  const auto held = counts.find(port);
  CUBE_ASSERT(held != counts.end() && held->second >= count);
  held->second -= count;
  if (held->second == 0) counts.erase(held);
}

}  // namespace

Pool::Pool(Policy policy) : impl_(std::make_unique<Impl>(policy)) {}
Pool::~Pool() = default;
Pool::Pool(Pool&&) noexcept = default;

NodeEntry& Pool::Impl::at(NodeIndex index) {
  CUBE_ASSERT(number(index) < nodes.size() && nodes[number(index)].present);
  return nodes[number(index)];
}

const NodeEntry& Pool::Impl::at(NodeIndex index) const {
  CUBE_ASSERT(number(index) < nodes.size() && nodes[number(index)].present);
  return nodes[number(index)];
}

std::uint32_t Pool::Impl::new_index(const std::string& name) {
  std::uint32_t index = static_cast<std::uint32_t>(nodes.size());
  if (unused.empty()) {
    nodes.emplace_back();
  } else {
    index = unused.back();
    unused.pop_back();
  }
  nodes[index].present = true;
  if (name_hashes.size() <= index) name_hashes.resize(name_hashes.size() + ranking_block);
  name_hashes[index] = stable_hash(name);
  by_name.emplace(name, index);
  return index;
}

// Enters the node with its machine and with the class of its capacity.
void Pool::Impl::attach(std::uint32_t index) {
  NodeEntry& node = nodes[index];
  node.machine = &machines[machine_key(node.facts)];
  ++node.machine->nodes;
  for (const auto& [port, count] : node.ports) node.machine->ports[port] += count;

  const Resources& capacity = node.facts.capacity;
  node.row_class = &classes[{capacity.cpu_milli, capacity.memory_bytes}];
  node.row = node.row_class->size();
  if (node.row == 0) weigh(*node.row_class, capacity);
  node.row_class->push_back(index);
  refresh_row(node);
}

// The reverse of attach(), by the facts that it was called with.
void Pool::Impl::detach(std::uint32_t index) {
  NodeEntry& node = nodes[index];
  for (const auto& [port, count] : node.ports) give_back(node.machine->ports, port, count);
  if (--node.machine->nodes == 0) machines.erase(machine_key(node.facts));
  node.machine = nullptr;

  CapacityClass& rows = *node.row_class;
  rows.erase_row(node.row);
  if (node.row < rows.size()) nodes[rows.node[node.row]].row = node.row;
  const Resources& capacity = node.facts.capacity;
  if (rows.size() == 0) classes.erase({capacity.cpu_milli, capacity.memory_bytes});
  node.row_class = nullptr;
}

void Pool::Impl::refresh_row(const NodeEntry& node) {
  const Resources free = node.free();
  if (node.ready && Resources{}.fits_in(free)) {
    node.row_class->set(node.row, free, columns_of(policy, basis, node.use()));
  } else {
    node.row_class->bar(node.row);
  }
  for (std::size_t i = 0; i < rankings.size(); ++i) {
    if (rankings[i].fresh) rank_row(i, node);
  }
}

NodeIndex Pool::put(const NodeFacts& facts) {
  const auto known = impl_->by_name.find(facts.name);
  const bool is_known = known != impl_->by_name.end();
  const std::uint32_t index = is_known ? known->second : impl_->new_index(facts.name);
  if (is_known) impl_->detach(index);
  impl_->nodes[index].facts = facts;
  impl_->attach(index);
  return NodeIndex{index};
}

void Pool::remove(NodeIndex index) {
  NodeEntry& node = impl_->at(index);
  set_ready(index, false, {});
  impl_->detach(number(index));
  impl_->by_name.erase(node.facts.name);
  impl_->unused.push_back(number(index));
  node = NodeEntry{};
}

void Pool::set_ready(NodeIndex index, bool ready, std::string reason) {
  NodeEntry& node = impl_->at(index);
  node.not_ready_reason = ready ? std::string() : std::move(reason);
  if (node.ready == ready) return;
  node.ready = ready;
  impl_->ready_nodes += ready ? 1 : -1;
  impl_->refresh_row(node);
}

void Pool::reserve(NodeIndex index, const Demand& demand) {
  NodeEntry& node = impl_->at(index);
  node.reserved += demand.resources;
  ++node.tasks;
  while (impl_->tasks_max <= node.tasks) impl_->tasks_max *= 2;
  for (const HostPortDemand& port : demand.ports) {
    ++node.ports[port];
    ++node.machine->ports[port];
  }
  impl_->refresh_row(node);
}

void Pool::release(NodeIndex index, const Demand& demand) {
  NodeEntry& node = impl_->at(index);
  CUBE_ASSERT(node.tasks > 0 && demand.resources.fits_in(node.reserved));
  node.reserved -= demand.resources;
  --node.tasks;
  for (const HostPortDemand& port : demand.ports) {
    give_back(node.ports, port, 1);
    give_back(node.machine->ports, port, 1);
  }
  impl_->refresh_row(node);
}

Resources Pool::reserved(NodeIndex index) const {
  return impl_->at(index).reserved;
}
Resources Pool::capacity(NodeIndex index) const {
  return impl_->at(index).facts.capacity;
}
std::uint32_t Pool::tasks(NodeIndex index) const {
  return impl_->at(index).tasks;
}
std::size_t Pool::size() const {
  return impl_->by_name.size();
}
Policy Pool::policy() const {
  return impl_->policy;
}

}  // namespace cube::scheduler
