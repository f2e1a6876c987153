#pragma once
// `Task`: one container that should run, as the manager knows it; and `AttemptStatus`, what a
// worker says about one attempt of it. Field comments name the one writer.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "task/shared_spec.h"
#include "task/state.h"

namespace cube {

// A published port as the engine reports it.
struct HostPort {
  Port container;
  std::string host_ip;
  std::uint16_t host_port = 0;
  friend auto operator<=>(const HostPort&, const HostPort&) = default;
};

// (task, attempt): one placement. With the restart it names exactly one container.
struct AttemptKey {
  TaskId task;
  std::uint32_t attempt = 0;
  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};

// What a worker observes of one attempt. Written by the worker only; the manager copies it into
// the task when (attempt, restart, change) is not older than what it has.
struct AttemptStatus {
  AttemptKey key;
  std::uint32_t restart = 0;        // the container this is about; 0 is the first start
  Observed observed = Observed::placed;
  bool final = false;               // exited, and no restart will follow on this node
  Failure failure = Failure::none;  // of the newest container that ended
  std::uint32_t failures = 0;       // in a row, since the last good run
  std::string reason;               // in words: "exit code 3", "pulling image", "restart in 4 s"
  Health health = Health::unknown;
  std::string container_id;
  std::string container_ip;
  std::vector<HostPort> host_ports;
  std::int32_t exit_code = 0;       // of the newest container that ended
  WallTime started, finished;       // of the newest container

  friend bool operator==(const AttemptStatus&, const AttemptStatus&) = default;
};

// A node where a task should not be tried again for a while, and why.
struct AvoidedNode {
  std::string node;
  WallTime until;
  std::string reason;
  friend bool operator==(const AvoidedNode&, const AvoidedNode&) = default;
};

// Which part of which service a task is.
struct Membership {
  ServiceId service;          // nil: none, a task of its own
  std::uint32_t slot = 0;     // 1..
  std::uint64_t version = 0;  // of the service's task that its spec was made from
  friend bool operator==(const Membership&, const Membership&) = default;
};

struct Task {
  // Written once, by the submission
  TaskId id;
  SharedSpec spec;
  Membership of;
  WallTime created;

  // Written by the manager
  Desired desired = Desired::run;
  std::uint32_t attempt = 0;       // 0: never placed
  std::string node;                // name of the node of this attempt; empty: none
  std::string waits_for;           // observed == waiting: why, in words
  std::vector<AvoidedNode> avoided;
  std::uint32_t moves = 0;         // attempts begun because the one before kept failing
  bool draining = false;           // a replica that gets no new requests and is stopped soon
  std::uint64_t revision = 0;      // of the last event about this task

  // Observed: the worker's words about the present attempt; while none is placed, the manager's own
  AttemptStatus status;
  std::uint32_t restarts_before = 0;  // restarts of earlier attempts, for RestartCount

  friend bool operator==(const Task&, const Task&) = default;

  std::uint32_t restart_count() const { return restarts_before + status.restart; }
  bool is_terminal() const;          // nothing will run any more without a new request
  WireState wire_state() const;      // the five-state view; the one place where it is derived
  std::string_view reason() const;   // status.reason or waits_for, whichever tells more
};

// One recorded change. Numbered by `revision`, which only grows, without gaps, per manager store.
struct Event {
  std::uint64_t revision = 0;
  WallTime at;
  std::string kind;     // "task.submitted", "task.placed", "task.running", "node.lost", ...
  TaskId task;          // nil when not about a task
  std::string name;     // the task's name
  std::string node;
  std::uint32_t attempt = 0, restart = 0;
  std::string text;     // one line in words
  friend bool operator==(const Event&, const Event&) = default;
};

// Records (base/bytes.h); see docs/store-format.md.
std::string encode(const Task&);
Result<Task> decode_task(std::string_view record);
// The same for those who keep the stored form of specs: `spec` is encode(task.spec), and `spec_of`
// gives the spec of such a record.
std::string encode(const Task&, std::string_view spec);
using SpecOf = std::function<Result<SharedSpec>(std::string_view record)>;
Result<Task> decode_task(std::string_view record, const SpecOf& spec_of);
std::string encode(const AttemptStatus&);
Result<AttemptStatus> decode_attempt_status(std::string_view record);
std::string encode(const Event&);
Result<Event> decode_event(std::string_view record);

}  // namespace cube
