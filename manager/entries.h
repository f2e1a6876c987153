#pragma once
// What the manager's core keeps of each task and node beyond what is shown: who sits where, which
// calls are under way, and when to look again. Plain data; `Core` (manager/impl.h) owns and changes
// it.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/messages.h"
#include "base/flat_map.h"
#include "base/time.h"
#include "manager/kinds.h"
#include "manager/manager.h"
#include "scheduler/scheduler.h"
#include "task/task.h"

namespace cube::manager {

struct NodeEntry;
struct ServiceEntry;
struct WaitClass;

// What a replica of a service has beyond its task.
struct ReplicaEntry {
  ServiceEntry* service = nullptr;
  Instant since{};        // known since, in this life of the manager
  Instant ready_since{};  // while it is ready
  AttemptKey ready_as;    // and which of its containers that is
  std::uint32_t ready_restart = 0;
  bool ready = false;
  bool settled = false;          // was ready as long as the update's monitor asks, once
  bool counted = false;          // as a failure of the update
  std::uint64_t left_table = 0;  // the version of the table of routes that no longer had it
  Instant drain_until{};         // of a retired one
};

// One task.
struct TaskEntry {
  Task task;
  std::uint64_t seq = 0;                                  // order of submission; stored
  Kind* kind = nullptr;                                   // of task.spec
  TaskEntry *kin_before = nullptr, *kin_after = nullptr;  // in Kind::first
  NodeEntry* node = nullptr;                              // of the present attempt; null: none
  std::unique_ptr<ReplicaEntry> replica;                  // of a service's task that is not over
  WaitClass* waits_in = nullptr;    // the queue it waits in; null: it does not wait
  bool left_its_node = false;       // before this life of the manager: nobody knows which that was
  std::uint32_t held = 0;           // attempts of it, of any age, that occupy a node
  std::vector<NodeEntry*> held_on;  // of an exclusive task: where, once for each of them
  Instant unproven_until{};         // of an exclusive task: something may live where nobody knows
  bool container_dropped = false;   // over, and its kept container was given up; stored
  bool dirty = false;               // to be written at the end of this step
  bool has_old_key = false;         // its record is still where an earlier version put it
  WireState counted = WireState::pending;  // as what it is in Core::counted_
  Instant alarm = Instant::never();        // when to look at it again (Core::look_at)
  Instant next_move{};                     // not moved for its failures before
  std::vector<Instant> avoid_until;        // beside task.avoided: decisions use this clock
  Instant ended = Instant::never();        // when it became terminal
  std::uint64_t ended_revision = 0;        // its place in the order of endings
};

// An attempt that occupies a node: placed there, or reported from there and not yet gone.
struct Holding {
  TaskEntry* task = nullptr;
  std::uint64_t since = 0;    // the generation that first assigned it
  std::uint64_t dropped = 0;  // the generation that first lacked it; 0: it is assigned
};

// One kind of call to one node, of which at most one is under way.
struct Link {
  std::uint64_t call = 0;        // under way; 0: none
  bool stale = false;            // its answer says nothing any more
  bool identify = false;         // PollFrom: asks who answers there
  std::uint64_t generation = 0;  // PutTo: what it carries
  Instant retry{};               // no new call before
  Instant paced{};               // nor before this: PutTo, so that many nodes share the manager
  Duration backoff{};            // after the last failure; 0: it did not fail
};

// How far the manager has got with a node in this session.
enum class Phase : std::uint8_t {
  closed,      // who answers there must be asked first
  identified,  // its worker is known; the first assignment of the session is on its way
  live,        // an assignment of this session was accepted
};

// How often a node was lost lately, in this life of the manager.
struct Flapping {
  std::deque<Instant> losses;  // within limits::quarantine_window
  Instant until{0};            // no new tasks before
  Duration length{};           // of the last quarantine
  std::size_t seen = 0;        // the losses that led to it, for people
};

// One node.
struct NodeEntry {
  NodeNo no{};
  std::string name;     // the worker's; empty before the first contact
  std::string address;  // "host:port"
  WorkerId worker;      // nil before the first contact
  NodeInfo info;
  HostStats stats;

  NodeState state = NodeState::joining;
  Availability availability = Availability::active;  // stored
  std::string reason;
  std::string refusal;  // why it is not taken in; empty: nothing against it
  std::string trouble;  // the last failed call, in words
  bool lost = false;    // past its deadline
  Flapping flapping;
  bool settled = false;  // lost, and its tasks were given up to other nodes; stored
  Phase phase = Phase::closed;

  // The assignment: present attempts of tasks that should run or whose container is kept.
  FlatMap<TaskId, TaskEntry*> assigned;
  FlatMap<AttemptKey, Holding> holdings;
  std::uint64_t session = 0;     // 0: none in this life of the manager
  std::uint64_t generation = 0;  // of `assigned`, within the session
  std::uint64_t accepted = 0;    // the newest generation that the worker has accepted

  bool takes_changes = false;    // its worker can be told what changed, instead of everything
  std::uint64_t base = 0;        // since this generation; 0: it must be told everything
  std::uint64_t dropped_at = 0;  // the newest generation that dropped something
  std::map<TaskId, std::uint64_t> edits;  // what changed after `base`, and in which generation last

  Link put, poll;
  std::uint64_t incarnation = 0, change = 0;  // of the newest report
  std::uint64_t lease_stamp = 0;              // of the newest report of this session
  Instant stamp_heard{};                      // when that came
  // The newest stamp that was sent back was heard then; a lease counts from before.
  Instant leased{};
  std::uint64_t last_incarnation = 0;  // the one before: its late reports are ignored

  Instant since{};               // known since, in this life of the manager
  std::optional<Instant> heard;  // last good answer, in this life of the manager
  WallTime last_heard;
  Instant alarm = Instant::never();
  std::optional<scheduler::NodeIndex> index;
  bool in_pool_ready = false;
  bool dirty = false;    // to be written at the end of this step
  bool touched = false;  // its links are to be looked at at the end of this step

  // The name to show: the worker's, or the address while that is not known.
  const std::string& shown() const { return name.empty() ? address : name; }
};

// Waiting tasks whose demand is the same: when one does not fit, none does.
struct WaitClass {
  std::string key;
  std::map<std::uint64_t, TaskEntry*> members;  // by order of submission
  std::uint64_t tried = 0;  // the version of the pool at which the oldest did not fit
  std::string reason;       // why
  Instant next_tell{};      // a long queue is told of a new reason at most once a second
};

// The answer to an idempotency key.
struct Remembered {
  std::uint64_t seq = 0;  // order of arrival
  WallTime at;
  std::uint64_t content = 0;  // hash of the request
  std::vector<TaskId> tasks;
};

}  // namespace cube::manager
