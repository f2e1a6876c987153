#pragma once
// `Worker`: the pure core of a node. It holds the attempts its manager assigned and the tasks
// posted to it directly, compares them with the containers that the engine shows, and says what to
// do next as data.
//
// One verb: `step(now, input, effects)`. The shell (daemon/worker_daemon) carries inputs in and
// effects out in one fixed order: commit, then answer, then send (operations and probes). If the
// commit fails the shell ends the process; a new Worker over the committed records is clean.
// Single-threaded: the caller sees to it that calls do not overlap. No I/O, no clock, no thread.
//
// Every decision is level-triggered: losing or repeating any input only costs time.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/messages.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "task/task.h"
#include "worker/labels.h"

namespace cube::worker {

struct Config {
  std::string name;
  std::string cluster = "default";
  std::map<std::string, std::string> labels;
  std::vector<std::string> mount_dirs;  // host paths may be mounted only from under these
  Resources capacity;                   // zero members: what the machine has
  std::string version;
  std::string boot_id;
  std::size_t engine_operations_max = limits::engine_operations_max;
  // The operator hands this worker over: the manager it is bound to is forgotten at load, and the
  // next assignment, of whichever manager, binds it again.
  bool forget_manager = false;
  // By Now::lease_clock(): the end of the lease that the process before held, in this boot; 0:
  // none.
  Instant lease_until{};
  bool keeps_lease = true;  // it has a guard, or will start one: GuardChanged tells otherwise
  bool guard_lives = true;  // nothing exclusive starts before it does
};

// Names a caller that waits for a Reply. Chosen by the shell, never 0, used once.
using Token = std::uint64_t;
// Names a container operation or a probe. Chosen by the core, never 0, used once per process.
using OpId = std::uint64_t;

// --- Inputs -----------------------------------------------------------------------------------

struct PutAssignment {
  Token token;
  api::Assignment assignment;
};
// The long poll. Answered at once when something after `change` is known or when `incarnation` is
// not this process's; else when something changes, at the latest after `wait`.
struct PollReport {
  Token token;
  std::uint64_t epoch = 0, session = 0;  // of the asking manager; a lower one is refused (conflict)
  std::uint64_t incarnation = 0, change = 0;
  Duration wait{};
  api::LeaseGrant lease{};
  ManagerId manager{};    // who asks; nil: it does not say,
  std::string cluster{};  // and of which cluster
};
// The guard, which stops exclusive tasks when this process cannot, lives or does not.
struct GuardChanged {
  bool lives = false;
};
struct PostTask {
  Token token;
  api::Submission submission;
};
struct DeleteTask {
  Token token;
  TaskId id;
};
struct EngineConnected {
  runtime::EngineInfo info;
};
struct EngineDisconnected {
  std::string reason;
};
struct EngineHappened {
  runtime::EngineEvent event;
};
struct HostSampled {
  HostStats stats;
  Resources machine;
  std::vector<api::TaskUsage> usage{};
};

// The outcome of an Operation, by kind.
using OperationOutcome = std::variant<runtime::Done,       // pull, stop, remove
                                      std::string,         // create: the container's id
                                      runtime::Container,  // start, inspect
                                      std::vector<runtime::Container>,  // list
                                      runtime::EngineError>;
struct OperationDone {
  OpId op;
  OperationOutcome outcome;
};
struct PullProgress {
  OpId op;
  std::string text;
};
struct ProbeDone {
  OpId op;
  bool ok = false;
  std::string detail;
};
struct Wake {};  // next_wake() has come

using Input = std::variant<PutAssignment, PollReport, GuardChanged, PostTask, DeleteTask,
                           EngineConnected, EngineDisconnected, EngineHappened, HostSampled,
                           OperationDone, PullProgress, ProbeDone, Wake>;

// --- Effects ----------------------------------------------------------------------------------

struct Deleted {};
struct Reply {
  Token token;
  std::variant<api::Report, Task, Deleted, Error> body;
};

struct ListContainers {
  std::map<std::string, std::string> labels;
};
struct InspectContainer {
  std::string id_or_name;
};
struct PullImage {
  std::string image, platform;
};
struct CreateContainer {
  runtime::ContainerConfig config;
};
struct StartContainer {
  std::string id;
};
struct StopContainer {
  std::string id;
  Duration grace;
};
struct RemoveContainer {
  std::string id;
};
struct Operation {
  OpId op;
  std::variant<ListContainers, InspectContainer, PullImage, CreateContainer, StartContainer,
               StopContainer, RemoveContainer>
      what;
};

// One health check to run now. The target is the task's own container, seen at its last inspect.
struct Probe {
  OpId op;
  HealthCheck::Kind kind;
  std::string container_id;
  std::string host;  // http, tcp
  std::uint16_t port = 0;
  std::string path;
  std::vector<std::string> command;
  Duration timeout;
};

// One line for the daemon's log; `error` is worth an operator's eye.
struct Note {
  bool error = false;
  std::string kind;  // "task.running", "engine.away", ...
  std::string text;
};

struct Effects {
  std::vector<store::Write> writes;
  std::vector<Reply> replies;
  std::vector<Operation> operations;
  std::vector<Probe> probes;
  std::vector<Note> notes;
  std::optional<Instant> lease_until;  // renewed: to be shown to the guard
  bool wants_guard = false;            // there is something exclusive: a guard shall live
};

// Numbers for /metrics, since the process started.
struct Counters {
  std::uint64_t containers_started = 0, containers_adopted = 0, containers_exited = 0, restarts = 0,
                operations = 0, operation_errors = 0, probes = 0, probe_failures = 0,
                assignments = 0, assignments_refused = 0, sweeps_with_findings = 0;
};

// --- The core ---------------------------------------------------------------------------------

// A container of ours that runs now: for statistics, logs and exec.
struct RunningContainer {
  AttemptKey key;
  std::uint32_t restart = 0;
  std::string container_id, task_name, image;
  std::int64_t pid = 0;
};

class Worker {
 public:
  // `records` is everything the store holds, in key order. A first start (no records) makes the
  // worker's id from `rng`; the first step commits it. Errors: corrupt records; the
  // store of another name or cluster.
  static Result<Worker> load(Config config, Rng rng,
                             std::vector<std::pair<std::string, std::string>> records);
  ~Worker();
  Worker(Worker&&) noexcept;

  void step(Now now, Input input, Effects& effects);
  // When to send Wake at the latest; never() when nothing is due.
  Instant next_wake() const;

  // Reads, between steps.
  std::vector<Task> tasks() const;                // manager's and its own, by creation
  Result<Task> task(std::string_view ref) const;  // full ID, unique prefix or unique name
  std::vector<RunningContainer> running() const;
  // The container whose logs are this task's now (also an exited one that is kept).
  Result<std::string> log_container(TaskId id) const;
  NodeInfo info() const;
  const HostStats& host_stats() const;
  const Counters& counters() const;
  std::size_t task_count() const;

 private:
  struct Impl;
  explicit Worker(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cube::worker
