#include "runtime/host_stats.h"

#include <sys/statvfs.h>

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

namespace cube::runtime {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// Takes the next number off the front, after blanks; false when there is none.
template <class T>
bool take_number(std::string_view& text, T& value) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

void read_disk(const std::string& data_dir, HostStats& stats) {
  struct statvfs disk {};
  const bool found = !data_dir.empty() && statvfs(data_dir.c_str(), &disk) == 0;
  if (!found && statvfs("/", &disk) != 0) return;
  const auto block = static_cast<std::int64_t>(disk.f_frsize);
  stats.disk_all = static_cast<std::int64_t>(disk.f_blocks) * block;
  stats.disk_free = static_cast<std::int64_t>(disk.f_bfree) * block;
  stats.disk_used = stats.disk_all - stats.disk_free;
  stats.disk_free_inodes = static_cast<std::int64_t>(disk.f_ffree);
}

}  // namespace

std::string snake_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_upper(c) && !is_lower(c) && !is_digit(c)) {
      if (!out.empty() && out.back() != '_' && i + 1 < name.size()) out += '_';
      continue;
    }
    // A word begins where a capital follows a small letter ("MemTotal"), and at the last of three
    // or more capitals before a small letter.
    const bool after_small = i > 0 && is_lower(name[i - 1]);
    const bool last_capital = i > 1 && is_upper(name[i - 1]) && is_upper(name[i - 2]) &&
                              i + 1 < name.size() && is_lower(name[i + 1]);
    if (is_upper(c) && (after_small || last_capital) && !out.empty() && out.back() != '_')
      out += '_';
    out += is_upper(c) ? static_cast<char>(c + 32) : c;
  }
  return out;
}

std::map<std::string, std::int64_t> parse_meminfo(std::string_view text) {
  std::map<std::string, std::int64_t> out;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string key = snake_case(line.substr(0, colon));
    line.remove_prefix(colon + 1);
    std::int64_t value = 0;
    if (take_number(line, value)) out[key] = value;
  }
  return out;
}

std::map<std::string, std::int64_t> parse_cpu_line(std::string_view text) {
  static constexpr std::array columns = {"user", "nice",    "system", "idle",  "iowait",
                                         "irq",  "softirq", "steal",  "guest", "guest_nice"};
  std::map<std::string, std::int64_t> out;
  std::string_view line = take_line(text);
  if (!line.starts_with("cpu ")) return out;
  line.remove_prefix(4);
  for (const char* column : columns) {
    std::int64_t jiffies = 0;
    if (!take_number(line, jiffies)) break;
    out[column] = jiffies;
  }
  return out;
}

void parse_loadavg(std::string_view text, HostStats& stats) {
  HostStats read = stats;
  const bool loads = take_number(text, read.load1) && take_number(text, read.load5) &&
                     take_number(text, read.load15) && take_number(text, read.processes_running);
  if (!loads || !text.starts_with('/')) return;
  text.remove_prefix(1);
  if (!take_number(text, read.processes_total) || !take_number(text, read.last_pid)) return;
  stats = std::move(read);
}

HostStats read_host_stats(const std::string& data_dir, const std::string& proc) {
  HostStats stats;
  stats.memory_kb = parse_meminfo(read_file(proc + "/meminfo"));
  stats.cpu = parse_cpu_line(read_file(proc + "/stat"));
  parse_loadavg(read_file(proc + "/loadavg"), stats);
  read_disk(data_dir, stats);
  return stats;
}

Resources machine_resources(const HostStats& stats, std::int64_t cpus) {
  const auto memory = stats.memory_kb.find("mem_total");
  const std::int64_t memory_kb = memory == stats.memory_kb.end() ? 0 : memory->second;
  return {cpus * 1000, memory_kb * 1024, stats.disk_all};
}

std::string read_boot_id(const std::string& proc) {
  std::string id = read_file(proc + "/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace cube::runtime
