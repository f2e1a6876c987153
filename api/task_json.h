#pragma once
// A Task on the wire, shared by replies and submissions.

#include "api/decode.h"
#include "task/task.h"

namespace cube::api {

// What a Task document says beside the spec. A submission uses the id, the state and the
// container's id of it; a reply all.
struct TaskWire {
  Task task;
  std::uint64_t state = 1;
  std::uint64_t restart_count = 0;
  bool has_observed = false;  // false: written by an older program that knows only `state`
};

// The table of every field of a Task that is not of its spec.
Part<TaskWire> task_part(TaskWire& out);

}  // namespace cube::api
