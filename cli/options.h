#pragma once
// What each command was asked to do: plain structs, filled by cli/arguments, read by the commands
// and by cmd/. Defaults are the documented ones.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/limits.h"
#include "base/time.h"

namespace cube::cli {

enum class LogFormat : std::uint8_t { text, json };
enum class OutputFormat : std::uint8_t { table, wide, json, name };

// --- Daemons
// --------------------------------------------------------------------------------------

struct ManagerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5555;
  std::vector<std::string> workers;  // "host:port"
  std::string scheduler = "epvm";
  std::string dbtype = "persistent";  // or "memory"
  std::string data_dir;               // always filled
  std::string cluster = "default";
  Duration node_deadline = limits::node_deadline_default;
  LogFormat log_format = LogFormat::text;
};

struct WorkerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5556;
  std::string name;  // always filled; the host's name when not given
  std::string dbtype = "persistent";
  std::string data_dir;  // always filled
  std::string cluster = "default";
  std::vector<std::string> join;  // managers to announce itself to, "host:port"
  std::string advertise;          // "host:port" to tell them; empty: what they see
  std::map<std::string, std::string> labels;
  std::vector<std::string> mount_dirs;  // host directories that tasks may mount from
  // Instead of what the machine has
  std::optional<std::int64_t> cpu_milli, memory_bytes, disk_bytes;
  std::string docker_host;  // --docker-host, else DOCKER_HOST; empty: the usual socket
  std::size_t engine_parallel = limits::engine_operations_max;
  bool forget_manager = false;  // drop what the last manager assigned and listen to any
  LogFormat log_format = LogFormat::text;
};

struct DevOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5555;
  std::uint16_t worker_port = 5556;
  std::string scheduler = "epvm";
  std::string dbtype = "persistent";
  std::string data_dir;  // always filled
  std::string docker_host;
  std::vector<std::string> mount_dirs;
  LogFormat log_format = LogFormat::text;
};

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
  enum class Action : std::uint8_t { list, forget };
  Address manager;
  Action action = Action::list;
  // References as node_meant() takes them (empty: every node); exact names to forget.
  std::vector<std::string> names;
  OutputFormat output = OutputFormat::table;
  bool quiet = false, no_trunc = false, watch = false, yes = false;
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

struct CompletionOptions {
  std::string shell;  // "bash", "zsh", "fish"
};
struct VersionOptions {};
struct HelpOptions {
  std::string topic;  // a command, "exit-codes", or empty
};

using Invocation = std::variant<ManagerOptions, WorkerOptions, DevOptions, RunOptions, StopOptions,
                                StatusOptions, NodeOptions, InspectOptions, LogsOptions,
                                EventsOptions, CompletionOptions, VersionOptions, HelpOptions>;

}  // namespace cube::cli
