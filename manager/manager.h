#pragma once
// `Manager`: the pure core of the control plane. It keeps what should run, decides where, and says
// what to send and to commit as data.
//
// One verb: `step(now, input, effects)`. The shell (daemon/manager_daemon) carries inputs in and
// effects out in one fixed order: commit, then answer, then send. If the commit fails nothing of
// that batch is answered or sent and the process ends; a new Manager over the committed records is
// clean. Single-threaded. No I/O, no clock, no thread.
//
// Every decision is level-triggered, computed for what is dirty and once a minute for everything
// (that sweep must find nothing; it is counted when it does).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/messages.h"
#include "api/service.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "manager/service_inputs.h"
#include "scheduler/scheduler.h"
#include "store/store.h"
#include "task/task.h"

namespace cube::manager {

struct Config {
  std::string cluster = "default";
  scheduler::Policy policy = scheduler::Policy::epvm;
  std::vector<std::string> workers;  // "host:port", from --workers
  Duration node_deadline = limits::node_deadline_default;
  Duration quarantine_first = limits::quarantine_first;  // of a flapping node; 0: never
  std::string version;
};

enum class NodeNo : std::uint32_t {};  // given by the manager to each node it knows, for ever

// --- Inputs -----------------------------------------------------------------------------------

// One or more submissions, all or nothing. With an idempotency key the same answer is given again
// for 24 hours.
struct Submit {
  Token token;
  std::vector<api::Submission> items;
  std::string idempotency_key;
};
struct Stop {
  Token token;
  std::string ref;
};  // full ID, unique prefix or unique name
struct JoinNode {
  Token token;
  api::Join join;
};
// The operator says a node is gone for good: its tasks are placed elsewhere at once, also while
// replacement is paused. Refused while the node answers.
struct ForgetNode {
  Token token;
  std::string name;
};
// The operator takes a node out of use, or into it again: `pause` gives it nothing new, `drain`
// moves away what it has as well.
enum class Availability : std::uint8_t { active, pause, drain };
std::string_view name(Availability);
struct SetAvailability {
  Token token;
  std::string node;
  Availability availability;
};
// The answer to a PutTo or PollFrom.
struct LinkAnswered {
  NodeNo node;
  std::uint64_t call;
  api::Report report;
};
struct LinkFailed {
  NodeNo node;
  std::uint64_t call;
  enum class Kind : std::uint8_t { refused, timeout, rejected, broken } kind;  // rejected: a 4xx
  std::string message;
};
struct Wake {};

using Input = std::variant<Submit, Stop, JoinNode, ForgetNode, SetAvailability, ServiceInput,
                           LinkAnswered, LinkFailed, Wake>;

// --- Effects ----------------------------------------------------------------------------------

struct Accepted {};
struct Reply {
  Token token;
  // Submit: the tasks in order (stop events too); services: see manager/service_inputs.h;
  // everything else: Accepted
  std::variant<std::vector<Task>, Accepted, Error, api::ServiceView> body;
};

// Calls to a worker. The shell makes them in parallel and answers each exactly once with the same
// `call`. At most one PutTo and one PollFrom are under way per node.
struct PutTo {
  NodeNo node;
  std::uint64_t call;
  std::string address;  // "host:port"
  api::Assignment assignment;
  Duration deadline;
};
struct PollFrom {
  NodeNo node;
  std::uint64_t call;
  std::string address;
  std::uint64_t epoch, session, incarnation, change;
  Duration wait, deadline;
  api::LeaseGrant lease;
  ManagerId manager;  // who asks,
  std::string cluster;
};
using Send = std::variant<PutTo, PollFrom>;

struct Effects {
  std::vector<store::Write> writes;
  std::vector<Reply> replies;
  std::vector<Send> sends;
  std::vector<Event> events;    // recorded by this step, for those who follow along
  bool routes_changed = false;  // Manager::routes() says something new
};

// --- What can be read between steps -----------------------------------------------------------

// `quarantined`: it answers, but was lost too often lately; it gets no new tasks for a while.
enum class NodeState : std::uint8_t {
  joining,
  ready,
  engine_down,
  silent,
  lost,
  refused,
  quarantined,
  paused,    // by the operator: gets nothing new
  draining,  // by the operator: is emptied
};
std::string_view name(NodeState);

struct Node {
  NodeNo no;
  std::string name;     // the worker's; before the first contact its address
  std::string address;  // "host:port"
  NodeState state = NodeState::joining;
  Availability availability = Availability::active;
  std::string reason;  // why it is not ready, in words
  std::uint64_t session = 0;
  NodeInfo info;  // as last reported
  HostStats stats;
  Resources reserved;
  std::uint32_t task_count = 0;
  WallTime last_heard;
};

struct Counters {
  std::uint64_t submitted = 0, placed = 0, moved = 0, stopped = 0, reports = 0, reports_ignored = 0,
                link_failures = 0, nodes_lost = 0, sweeps_with_findings = 0;
};

using Visit = std::function<Result<void>(std::string_view key, std::string_view value)>;
using Scan = std::function<Result<void>(const Visit&)>;

class Manager {
 public:
  // `records` is everything the store holds, in key order. Raises the epoch; the first step commits
  // it before anything is sent. Errors: corrupt records.
  static Result<Manager> load(Config config, Rng rng,
                              std::vector<std::pair<std::string, std::string>> records);
  // The same for a store too large to have twice in memory: `scan` visits each record once.
  static Result<Manager> load_from(Config config, Rng rng, const Scan& scan);
  ~Manager();
  Manager(Manager&&) noexcept;

  void step(Now now, Input input, Effects& effects);
  Instant next_wake() const;

  // Reads, between steps.
  std::vector<const Task*> tasks() const;  // by creation
  // At most `count` of them, from place `next` on (0: the first); `next` is where to go on, or 0
  // when these were the last.
  std::vector<const Task*> tasks(std::uint64_t& next, std::size_t count) const;
  std::size_t tasks_in(WireState state) const;
  Result<const Task*> task(std::string_view ref) const;  // full ID, unique prefix or unique name
  std::vector<Node> nodes() const;                       // in the order they were added
  std::vector<Node> node_figures() const;  // the same; of their facts only the capacity
  Result<Node> node(std::string_view ref) const;
  std::vector<api::ServiceView> services() const;                // by creation
  Result<api::ServiceView> service(std::string_view ref) const;  // name, full ID, unique prefix
  Result<std::vector<const Task*>> service_tasks(std::string_view ref) const;  // by creation
  Result<std::vector<api::ServicePast>> service_history(std::string_view ref) const;
  api::RouteTable routes() const;
  std::string routes_version() const;  // RouteTable::version
  // Events after `revision`, oldest first. What is older than the kept ones is missing.
  std::vector<Event> events_after(std::uint64_t revision) const;
  std::uint64_t revision() const;
  std::string paused_reason() const;  // replacement of lost tasks is paused; empty: it is not
  std::uint64_t epoch() const;
  const Counters& counters() const;
  // What does not agree inside, in words: reservations with what is placed, indexes with what they
  // index. Must be empty between any two steps.
  std::vector<std::string> audit() const;

 private:
  struct Impl;
  explicit Manager(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cube::manager
