#pragma once
// What each command was asked to do: plain structs, filled by cli/arguments, read by the commands
// and by cmd/. Defaults are the documented ones.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "cli/daemon_options.h"

namespace cube::cli {

enum class OutputFormat : std::uint8_t { table, wide, json, name };

// --- Client
// ---------------------------------------------------------------------------------------

// Where a manager listens.
struct Address {
  std::string host = "localhost";
  std::uint16_t port = 5555;
  std::string str() const;  // "localhost:5555", "[::1]:5555"
};

// The flags that describe a task without a file.
struct QuickTask {
  std::string image, name, cpu, memory, disk, restart, health, user, working_dir, pull, platform;
  std::vector<std::string> ports, env, labels, mounts, constraints, command;
  bool exclusive = false;
};

struct RunOptions {
  Address manager;
  std::vector<std::string> files;  // used when quick.image is empty
  QuickTask quick;
  bool detach = false;
  bool quiet = false;  // only IDs on standard output
  Duration timeout = 60s;
};

struct StopOptions {
  Address manager;
  std::vector<std::string> refs;
  bool detach = false;
  Duration timeout = 60s;
};

struct StatusOptions {
  Address manager;
  std::vector<std::string> refs;  // empty: every task
  OutputFormat output = OutputFormat::table;
  bool quiet = false, no_trunc = false, watch = false;
};

struct NodeOptions {
  enum class Action : std::uint8_t { list, forget, drain, pause, activate };
  Address manager;
  Action action = Action::list;
  // References as node_meant() takes them (empty: every node); exact names to forget.
  std::vector<std::string> names;
  OutputFormat output = OutputFormat::table;
  bool quiet = false, no_trunc = false, watch = false, yes = false;
  bool wait = false;  // drain: until nothing runs there
  Duration timeout = 10min;
};

struct InspectOptions {
  enum class Type : std::uint8_t { task, node };
  Address manager;
  std::optional<Type> type;  // not given: a task, else a node
  std::vector<std::string> refs;
};

struct LogsOptions {
  Address manager;
  std::string ref;
  bool follow = false, timestamps = false;
  std::optional<std::uint64_t> tail;  // lines; nothing: all
  std::string since;                  // a duration or an RFC 3339 time
};

struct EventsOptions {
  Address manager;
  OutputFormat output = OutputFormat::table;  // or json
  bool follow = false;
  std::string since;  // a revision, a duration or an RFC 3339 time
};

// --- Services
// -------------------------------------------------------------------------------------

// The flags that describe a service without a file, or change one. What is not given is empty.
struct QuickService {
  QuickTask task;  // its name is the service's
  bool global = false;
  std::optional<std::uint32_t> replicas, parallelism, max_per_node, min, max;
  std::optional<Duration> delay, monitor, deadline, drain;
  std::optional<std::string> order, on_failure, autoscale, path, balance, spread;
  std::vector<std::string> hosts;
  std::vector<std::string> env_rm, label_rm;  // names to take away
};

// How a command that changes services waits for them.
struct Waiting {
  bool detach = false;
  bool quiet = false;  // only names on standard output, no progress
  Duration timeout = 10min;
};

struct ServiceCreateOptions {
  Address manager;
  std::vector<std::string> files;  // used when quick.task.image is empty
  QuickService quick;
  Waiting waiting;
};

struct ServiceUpdateOptions {
  Address manager;
  std::string ref;                 // with flags
  std::vector<std::string> files;  // or these
  QuickService quick;
  std::optional<std::uint64_t> if_version;
  Waiting waiting;
};

struct ServiceScaleOptions {
  struct Wanted {
    std::string ref;
    std::uint32_t replicas = 0;
  };
  Address manager;
  std::vector<Wanted> wanted;
  Waiting waiting;
};

struct ServiceRollbackOptions {
  Address manager;
  std::string ref;
  std::optional<std::uint64_t> if_version;
  Waiting waiting;
};

struct ServiceRemoveOptions {
  Address manager;
  std::vector<std::string> refs;
  bool wait = false;
  Duration timeout = 10min;
};

// `service ls`, `service ps` and `service inspect`.
struct ServiceShowOptions {
  enum class What : std::uint8_t { list, tasks, inspect };
  Address manager;
  What what = What::list;
  std::vector<std::string> refs;  // list: empty is every service
  OutputFormat output = OutputFormat::table;
  bool quiet = false, no_trunc = false, watch = false;
  bool history = false;  // inspect: the earlier versions
  bool all = false;      // tasks: also those that are over and have been replaced
};

struct ServiceLogsOptions {
  Address manager;
  std::string ref;
  bool follow = false, timestamps = false;
  std::optional<std::uint64_t> tail;  // lines of each replica; nothing: all
  std::string since;
};

struct PlanOptions {
  Address manager;
  std::vector<std::string> files;
};

struct ApplyOptions {
  Address manager;
  std::vector<std::string> files;
  Waiting waiting;
};

struct OrchestrateOptions {
  Address manager;
  std::string file;
  Waiting waiting;
};

// --- The program itself
// ---------------------------------------------------------------------------

struct CompletionOptions {
  std::string shell;  // "bash", "zsh", "fish"
};
struct VersionOptions {};
struct HelpOptions {
  std::string topic;  // a command ("service create"), "exit-codes", or empty
};

using Invocation =
    std::variant<ManagerOptions, WorkerOptions, DevOptions, IngressOptions, RunOptions, StopOptions,
                 StatusOptions, NodeOptions, InspectOptions, LogsOptions, EventsOptions,
                 ServiceCreateOptions, ServiceUpdateOptions, ServiceScaleOptions,
                 ServiceRollbackOptions, ServiceRemoveOptions, ServiceShowOptions,
                 ServiceLogsOptions, PlanOptions, ApplyOptions, OrchestrateOptions,
                 CompletionOptions, VersionOptions, HelpOptions>;

}  // namespace cube::cli
