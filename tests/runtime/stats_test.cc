// Statistics of the machine and of containers: the parsers on tables, then whole recorded trees, so
// that both versions of control groups are tested wherever the tests run.

#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/cgroup_stats.h"
#include "runtime/host_stats.h"

namespace cube::runtime {
namespace {

const std::string recorded = std::string(CUBE_SOURCE_DIR) + "/tests/runtime/recorded/";

StatsRoots roots(const std::string& tree) {
  return {recorded + tree + "/cgroup", recorded + tree + "/proc"};
}

TEST_CASE("names of /proc/meminfo in snake case") {
  struct {
    const char* name;
    const char* expected;
  } const cases[] = {{"MemTotal", "mem_total"},        {"MemAvailable", "mem_available"},
                     {"Buffers", "buffers"},           {"Active(anon)", "active_anon"},
                     {"SReclaimable", "sreclaimable"}, {"NFS_Unstable", "nfs_unstable"},
                     {"Committed_AS", "committed_as"}, {"HugePages_Total", "huge_pages_total"},
                     {"DirectMap2M", "direct_map2m"},  {"", ""}};
  for (const auto& c : cases) CHECK(snake_case(c.name) == c.expected);
}

TEST_CASE("/proc/meminfo") {
  const auto memory = parse_meminfo(
      "MemTotal:       24684084 kB\nMemFree:        23298184 kB\nnonsense\nOdd: x kB\n");
  CHECK(memory.size() == 2);
  CHECK(memory.at("mem_total") == 24684084);
  CHECK(memory.at("mem_free") == 23298184);
  CHECK(parse_meminfo("").empty());
}

TEST_CASE("the first line of /proc/stat") {
  const auto cpu = parse_cpu_line("cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3\n");
  CHECK(cpu.size() == 10);
  CHECK(cpu.at("user") == 10);
  CHECK(cpu.at("iowait") == 50);
  CHECK(cpu.at("guest_nice") == 100);
  CHECK(parse_cpu_line("cpu  1 2 3 4\n").size() == 4);  // an old kernel
  CHECK(parse_cpu_line("intr 1 2 3\n").empty());
}

TEST_CASE("/proc/loadavg") {
  HostStats stats;
  parse_loadavg("0.52 1.25 3.00 2/345 6789\n", stats);
  CHECK(stats.load1 == doctest::Approx(0.52));
  CHECK(stats.load15 == doctest::Approx(3.0));
  CHECK(stats.processes_running == 2);
  CHECK(stats.processes_total == 345);
  CHECK(stats.last_pid == 6789);
  for (const char* bad : {"", "0.5", "0.1 0.2 0.3 4", "0.1 0.2 0.3 4/x 5"}) {
    HostStats untouched;
    parse_loadavg(bad, untouched);
    CHECK(untouched.load1 == 0);
    CHECK(untouched.last_pid == 0);
  }
}

TEST_CASE("this machine") {
  const HostStats stats = read_host_stats("/no/such/directory");
  CHECK(stats.memory_kb.at("mem_total") > 0);
  CHECK(stats.cpu.at("user") > 0);
  CHECK(stats.disk_all > 0);
  CHECK(stats.disk_all == stats.disk_used + stats.disk_free);
  CHECK(stats.processes_total > 0);
  CHECK(read_boot_id().size() == 36);
  const Resources all = machine_resources(stats, 2);
  CHECK(all.cpu_milli == 2000);
  CHECK(all.memory_bytes == stats.memory_kb.at("mem_total") * 1024);
  CHECK(all.disk_bytes == stats.disk_all);
}

TEST_CASE("files that are not there leave zeros") {
  const HostStats stats = read_host_stats("", "/no/such/proc");
  CHECK(stats.memory_kb.empty());
  CHECK(stats.cpu.empty());
  CHECK(stats.last_pid == 0);
  CHECK(stats.disk_all > 0);  // that of the root
  CHECK(read_boot_id("/no/such/proc").empty());
}

TEST_CASE("where a process lives") {
  const char* const hybrid = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n";
  CHECK(cgroup_path(hybrid, "memory").version == 1);
  CHECK(cgroup_path(hybrid, "cpuacct").path == "/docker/abc");
  CHECK(cgroup_path("0::/system.slice/docker-abc.scope\n", "memory").version == 2);
  CHECK(cgroup_path("0::/\n", "memory").path.empty());
  CHECK(cgroup_path("garbage\n", "memory").version == 0);
}

TEST_CASE("limits") {
  CHECK(limit_value("67108864\n") == 67108864);
  CHECK(limit_value("max\n") == 0);
  CHECK(limit_value("9223372036854771712\n") == 0);
}

TEST_CASE("a container under version 1") {
  const auto stats = read_container_stats(4242, roots("cgroup_v1"));
  REQUIRE(stats.ok());
  CHECK(stats->cpu_ns == 35391670);
  CHECK(stats->memory_bytes == 3874816);
  CHECK(stats->memory_limit_bytes == 67108864);
  CHECK(stats->memory_working_set_bytes < stats->memory_bytes);
  CHECK(stats->memory_working_set_bytes > 0);
  CHECK(stats->pids == 3);
  CHECK(stats->block_read_bytes == 1064960 + 4096);
  CHECK(stats->block_write_bytes == 1982464);
  CHECK(stats->network_rx_bytes == 736);
  CHECK(stats->network_tx_bytes == 0);
}

TEST_CASE("a container under version 2") {
  const auto stats = read_container_stats(4242, roots("cgroup_v2"));
  REQUIRE(stats.ok());
  CHECK(stats->cpu_ns == 48213000);
  CHECK(stats->memory_bytes == 5148672);
  CHECK(stats->memory_limit_bytes == 67108864);
  CHECK(stats->memory_working_set_bytes == 5148672 - 2097152);
  CHECK(stats->pids == 3);
  CHECK(stats->block_read_bytes == 1064960 + 4096);
  CHECK(stats->block_write_bytes == 1982464);
  CHECK(stats->network_rx_bytes == 1936);  // without the loopback's
  CHECK(stats->network_tx_bytes == 656);
}

TEST_CASE("a process that is gone") {
  const auto stats = read_container_stats(1, roots("cgroup_v2"));
  REQUIRE(!stats.ok());
  CHECK(stats.error().code == Code::not_found);
}

TEST_CASE("a process of this machine") {
  const auto stats = read_container_stats(getpid());
  REQUIRE(stats.ok());
  CHECK(stats->memory_bytes >= 0);
}

}  // namespace
}  // namespace cube::runtime
