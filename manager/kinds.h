#pragma once
// `Kinds`: the different specs of all tasks, each kept once with what follows from it, so that a
// thousand tasks of one kind cost a thousand states and one spec.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduler/scheduler.h"
#include "task/shared_spec.h"

namespace cube::manager {

struct TaskEntry;

// The tasks of one spec.
struct Kind {
  SharedSpec spec;
  std::string record;          // the spec's stored form
  scheduler::Demand demand;    // its seed is that of the task that was placed last
  std::string queue_key;       // of all that decides where it fits
  TaskEntry* first = nullptr;  // its tasks, linked through TaskEntry::kin_after
  std::uint32_t tasks = 0;
};

class Kinds {
 public:
  // The kind of a spec, new or known; it stays until its last task is taken out of it.
  Kind& of(const TaskSpec& spec);
  // The same by the spec's stored form, which is read only when it is new.
  Result<Kind*> of_record(std::string_view record);

  void add(Kind& kind, TaskEntry& t);
  void remove(TaskEntry& t);  // its kind goes with its last task

  // Every task so named.
  std::vector<TaskEntry*> named(std::string_view name) const;

  std::size_t tasks() const { return tasks_; }
  std::size_t known() const { return by_hash_.size(); }

 private:
  Kind& enter(TaskSpec spec, std::string record);

  Kind* find(std::uint64_t hash, std::string_view record) const;

  std::multimap<std::uint64_t, std::unique_ptr<Kind>> by_hash_;  // of their records
  std::multimap<std::string_view, Kind*> by_name_;               // views of their specs
  std::size_t tasks_ = 0;
};

}  // namespace cube::manager
