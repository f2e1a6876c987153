#pragma once
// `Directory`: nodes by their name, address and worker, found without a walk over all of them.

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "manager/entries.h"

namespace cube::manager {

class Directory {
 public:
  // To be called after any of the three has changed.
  void file(NodeEntry& n);
  void drop(const NodeEntry& n);

  // Null: there is none. Of several (two may have one name or address for a while) the last by
  // number; find() gives the first.
  NodeEntry* by_name(std::string_view name) const { return last(names_, name); }
  NodeEntry* by_address(std::string_view address) const { return last(addresses_, address); }
  NodeEntry* by_worker(const WorkerId& worker) const;  // nil: none
  NodeEntry* other_by_name(std::string_view name, const NodeEntry& than) const;
  NodeEntry* find(std::string_view name_or_address) const;  // a name goes first

  bool is_filed(const NodeEntry& n) const;
  std::size_t size() const { return filed_.size(); }

 private:
  struct Filed {
    std::string name, address;
    WorkerId worker;
  };
  template <class Key>
  using Index = std::map<Key, std::map<NodeNo, NodeEntry*>, std::less<>>;
  template <class Key, class Ref>
  static NodeEntry* last(const Index<Key>& index, const Ref& key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : found->second.rbegin()->second;
  }

  std::map<NodeNo, Filed> filed_;
  Index<std::string> names_, addresses_;  // names that are known
  Index<WorkerId> workers_;               // likewise
};

}  // namespace cube::manager
