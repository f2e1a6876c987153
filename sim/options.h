#pragma once
// `Options`: everything that makes one simulated life unlike another. Drawn from the seed, or set.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "scheduler/scheduler.h"

namespace cube::sim {

// What the plan of faults can do to the world.
enum class Fault : std::uint8_t {
  manager_crash,
  manager_pause,
  manager_no_space,
  manager_io_error,
  worker_crash,
  worker_pause,
  worker_no_space,
  worker_io_error,
  reboot,
  cut,
  cut_most,
  engine_kill,
  engine_term,
  engine_hang,
  engine_stream,
  container_exit,
  container_silent,
  container_signal,
  container_removed,
  images_removed,
  port_taken,
  clock_jump,
  forget_node,
  guard_kill,
  slow_way,
  ingress_crash,
  ingress_cut,
};
inline constexpr std::size_t fault_kinds = 27;
// These, the last ones, have a plan of their own: lives without ingresses know nothing of them.
inline constexpr std::size_t ingress_fault_kinds = 2;
std::string_view name(Fault);

struct Options {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 3;
  std::uint32_t clients = 2;
  std::uint32_t tasks_max = 20;  // of all clients
  Duration chaos{};              // so long faults happen,
  Duration fault_every{};        // about so often
  std::uint32_t faults = 0;      // a bit for each Fault that may
  scheduler::Policy policy = scheduler::Policy::epvm;
  bool workers_join = false;    // they announce themselves; else the manager is told of them
  bool shared_machine = false;  // the first two workers use one engine
  bool live_restore = false;
  std::uint32_t exclusive = 0;     // of a thousand tasks
  std::int64_t drift_ppm_max = 0;  // of each clock, either way
  bool codec = false;              // what travels goes through its JSON form

  std::uint32_t services = 0;   // at most so many at a time
  std::uint32_t ingresses = 0;  // that bring requests to them

  // Of a thousand messages
  std::uint32_t lost = 0, duplicated = 0, held = 0;
  Duration delay_max{};
  // Of a thousand engine operations
  std::uint32_t op_fails = 0, op_answer_lost = 0, op_late = 0;
  Duration op_delay_max{}, pull_max{};

  bool has(Fault f) const { return (faults >> static_cast<unsigned>(f) & 1U) != 0; }
  std::string str() const;  // one line
  static Options draw(std::uint64_t seed);
};

}  // namespace cube::sim
