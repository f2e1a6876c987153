// Which worker answers at an address, and which node it therefore is.
//
// Asked at the start of every session, before anything is assigned: a first assignment sent to the
// wrong worker (the same one under a second address, a new one behind an old address) would stop
// what it runs.

#include <fmt/format.h>

#include "base/text.h"
#include "manager/impl.h"

namespace cube::manager {

bool Core::identify(NodeEntry& n, const NodeInfo& info) {
  if (info.worker.is_nil() || info.name.empty()) {
    refuse(n, "what answers there is not a worker of Cube");
    return false;
  }
  return settle_owner(n, info) && settle_name(n, info);
}

bool Core::settle_owner(NodeEntry& n, const NodeInfo& info) {
  if (n.worker == info.worker) return true;
  NodeEntry* const owner = directory_.by_worker(info.worker);
  if (owner != nullptr && answers(*owner)) {
    refuse(n, fmt::format("the worker there is node {}, known at {}", owner->name, owner->address));
    return false;
  }
  if (owner != nullptr) {  // it moved: what is known of it is found here from now on
    move_node(*owner, std::string(n.address), &n);
    dial_now(*owner);
    return false;
  }
  if (n.worker.is_nil()) return true;
  if (!n.lost) {
    refuse(n, fmt::format("another worker ({}) answers at the address of {}; it is taken in when "
                          "{} is lost or forgotten",
                          printable(info.name), n.name, n.name));
    return false;
  }
  const std::string address = n.address;
  remove_node(n, "another worker answers at its address");
  add_node(address);
  return false;
}

bool Core::settle_name(NodeEntry& n, const NodeInfo& info) {
  NodeEntry* const other = directory_.other_by_name(info.name, n);
  if (other == nullptr) return true;
  if (is_empty_and_lost(*other)) {
    remove_node(*other, "another worker took its name");
    return true;
  }
  refuse(n, fmt::format("the name {} is taken by the worker at {}", printable(info.name),
                        other->address));
  return false;
}

void Core::refuse(NodeEntry& n, std::string reason) {
  n.refusal = std::move(reason);
  close_session(n);
  refresh(n);
}

void Core::rename(NodeEntry& n, const std::string& name) {
  if (n.name == name) return;
  if (n.index) {
    pool_.remove(*n.index);
    n.index.reset();
  }
  n.name = name;
  directory_.file(n);
  for (TaskEntry* t : tasks_on(n)) {
    t->task.node = name;
    save(*t);
  }
}

void Core::take_info(NodeEntry& n, const NodeInfo& info) {
  if (n.info == info && n.index) return;
  rename(n, info.name);
  const bool may_help = !(n.info.capacity == info.capacity) || n.info.labels != info.labels ||
                        n.info.platform != info.platform || n.info.keeps_lease != info.keeps_lease;
  n.info = info;
  put_in_pool(n);
  if (may_help) capacity_changed();
  save(n);
}

void Core::put_in_pool(NodeEntry& n) {
  const bool is_new = !n.index;
  n.index = pool_.put({.name = n.shown(),
                       .machine = n.info.machine,
                       .platform = n.info.platform,
                       .labels = n.info.labels,
                       .capacity = n.info.capacity});
  const auto i = static_cast<std::size_t>(*n.index);
  if (node_at_.size() <= i) node_at_.resize(i + 1);
  node_at_[i] = n.no;
  if (n.info.keeps_lease) {
    leaseless_.erase(n.no);
  } else {
    leaseless_.insert(n.no);
  }
  if (!is_new) return;
  n.in_pool_ready = false;
  pool_.set_ready(*n.index, false, std::string(name(n.state)));
  for (const auto& [key, h] : n.holdings) pool_.reserve(*n.index, h.task->kind->demand);
}

}  // namespace cube::manager
