#include "manager/directory.h"

namespace cube::manager {
namespace {

template <class Index, class Key>
void erase(Index& index, const Key& key, NodeNo no) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  found->second.erase(no);
  if (found->second.empty()) index.erase(found);
}

}  // namespace

void Directory::file(NodeEntry& n) {
  drop(n);
  filed_[n.no] = {n.name, n.address, n.worker};
  if (!n.name.empty()) names_[n.name][n.no] = &n;
  addresses_[n.address][n.no] = &n;
  if (!n.worker.is_nil()) workers_[n.worker][n.no] = &n;
}

void Directory::drop(const NodeEntry& n) {
  const auto known = filed_.find(n.no);
  if (known == filed_.end()) return;
  erase(names_, known->second.name, n.no);
  erase(addresses_, known->second.address, n.no);
  erase(workers_, known->second.worker, n.no);
  filed_.erase(known);
}

NodeEntry* Directory::by_worker(const WorkerId& worker) const {
  return last(workers_, worker);
}

NodeEntry* Directory::other_by_name(std::string_view name, const NodeEntry& than) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return nullptr;
  NodeEntry* other = nullptr;
  for (const auto& [no, n] : found->second) {
    if (n != &than) other = n;
  }
  return other;
}

NodeEntry* Directory::find(std::string_view name_or_address) const {
  for (const Index<std::string>* index : {&names_, &addresses_}) {
    const auto found = index->find(name_or_address);
    if (found != index->end()) return found->second.begin()->second;
  }
  return nullptr;
}

bool Directory::is_filed(const NodeEntry& n) const {
  const auto known = filed_.find(n.no);
  if (known == filed_.end()) return false;
  const Filed& f = known->second;
  return f.name == n.name && f.address == n.address && f.worker == n.worker;
}

}  // namespace cube::manager
