#pragma once
// `TaskOrder`: tasks by their place in the order of submission. What is new comes last, so it is an
// array; a place that is given up stays empty until half of them are.

#include <cstdint>
#include <vector>

#include "manager/entries.h"

namespace cube::manager {

class TaskOrder {
 public:
  // In any order while loading: then sort() before anything is asked. Later: in order.
  void add(TaskEntry& t) { all_.push_back({t.seq, &t}); }
  void sort();
  void remove(const TaskEntry& t);

  const TaskEntry* find(std::uint64_t seq) const;
  std::size_t size() const { return all_.size() - empty_; }
  // Calls `visit(task)` for each; `visit` must not add or remove any.
  template <class Visit>
  void each(Visit visit) const {
    for (const Place& p : all_) {
      if (p.task != nullptr) visit(*p.task);
    }
  }
  // The first of them from place `seq` on, or null.
  TaskEntry* from(std::uint64_t seq) const;

 private:
  struct Place {
    std::uint64_t seq;
    TaskEntry* task;  // null: given up
  };
  std::size_t at(std::uint64_t seq) const;  // of the first place not before `seq`

  std::vector<Place> all_;
  std::size_t empty_ = 0;
};

}  // namespace cube::manager
