#pragma once
// `Attempt`: what the worker knows of one attempt: what it should do with it, what it observed, and
// what it is doing about it right now.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "runtime/runtime.h"
#include "task/task.h"
#include "worker/probe.h"
#include "worker/reasons.h"
#include "worker/worker.h"

namespace cube::worker {

// Who wants the task. DO NOT RENUMBER: stored.
enum class Origin : std::uint8_t { manager = 0, local = 1 };
std::string_view name(Origin);  // "manager", "local": the label cube.origin

// What should become of an attempt. DO NOT RENUMBER: stored.
enum class Want : std::uint8_t {
  run = 0,   // a container runs, restarted under the policy
  keep = 1,  // nothing runs; the exited container stays, for its logs
  gone = 2,  // nothing is left of it
  hold = 3,  // found by its labels after the store was lost: left as it is until somebody decides
};

// Why the worker stops a container that should go on. DO NOT RENUMBER: stored.
enum class StopFor : std::uint8_t { nothing = 0, unhealthy = 1, request = 2, lease = 3 };

// The back-off of one attempt. Committed before anything acts on it.
struct Backoff {
  std::uint32_t ends = 0;     // containers in a row that ended without a good run: sets the pause
  std::uint32_t counted = 0;  // failures in a row that count against the policy's maximum
  Duration delay{};           // the pause before the present restart,
  WallTime decided;           // and when it was decided
  StopFor stop_for = StopFor::nothing;
  std::string stop_reason;
  friend bool operator==(const Backoff&, const Backoff&) = default;
};

// One container of the attempt as last seen.
struct Seen {
  std::string id;
  runtime::ContainerState state = runtime::ContainerState::created;
  std::int64_t pid = 0;
  bool stale = false;              // look again before deciding anything by it
  bool broken = false;             // created, and a start has failed: of no use
  bool oom = false;                // an out-of-memory event came
  bool engine_died = false;        // it ended with a reboot of the machine
  std::uint32_t remove_tries = 0;  // refused by the engine, in a row
  Instant remove_at{0};            // not tried again before
};

// The engine operations an attempt can need; also what one is under way.
enum class Verb : std::uint8_t { nothing, inspect, pull, create, start, stop, remove };

// An engine operation under way.
struct Doing {
  OpId op = 0;
  Verb verb = Verb::nothing;
  std::uint32_t restart = 0;
};

// The last end of a container, for as long as it may turn out to have been the engine's doing.
struct RecentEnd {
  Instant at;
  WallTime finished;
  Backoff backoff_before;
  std::uint32_t failures_before = 0;
  bool signalled = false;  // somebody else's signal came shortly before
};

// The last end of an attempt, not yet said: the engine may be on its way out.
struct HeldEnd {
  End end;
  Instant since, until;
};

struct Attempt {
  // Recorded
  AttemptKey key;
  Origin origin = Origin::manager;
  Want want = Want::run;
  TaskSpec spec;
  WallTime created;
  AttemptStatus status;
  Backoff backoff;

  // What the engine shows, by restart number
  std::map<std::uint32_t, Seen> containers;

  // What is going on
  std::optional<Doing> doing;
  std::uint8_t waits_for_slots = 0;  // a bit for each class it is queued in
  bool unsure = false;               // a create may have had its effect: inspect by name
  bool news = false;                 // an event came during the operation: look again after it
  bool needs_pull = false;
  bool pulled = false;             // in this attempt, by this process
  std::string pulling;             // key of the pull waited for; empty: none
  std::uint32_t tries = 0;         // of the present operation, that failed for no known reason
  std::uint32_t failed_tries = 0;  // of status.failures: tries to start that may come good yet
  bool renewed = false;            // its container would not start and was replaced by a new one
  Instant retry_at{0};             // no operation before
  Instant due{0};                  // of the present restart
  std::uint64_t touched = 0;       // the step of its last operation or event
  std::optional<RecentEnd> recent_end;
  std::optional<HeldEnd> held_end;
  Probing probing;

  // Book-keeping
  std::uint64_t change = 0;    // its place in the index of changes
  AttemptStatus reported;      // as of `change`
  bool saved = false;          // a record was ever written, of
  AttemptStatus saved_status;  // these
  Backoff saved_backoff;
  Instant save_at = Instant::never();
  Instant expires = Instant::never();  // a stopped local task is forgotten then
  Instant timer = Instant::never();    // its place in the index of timers

  bool is_over() const { return status.observed == Observed::exited && status.final; }
  // The operation came good, or has failed for good and is counted as that.
  void forget_tries() {
    status.failures -= std::min(status.failures, std::exchange(failed_tries, 0));
    tries = 0;
  }
};

// May processes of this container exist?
bool is_live(runtime::ContainerState state);
bool has_live_container(const Attempt& attempt);

}  // namespace cube::worker
