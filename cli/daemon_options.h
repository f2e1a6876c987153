#pragma once
// What the commands that are servers were asked to do; see cli/options.h.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/time.h"

namespace cube::cli {

enum class LogFormat : std::uint8_t { text, json };

struct ManagerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5555;
  std::vector<std::string> workers;  // "host:port"
  std::string scheduler = "epvm";
  std::string dbtype = "persistent";  // or "memory"
  std::string data_dir;               // always filled
  std::string cluster = "default";
  Duration node_deadline = limits::node_deadline_default;
  std::uint16_t ingress_port = 8080;  // 0: no ingress in this process
  bool ingress_port_given = false;
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
  std::uint16_t ingress_port = 8080;  // 0: no ingress in this process
  bool ingress_port_given = false;
  LogFormat log_format = LogFormat::text;
};

struct IngressOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string metrics_host = "127.0.0.1";
  std::uint16_t metrics_port = 5557;  // 0: none
  std::vector<std::string> managers;  // "host:port"; always filled
  std::string access_log;             // a file, "-" for standard output; empty: none
  std::size_t connections_max = 10'000;
  bool share_port = false;
  Duration drain = 30s;
  LogFormat log_format = LogFormat::text;
};

}  // namespace cube::cli
