// What one Pool::place() costs, for pools of several sizes, per policy. Prints a table; run it as
//   build/release/bench/placement_bench
// bench/deploy.sh puts it into bench/RESULTS.md.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/rng.h"
#include "scheduler/scheduler.h"

namespace {

using namespace cube;
using namespace cube::scheduler;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t gib = 1LL << 30;

enum class Kind { half_full, empty, constrained, port, disk, all_different, new_demands };

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::half_full:
      return "half full, 4 sizes of node";
    case Kind::empty:
      return "all empty and equal (all tie)";
    case Kind::constrained:
      return "a label constraint";
    case Kind::port:
      return "a host port";
    case Kind::disk:
      return "disk asked";
    case Kind::all_different:
      return "no two nodes of one size";
    case Kind::new_demands:
      return "no demand comes twice";
  }
  return {};
}

Pool make_pool(Policy policy, std::uint32_t nodes, Kind kind) {
  Pool pool(policy);
  Rng rng(7);
  for (std::uint32_t i = 0; i < nodes; ++i) {
    const auto size = static_cast<std::int64_t>(kind == Kind::empty ? 1 : 1 + i % 4);
    NodeFacts facts;
    facts.name = fmt::format("node-{}", i);
    facts.machine = facts.name;
    facts.platform = "linux/amd64";
    facts.labels["disk"] = i % 3 == 0 ? "ssd" : "hdd";
    facts.capacity = {.cpu_milli = 4000 * size,
                      .memory_bytes = 16 * gib * size + (kind == Kind::all_different ? i : 0),
                      .disk_bytes = 100 * gib * size};
    const NodeIndex index = pool.put(facts);
    pool.set_ready(index, true, {});
    if (kind == Kind::empty) continue;
    Demand held;
    held.resources = {.cpu_milli = static_cast<std::int64_t>(rng.below(1000)),
                      .memory_bytes = static_cast<std::int64_t>(rng.below(2 * gib)),
                      .disk_bytes = static_cast<std::int64_t>(rng.below(10 * gib))};
    for (auto tasks = 1 + rng.below(4); tasks > 0; --tasks) pool.reserve(index, held);
  }
  return pool;
}

Demand make_demand(Kind kind, std::uint64_t seed) {
  Demand demand;
  demand.seed = seed;
  demand.resources = {.cpu_milli = 250, .memory_bytes = gib / 2, .disk_bytes = 0};
  if (kind == Kind::constrained) {
    demand.constraints.push_back(Constraint::parse("node.labels.disk==ssd").value());
  }
  if (kind == Kind::port) demand.ports.push_back({8080, "tcp"});
  if (kind == Kind::disk) demand.resources.disk_bytes = gib;
  if (kind == Kind::new_demands) demand.resources.memory_bytes += static_cast<std::int64_t>(seed);
  return demand;
}

// The median over `rounds`, in microseconds.
double median_us(Pool& pool, Kind kind, std::size_t rounds) {
  std::vector<double> times;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const Demand demand = make_demand(kind, i);
    const auto begin = Clock::now();
    const Decision decision = pool.place(demand);
    const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
    times.push_back(took.count());
    failed += decision.node ? 0 : 1;
  }
  if (failed > 0) fmt::print("{} of {} placements failed\n", failed, rounds);
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(rounds / 2));
  return times[rounds / 2];
}

}  // namespace

int main() {
  fmt::print("One placement, median, microseconds\n\n");
  fmt::print("| pool | policy | 1,000 nodes | 10,000 nodes | 100,000 nodes |\n");
  fmt::print("|---|---|---:|---:|---:|\n");
  for (const Kind kind : {Kind::half_full, Kind::empty, Kind::constrained, Kind::port, Kind::disk,
                          Kind::all_different, Kind::new_demands}) {
    for (const Policy policy :
         {Policy::epvm, Policy::spread, Policy::binpack, Policy::roundrobin}) {
      fmt::print("| {} | {} |", name(kind), scheduler::name(policy));
      for (const std::uint32_t nodes : {1'000U, 10'000U, 100'000U}) {
        Pool pool = make_pool(policy, nodes, kind);
        fmt::print(" {:.2f} |", median_us(pool, kind, 2'000'000 / nodes + 21));
      }
      fmt::print("\n");
    }
  }
}
