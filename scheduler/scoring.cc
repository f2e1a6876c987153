#include "scheduler/scoring.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

// Compiled twice where the machine allows it, chosen at start: with 256-bit vectors one row costs
// half as much. No fused operations in either, so both give the same bits. The choice is made
// before a sanitizer is ready, hence not under one.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CUBE_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define CUBE_WIDE
#endif

namespace cube::scheduler {
namespace {

// Above every sum of shares, so that "the fuller the better" stays positive.
constexpr double shares_max = 4.0;
// For binpack: enough to prefer the node with more tasks among equally full ones, and too little
// to outweigh any difference in use that matters.
constexpr double task_bonus = 1e-9;

// Nothing is used of what is not there: such a node fits only demands of zero.
double share(std::int64_t used, std::int64_t capacity) {
  return capacity > 0 ? static_cast<double>(used) / static_cast<double>(capacity) : 0.0;
}

double power(const Basis& basis, double exponent) {
  return std::exp(exponent * basis.log_nodes);
}

// b^r - 1, without the cancellation for small r.
double growth(const Basis& basis, double exponent) {
  return std::expm1(exponent * basis.log_nodes);
}

}  // namespace

Basis Basis::of(std::uint32_t ready_nodes, std::uint64_t tasks_max) {
  const std::uint32_t n = std::max(ready_nodes, 2U);
  return {n, tasks_max, std::log(static_cast<double>(n))};
}

Columns columns_of(Policy policy, const Basis& basis, const Use& use) {
  const double cpu = share(use.reserved.cpu_milli, use.capacity.cpu_milli);
  const double memory = share(use.reserved.memory_bytes, use.capacity.memory_bytes);
  const double tasks = use.tasks;
  switch (policy) {
    case Policy::roundrobin:
      return {};
    case Policy::epvm:
      return {power(basis, cpu), power(basis, memory),
              power(basis, tasks / static_cast<double>(basis.tasks_max))};
    case Policy::spread:
    case Policy::binpack:
      return {cpu, memory, tasks};
  }
  CUBE_UNREACHABLE();
}

Weights weights_of(Policy policy, const Basis& basis, const Resources& capacity,
                   const Resources& demand) {
  const double cpu = share(demand.cpu_milli, capacity.cpu_milli);
  const double memory = share(demand.memory_bytes, capacity.memory_bytes);
  switch (policy) {
    case Policy::roundrobin:
      return {};
    case Policy::epvm:
      return {0, growth(basis, cpu), growth(basis, memory),
              growth(basis, 1.0 / static_cast<double>(basis.tasks_max))};
    case Policy::spread:
      return {0, 0.25, 0.25, 1.0};  // shares never outweigh a task
    case Policy::binpack:
      return {shares_max - cpu - memory, -1.0, -1.0, -task_bonus};
  }
  CUBE_UNREACHABLE();
}

double disk_score(Policy policy, const Basis& basis, const Use& use, const Resources& demand) {
  const double used = share(use.reserved.disk_bytes, use.capacity.disk_bytes);
  const double asked = share(demand.disk_bytes, use.capacity.disk_bytes);
  switch (policy) {
    case Policy::roundrobin:
    case Policy::spread:
      return 0;
    case Policy::epvm:
      return power(basis, used) * growth(basis, asked);
    case Policy::binpack:
      return -used - asked;
  }
  CUBE_UNREACHABLE();
}

void CapacityClass::push_back(std::uint32_t which) {
  node.push_back(which);
  cpu_free.push_back(-1);
  memory_free.push_back(-1);
  cpu.push_back(0);
  memory.push_back(0);
  tasks.push_back(0);
}

void CapacityClass::set(std::size_t row, const Resources& free, const Columns& columns) {
  cpu_free[row] = free.cpu_milli;
  memory_free[row] = free.memory_bytes;
  cpu[row] = columns.cpu;
  memory[row] = columns.memory;
  tasks[row] = columns.tasks;
}

void CapacityClass::bar(std::size_t row) {
  set(row, {-1, -1, -1}, {});
}

void CapacityClass::erase_row(std::size_t row) {
  CUBE_ASSERT(row < size());
  const auto erase = [row](auto& column) {
    column[row] = column.back();
    column.pop_back();
  };
  erase(node);
  erase(cpu_free);
  erase(memory_free);
  erase(cpu);
  erase(memory);
  erase(tasks);
}

CUBE_WIDE
void score_block(const CapacityClass& rows, std::size_t begin, std::size_t count,
                 const Weights& weights, const Resources& demand, double* scores) {
  const std::int64_t cpu_needed = demand.cpu_milli;
  const std::int64_t memory_needed = demand.memory_bytes;
  const std::int64_t* const cpu_free = rows.cpu_free.data() + begin;
  const std::int64_t* const memory_free = rows.memory_free.data() + begin;
  const double* const cpu = rows.cpu.data() + begin;
  const double* const memory = rows.memory.data() + begin;
  const double* const tasks = rows.tasks.data() + begin;
  const Weights w = weights;
  for (std::size_t i = 0; i < count; ++i) {
    // Negative when either does not suffice. Added rather than chosen, for want of a branch.
    const std::int64_t spare = (cpu_free[i] - cpu_needed) | (memory_free[i] - memory_needed);
    const double barred = spare < 0 ? std::numeric_limits<double>::infinity() : 0.0;
    scores[i] = w.base + w.cpu * cpu[i] + w.memory * memory[i] + w.tasks * tasks[i] + barred;
  }
}

// Doubles that are not negative are ordered as their bits are, and the least of integers may be
// taken in any order, so the compiler can use vectors.
CUBE_WIDE
double least(const double* scores, std::size_t count) {
  auto least_bits = std::bit_cast<std::int64_t>(std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::int64_t>(scores[i]);
    least_bits = bits < least_bits ? bits : least_bits;
  }
  return std::bit_cast<double>(least_bits);
}

CUBE_WIDE
std::uint64_t least_tie(const double* scores, const std::uint64_t* name_hashes, std::size_t count,
                        double wanted, std::uint64_t task_hash) {
  // Without branches and in signed numbers, for vectors: the upper bit is turned round, and all
  // bits are set where the score is another.
  constexpr std::uint64_t upper = std::uint64_t{1} << 63;
  const auto wanted_bits = std::bit_cast<std::uint64_t>(wanted);
  auto found = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t other = std::bit_cast<std::uint64_t>(scores[i]) != wanted_bits ? ~0ULL : 0;
    const auto key = static_cast<std::int64_t>((tie_of(task_hash, name_hashes[i]) | other) ^ upper);
    found = key < found ? key : found;
  }
  return static_cast<std::uint64_t>(found) ^ upper;
}

}  // namespace cube::scheduler
