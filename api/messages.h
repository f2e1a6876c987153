#pragma once
// What travels between manager and worker, as plain structs. The JSON form is in api/codec.h;
// docs/api.md describes it.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "task/node.h"
#include "task/task.h"

namespace cube::api {

// Who says so, in order of weight. A worker refuses an Assignment whose fence is lower than the
// last it accepted; the same fence again is a repeat and changes nothing.
struct Fence {
  std::uint64_t epoch = 0;       // +1 at each start of the manager
  std::uint64_t session = 0;     // +1 each time the manager takes a node (back) in
  std::uint64_t generation = 0;  // +1 each time the node's assignment changes
  friend auto operator<=>(const Fence&, const Fence&) = default;
};

// One attempt a node should hold.
struct AssignedTask {
  TaskId id;
  std::uint32_t attempt = 0;
  // true: run it (restart it under its policy). false: it is over; start nothing, but keep its
  // exited container, for its logs, until it is gone from the assignment.
  bool run = true;
  SharedSpec spec;
  friend bool operator==(const AssignedTask&, const AssignedTask&) = default;
};

// What one node should hold: the full set, so that what is not in it is stopped and removed; or, to
// a worker that says `takes_changes`, what changed since an earlier generation of the same session.
struct Assignment {
  std::string cluster;
  ManagerId manager;
  Fence fence;
  std::vector<AssignedTask> tasks;
  // Not 0: `tasks` is what came or changed after generation `base`, `dropped` what went. A worker
  // that holds another generation changes nothing; the fence of its report tells.
  std::uint64_t base = 0;
  std::vector<TaskId> dropped;
  // What the manager knows of the worker already: the answer tells what came after. 0: everything.
  std::uint64_t incarnation = 0, change = 0;
};

// A poll of the manager renews the worker's lease: until `ttl` after the worker sent the report
// that bears `stamp`, by the worker's own clock. So it counts from before the manager could know of
// it, and a poll that is late, repeated or forged out of its time renews nothing.
struct LeaseGrant {
  std::uint64_t stamp = 0;  // Report::lease_stamp of a report of this session; 0: no grant
  Duration ttl{};
};

// What a task's container uses, on average since the sample before.
struct TaskUsage {
  TaskId task;
  double cpu_percent = 0;     // of one core
  double memory_percent = 0;  // of its limit, or of the machine's memory
};

// What a worker observes. `base` == 0: `attempts` is everything the worker holds of its manager's
// tasks (also what it is still stopping). Otherwise: what changed after change number `base`, and
// `gone` lists attempts of which nothing is left.
struct Report {
  NodeInfo node;
  Fence fence;                    // of the assignment it holds
  std::uint64_t incarnation = 0;  // changes when the worker process starts: changes count anew
  std::uint64_t base = 0;
  std::uint64_t change = 0;  // ask for what comes after this next time
  std::vector<AttemptStatus> attempts;
  std::vector<AttemptKey> gone;
  std::uint32_t task_count = 0;   // attempts the worker holds that are not over
  std::uint64_t lease_stamp = 0;  // Now::lease_clock() when it was made, in us; 0: keeps no lease
  bool takes_changes = false;     // the worker understands Assignment::base
  HostStats stats;
  std::vector<TaskUsage> usage;  // of what runs, from the newest sample
};

// `cube worker --join`: a worker makes itself known.
struct Join {
  std::string cluster;
  std::string name;
  WorkerId worker;
  std::string address;  // "host:port" to dial; empty host: the peer address of the request
};

// A TaskEvent or bare Task, as posted to either daemon.
struct Submission {
  TaskId id;            // nil: the receiver makes one
  int event_state = 2;  // 3: stop the task
  int task_state = 1;
  std::string container_id;  // old managers name it to ask a worker for a restart
  bool bare = false;         // the body was a Task without an event around it
  TaskSpec spec;
};

}  // namespace cube::api
