#pragma once
// What this machine has and uses, from /proc and statvfs. Keys are the wire's (contract.md).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "task/node.h"

namespace cube::runtime {

// Reads everything; `data_dir` is where the engine keeps its data (the root when it is empty or not
// there). A file that cannot be read leaves its members at zero: statistics never fail a worker.
HostStats read_host_stats(const std::string& data_dir, const std::string& proc = "/proc");

// What may be reserved on this machine: its processors, memory, and the size of the disk.
Resources machine_resources(const HostStats& stats, std::int64_t cpus);

// The identity of this boot: /proc/sys/kernel/random/boot_id; empty when it cannot be read.
std::string read_boot_id(const std::string& proc = "/proc");

// --- The parsers, pure
// ---------------------------------------------------------------------------- "MemTotal:  24105
// kB" -> mem_total: every line, with its name in snake case ("HugePages_Total" is huge_pages_total,
// "Active(anon)" active_anon, "DirectMap4k" direct_map4k).
std::map<std::string, std::int64_t> parse_meminfo(std::string_view text);
// The first line of /proc/stat; missing columns of old kernels are left out.
std::map<std::string, std::int64_t> parse_cpu_line(std::string_view text);
// Fills the load members of `stats`; malformed text leaves them as they are.
void parse_loadavg(std::string_view text, HostStats& stats);
std::string snake_case(std::string_view name);

}  // namespace cube::runtime
