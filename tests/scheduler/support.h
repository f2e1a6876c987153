#pragma once
// What the scheduler's tests have in common: short ways to say nodes and demands.

#include <string>
#include <string_view>

#include "base/rng.h"
#include "scheduler/scheduler.h"

namespace cube::scheduler::test {

inline constexpr std::int64_t mib = 1024 * 1024;
inline constexpr std::int64_t gib = 1024 * mib;

inline Resources resources(std::int64_t cpu_milli, std::int64_t memory, std::int64_t disk = 0) {
  return {.cpu_milli = cpu_milli, .memory_bytes = memory, .disk_bytes = disk};
}

inline NodeFacts facts(std::string name, Resources capacity) {
  NodeFacts out;
  out.name = std::move(name);
  out.machine = "machine of " + out.name;
  out.platform = "linux/amd64";
  out.capacity = capacity;
  return out;
}

inline Demand demand(Resources needs, std::uint64_t seed = 1) {
  Demand out;
  out.seed = seed;
  out.resources = needs;
  return out;
}

inline Demand with_port(Demand d, std::uint16_t port, std::string protocol = "tcp") {
  d.ports.push_back({port, std::move(protocol)});
  return d;
}

inline Demand with_constraint(Demand d, std::string_view text) {
  d.constraints.push_back(Constraint::parse(text).value());
  return d;
}

inline NodeIndex put_ready(Pool& pool, const NodeFacts& f) {
  const NodeIndex index = pool.put(f);
  pool.set_ready(index, true, {});
  return index;
}

}  // namespace cube::scheduler::test
