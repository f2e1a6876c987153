#pragma once
// `TaskIndex`: tasks by their id, found at a glance however many there are. Core::tasks_ has them
// in the order of their ids; a look into a tree of a million is twenty cache misses.

#include <cstdint>
#include <vector>

#include "manager/entries.h"

namespace cube::manager {

class TaskIndex {
 public:
  TaskEntry* find(const TaskId& id) const;  // null: not there
  void add(TaskEntry& t);                   // REQUIRES: not there
  void remove(const TaskEntry& t);          // REQUIRES: there
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    TaskEntry* task = nullptr;  // null: free
  };
  std::size_t after(std::size_t i) const { return (i + 1) & (slots_.size() - 1); }
  std::size_t home(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  void put(Slot slot);
  void grow();

  std::vector<Slot> slots_;  // a power of two; searched from a hash's home on
  std::size_t size_ = 0;
};

}  // namespace cube::manager
