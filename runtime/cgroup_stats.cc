#include "runtime/cgroup_stats.h"

#include <charconv>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

namespace cube::runtime {
namespace {

// Version 1 writes "no limit" as the largest multiple of a page: anything beyond is none.
constexpr std::int64_t limit_max = std::int64_t{1} << 60;

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string read_or_empty(const std::string& path) {
  return read_file(path).value_or("");
}

std::int64_t to_number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void each_line(std::string_view text, const std::function<void(std::string_view)>& f) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    f(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(comma == std::string_view::npos ? controllers.size() : comma + 1);
  }
  return false;
}

std::int64_t working_set(std::int64_t used, std::int64_t inactive_file) {
  return used > inactive_file ? used - inactive_file : 0;
}

// --- Version 1
// ------------------------------------------------------------------------------------

// "8:0 Read 4096" lines; a nested group's use is in the recursive file only.
void add_blkio(const std::string& directory, ContainerStats& stats) {
  std::string text = read_or_empty(directory + "/blkio.throttle.io_service_bytes_recursive");
  if (text.empty()) text = read_or_empty(directory + "/blkio.throttle.io_service_bytes");
  each_line(text, [&stats](std::string_view line) {
    if (const auto at = line.find(" Read "); at != std::string_view::npos) {
      stats.block_read_bytes += to_number(line.substr(at + 6));
    }
    if (const auto at = line.find(" Write "); at != std::string_view::npos) {
      stats.block_write_bytes += to_number(line.substr(at + 7));
    }
  });
}

void read_v1(const std::string& root, std::string_view groups, ContainerStats& stats) {
  // A controller's directory bears its name, by mount or by link.
  const auto directory = [&](const char* controller) {
    return root + "/" + controller + cgroup_path(groups, controller).path;
  };
  stats.cpu_ns = to_number(read_or_empty(directory("cpuacct") + "/cpuacct.usage"));
  const std::string memory = directory("memory");
  stats.memory_bytes = to_number(read_or_empty(memory + "/memory.usage_in_bytes"));
  stats.memory_limit_bytes = limit_value(read_or_empty(memory + "/memory.limit_in_bytes"));
  stats.memory_working_set_bytes =
      working_set(stats.memory_bytes,
                  keyed_value(read_or_empty(memory + "/memory.stat"), "total_inactive_file"));
  stats.pids = to_number(read_or_empty(directory("pids") + "/pids.current"));
  add_blkio(directory("blkio"), stats);
}

// --- Version 2
// ------------------------------------------------------------------------------------

// "8:0 rbytes=4096 wbytes=0 ..." lines
void add_io_stat(std::string_view text, ContainerStats& stats) {
  each_line(text, [&stats](std::string_view line) {
    if (const auto at = line.find(" rbytes="); at != std::string_view::npos) {
      stats.block_read_bytes += to_number(line.substr(at + 8));
    }
    if (const auto at = line.find(" wbytes="); at != std::string_view::npos) {
      stats.block_write_bytes += to_number(line.substr(at + 8));
    }
  });
}

void read_v2(const std::string& directory, ContainerStats& stats) {
  stats.cpu_ns = keyed_value(read_or_empty(directory + "/cpu.stat"), "usage_usec") * 1000;
  stats.memory_bytes = to_number(read_or_empty(directory + "/memory.current"));
  stats.memory_limit_bytes = limit_value(read_or_empty(directory + "/memory.max"));
  stats.memory_working_set_bytes = working_set(
      stats.memory_bytes, keyed_value(read_or_empty(directory + "/memory.stat"), "inactive_file"));
  stats.pids = to_number(read_or_empty(directory + "/pids.current"));
  add_io_stat(read_or_empty(directory + "/io.stat"), stats);
}

}  // namespace

CgroupPath cgroup_path(std::string_view proc_cgroup, std::string_view controller) {
  CgroupPath found;
  each_line(proc_cgroup, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string path(line.substr(second + 1));
    if (path == "/") path.clear();
    if (lists(controllers, controller)) {
      found = {1, path};  // where both versions are mounted, version 1 manages it
    } else if (line.starts_with("0::") && found.version == 0) {
      found = {2, path};
    }
  });
  return found;
}

void parse_net_dev(std::string_view text, ContainerStats& stats) {
  each_line(text, [&stats](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;  // a heading
    std::string_view interface = line.substr(0, colon);
    while (interface.starts_with(' ')) interface.remove_prefix(1);
    if (interface == "lo") return;
    std::istringstream columns{std::string(line.substr(colon + 1))};
    std::int64_t received = 0, skipped = 0, sent = 0;
    columns >> received;
    for (int i = 0; i < 7; ++i) columns >> skipped;
    columns >> sent;
    stats.network_rx_bytes += received;
    stats.network_tx_bytes += sent;
  });
}

std::int64_t keyed_value(std::string_view text, std::string_view key) {
  std::int64_t value = 0;
  each_line(text, [&](std::string_view line) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      value = to_number(line.substr(key.size() + 1));
    }
  });
  return value;
}

std::int64_t limit_value(std::string_view text) {
  const std::int64_t value = to_number(text);  // 0 for "max"
  return value >= limit_max ? 0 : value;
}

Result<ContainerStats> read_container_stats(std::int64_t pid, const StatsRoots& roots) {
  const std::string process = roots.proc + "/" + std::to_string(pid);
  const auto groups = read_file(process + "/cgroup");
  if (!groups || groups->empty()) {
    return Error{Code::not_found, "no process " + std::to_string(pid)};
  }
  ContainerStats stats;
  const CgroupPath memory = cgroup_path(*groups, "memory");
  if (memory.version == 1) {
    read_v1(roots.cgroup, *groups, stats);
  } else {
    read_v2(roots.cgroup + memory.path, stats);
  }
  parse_net_dev(read_or_empty(process + "/net/dev"), stats);
  return stats;
}

}  // namespace cube::runtime
