#pragma once
// What one container uses, read from the files of its control group (version 1 or 2) and from its
// network namespace: microseconds, where the engine's own answer takes about a second.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "task/node.h"

namespace cube::runtime {

struct StatsRoots {
  std::string cgroup = "/sys/fs/cgroup";
  std::string proc = "/proc";
};

// The use of the container whose main process is `pid`. Errors: `not_found` when the process is
// gone. A controller that is switched off leaves its members at zero.
Result<ContainerStats> read_container_stats(std::int64_t pid, const StatsRoots& roots = {});

// --- The parsers, pure
// ---------------------------------------------------------------------------- Where the process
// lives, from /proc/<pid>/cgroup: the path below the mount of `controller`, or of the one hierarchy
// of version 2 when that is what manages it.
struct CgroupPath {
  int version = 0;  // 1 or 2; 0: not found
  std::string path;
};
CgroupPath cgroup_path(std::string_view proc_cgroup, std::string_view controller);

// Bytes received and sent over all interfaces but the loopback, from /proc/<pid>/net/dev.
void parse_net_dev(std::string_view text, ContainerStats& stats);
// The number after `key` on its own line of a "key value" file; 0 when absent.
std::int64_t keyed_value(std::string_view text, std::string_view key);
// One number, or 0 for "max" and for version 1's "no limit" (the largest multiple of a page).
std::int64_t limit_value(std::string_view text);

}  // namespace cube::runtime
