#include "api/stats_json.h"

#include "api/codec.h"

namespace cube::api {

namespace {

// Written even when nothing is known, so that strict readers find what they look for.
constexpr std::string_view cpu_names[] = {"user", "nice",    "system", "idle",  "iowait",
                                          "irq",  "softirq", "steal",  "guest", "guest_nice"};
constexpr std::string_view memory_names[] = {"mem_total", "mem_free", "mem_available", "buffers",
                                             "cached"};

// First `known`, 0 where there is no number, then what else there is.
void write_numbers(JsonWriter& w, std::span<const std::string_view> known,
                   const std::map<std::string, std::int64_t>& numbers) {
  for (std::string_view name : known) {
    auto it = numbers.find(std::string(name));
    w.member(name, it == numbers.end() ? 0 : it->second);
  }
  for (const auto& [name, number] : numbers) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    w.key_text(name);
    w.integer(number);
  }
}

// Every member that is an integer; "id" and what a newer program may add are skipped.
Result<void> read_numbers(const Value& v, const At& at, std::map<std::string, std::int64_t>& out) {
  const Value::Object* members = v.object();
  if (members == nullptr) return at.expected("an object", v);
  out.clear();
  for (const Member& m : *members)
    if (m.value.integer() != nullptr) CUBE_TRY(read(m.value, At(at, m.key), out[m.key]));
  return {};
}

constexpr Field<HostStats> disk_fields[] = {
    {"all", field<&HostStats::disk_all>},
    {"used", field<&HostStats::disk_used>},
    {"free", field<&HostStats::disk_free>},
    {"freeInodes", field<&HostStats::disk_free_inodes>},
};

constexpr Field<HostStats> load_fields[] = {
    {"last1min", field<&HostStats::load1>},
    {"last5min", field<&HostStats::load5>},
    {"last15min", field<&HostStats::load15>},
    {"process_running", field<&HostStats::processes_running>},
    {"process_total", field<&HostStats::processes_total>},
    {"last_pid", field<&HostStats::last_pid>},
};

Result<void> read_memory(const Value& v, const At& at, HostStats& stats) {
  return read_numbers(v, at, stats.memory_kb);
}
Result<void> read_disk(const Value& v, const At& at, HostStats& stats) {
  return decode(v, at, Part(disk_fields, stats));
}
Result<void> read_cpu(const Value& v, const At& at, HostStats& stats) {
  return read_numbers(v, at, stats.cpu);
}
Result<void> read_load(const Value& v, const At& at, HostStats& stats) {
  return decode(v, at, Part(load_fields, stats));
}

constexpr Field<HostStats> stats_fields[] = {
    {"MemStats", read_memory},
    {"DiskStats", read_disk},
    {"CpuStats", read_cpu},
    {"LoadStats", read_load},
};

}  // namespace

void write_stats(JsonWriter& w, const HostStats& stats, std::uint32_t task_count) {
  w.open_object();
  w.key("MemStats");
  w.open_object();
  write_numbers(w, memory_names, stats.memory_kb);
  w.close_object();
  w.key("DiskStats");
  w.open_object();
  w.member("all", stats.disk_all);
  w.member("used", stats.disk_used);
  w.member("free", stats.disk_free);
  w.member("freeInodes", stats.disk_free_inodes);
  w.close_object();
  w.key("CpuStats");
  w.open_object();
  w.member("id", "cpu");
  write_numbers(w, cpu_names, stats.cpu);
  w.close_object();
  w.key("LoadStats");
  w.open_object();
  w.key("last1min");
  w.real(stats.load1);
  w.key("last5min");
  w.real(stats.load5);
  w.key("last15min");
  w.real(stats.load15);
  w.member("process_running", stats.processes_running);
  w.member("process_total", stats.processes_total);
  w.member("last_pid", stats.last_pid);
  w.close_object();
  w.member("TaskCount", task_count);
  w.close_object();
}

Result<void> read_stats(const Value& v, const At& at, HostStats& stats) {
  return decode(v, at, Part(stats_fields, stats));
}

std::string stats_json(const HostStats& stats, std::uint32_t task_count) {
  JsonWriter w;
  write_stats(w, stats, task_count);
  return std::move(w).finish();
}

}  // namespace cube::api
