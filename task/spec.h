#pragma once
// `TaskSpec`: what a person asks for. Written once, at submission; nothing ever changes it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/limits.h"

namespace cube {

// A container port, "7777/tcp" on the wire. Protocols: tcp, udp, sctp.
struct Port {
  std::uint16_t number = 0;
  std::string protocol = "tcp";
  friend auto operator<=>(const Port&, const Port&) = default;
  std::string str() const;  // "7777/tcp"
  static Result<Port> parse(std::string_view text);  // "7777" is tcp
};

// One published port. host_port 0: the engine chooses, and the report tells which.
struct PortBinding {
  Port container;
  std::uint16_t host_port = 0;
  std::string host_ip;  // empty: every address
  friend auto operator<=>(const PortBinding&, const PortBinding&) = default;
};

struct Mount {
  enum class Kind : std::uint8_t { volume = 0, bind = 1, tmpfs = 2 };
  Kind kind = Kind::volume;
  std::string source;  // volume name, or host path; empty for tmpfs
  std::string target;  // absolute path in the container
  bool read_only = false;
  std::string driver{};  // volume: who makes it when it is missing; empty: local
  std::map<std::string, std::string> driver_options{};
  friend auto operator<=>(const Mount&, const Mount&) = default;
};

struct HealthCheck {
  enum class Kind : std::uint8_t { none = 0, http = 1, tcp = 2, command = 3 };
  Kind kind = Kind::none;
  std::string path;                  // http: "/health"
  std::vector<std::string> command;  // command: run in the container, healthy when it exits 0
  std::uint16_t port = 0;            // container port; 0: the task's only, or lowest, tcp port
  Duration interval = 10s;
  Duration timeout = 3s;
  std::uint32_t retries = 3;         // failures in a row that make it unhealthy
  Duration start_period = 0s;        // failures within it do not count until the first success
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

struct RestartPolicy {
  // `unset` behaves as on_failure with limits::restart_default_max.
  enum class Kind : std::uint8_t {
    unset = 0, no = 1, always = 2, unless_stopped = 3, on_failure = 4,
  };
  Kind kind = Kind::unset;
  std::uint32_t max = 0;  // on_failure: restarts in a row at most; 0: no maximum
  friend bool operator==(const RestartPolicy&, const RestartPolicy&) = default;

  std::string_view name() const;  // "", "no", "always", "unless-stopped", "on-failure"
  // The most restarts in a row, or nothing when there is no maximum. `no` gives 0.
  std::optional<std::uint32_t> max_in_a_row() const;
  // Is a container that ended so restarted (leaving the maximum aside)?
  bool restarts_after(bool succeeded) const;
};

struct TaskSpec {
  enum class Pull : std::uint8_t { missing = 0, always = 1, never = 2 };

  std::string name;   // for people; need not be unique
  std::string image;
  std::int64_t cpu_milli = 0;      // reserved and limited, thousandths of a core; 0: neither
  std::int64_t memory_bytes = 0;   // reserved and limited; 0: neither
  std::int64_t disk_bytes = 0;     // reserved only
  std::int64_t pids_max = 0;       // 0: the worker's default
  std::vector<Port> exposed_ports;
  std::vector<PortBinding> ports;
  bool publish_all = false;        // every exposed port to a host port that the engine chooses
  std::vector<std::string> env;          // "NAME=value"
  std::vector<std::string> command;      // arguments; empty: the image's
  std::vector<std::string> entrypoint;   // empty: the image's
  std::string working_dir;
  std::string user;
  std::map<std::string, std::string> labels;  // "cube." is Cube's own
  std::vector<Mount> mounts;
  RestartPolicy restart;
  HealthCheck health;
  std::vector<std::string> constraints;  // "node.labels.disk==ssd", "node.name!=n2"; all must hold
  std::string platform;                  // "linux/arm64"; empty: any
  Pull pull = Pull::missing;
  Duration stop_grace = 10s;
  std::string stop_signal;               // "SIGTERM" when empty
  bool exclusive = false;                // never two of it at once; rather none (manager/lease.cc)

  friend bool operator==(const TaskSpec&, const TaskSpec&) = default;
};

// Every rule a spec must keep, checked in one place, for both daemons. The error names the field as
// the wire does ("PortBindings[\"7777/tcp\"]") and says what is allowed.
Result<void> validate(const TaskSpec& spec);

// A hash of all fields: the `cube.spec` label. Stable across versions of the program for specs that
// use only fields which both know.
std::uint64_t spec_hash(const TaskSpec& spec);

// The spec as a nested record (base/bytes.h) and back; see docs/store-format.md.
std::string encode(const TaskSpec& spec);
Result<TaskSpec> decode_spec(std::string_view bytes);

}  // namespace cube
