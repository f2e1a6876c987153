#pragma once
// What a node has and says of itself.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace cube {

struct Resources {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t disk_bytes = 0;

  friend bool operator==(const Resources&, const Resources&) = default;
  friend Resources operator+(Resources a, const Resources& b) { a += b; return a; }
  friend Resources operator-(Resources a, const Resources& b) { a -= b; return a; }
  Resources& operator+=(const Resources& o) {
    cpu_milli += o.cpu_milli; memory_bytes += o.memory_bytes; disk_bytes += o.disk_bytes;
    return *this;
  }
  Resources& operator-=(const Resources& o) {
    cpu_milli -= o.cpu_milli; memory_bytes -= o.memory_bytes; disk_bytes -= o.disk_bytes;
    return *this;
  }
  bool fits_in(const Resources& free) const {
    return cpu_milli <= free.cpu_milli && memory_bytes <= free.memory_bytes &&
           disk_bytes <= free.disk_bytes;
  }
};

// Host statistics, in the units of their /proc source. Keys as on the wire (contract.md).
struct HostStats {
  // /proc/meminfo, kB
  std::map<std::string, std::int64_t> memory_kb;  // "mem_total", "mem_free", "mem_available", ...
  // statvfs of the engine's data directory, bytes
  std::int64_t disk_all = 0, disk_used = 0, disk_free = 0, disk_free_inodes = 0;
  // first line of /proc/stat, jiffies
  std::map<std::string, std::int64_t> cpu;        // "user", "nice", "system", "idle", ...
  // /proc/loadavg
  double load1 = 0, load5 = 0, load15 = 0;
  std::int64_t processes_running = 0, processes_total = 0, last_pid = 0;
};

// A container's own use, from its cgroup (either version) and its network namespace.
struct ContainerStats {
  std::int64_t cpu_ns = 0;
  std::int64_t memory_bytes = 0, memory_working_set_bytes = 0, memory_limit_bytes = 0;
  std::int64_t network_rx_bytes = 0, network_tx_bytes = 0;
  std::int64_t block_read_bytes = 0, block_write_bytes = 0;
  std::int64_t pids = 0;
  // Scaled for the wire and for metrics by whoever shows them.
};

// What a worker tells of its machine with each report. Written by the worker.
struct NodeInfo {
  WorkerId worker;
  std::string name;         // --name; unique in a cluster
  std::string machine;      // the engine's ID: workers that share one share its host ports
  std::string boot_id;      // /proc/sys/kernel/random/boot_id
  std::string version;      // of the worker program
  std::string platform;     // "linux/amd64"
  bool engine_ready = false;
  std::string engine_reason;  // why not, in words
  bool keeps_lease = false;   // it stops exclusive tasks by itself: it may be given some
  Resources capacity;         // what may be reserved, less what the worker's own tasks hold
  std::map<std::string, std::string> labels;  // --label k=v
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

}  // namespace cube
