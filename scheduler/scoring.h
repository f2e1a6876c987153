#pragma once
// Scores: what a policy thinks of a node. Lower is better. docs/scheduling.md has the formulas.
//
// Every policy is one weighted sum over three columns,
//
//   score = base + cpu * column.cpu + memory * column.memory + tasks * column.tasks,
//
// where the columns depend on the node alone and the weights on the demand and the capacity alone.
// For E-PVM this is b^u (b^r - 1) with the column b^u and the weight b^r - 1. So nodes of equal
// capacity share their weights and a scan needs no power function.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "scheduler/scheduler.h"

namespace cube::scheduler {

// What the exponents of E-PVM rest on.
struct Basis {
  std::uint32_t nodes = 2;      // n: ready nodes, at least 2
  std::uint64_t tasks_max = 1;  // L: the least power of two above the most tasks seen on a node
  double log_nodes = 0.0;       // of n, natural
  static Basis of(std::uint32_t ready_nodes, std::uint64_t tasks_max);
  friend bool operator==(const Basis&, const Basis&) = default;
};

// One node as the policies see it.
struct Use {
  Resources capacity, reserved;
  std::uint32_t tasks = 0;
};

struct Columns {
  double cpu = 0, memory = 0, tasks = 0;
};

struct Weights {
  double base = 0, cpu = 0, memory = 0, tasks = 0;
};

Columns columns_of(Policy policy, const Basis& basis, const Use& use);
// `capacity`: only CPU and memory count.
Weights weights_of(Policy policy, const Basis& basis, const Resources& capacity,
                   const Resources& demand);
// What the demand's disk adds to the score. Apart, because disks differ between nodes that are
// otherwise equal, and few tasks ask for disk.
double disk_score(Policy policy, const Basis& basis, const Use& use, const Resources& demand);

// Demands that come again have a ranking each (scheduler/ranking.cc); so many are kept.
inline constexpr std::size_t rankings_max = 8;

// Nodes of equal CPU and memory, column by column, for the scan.
struct CapacityClass {
  std::vector<std::uint32_t> node;
  // What is free; -1 where the node is no candidate for anything.
  std::vector<std::int64_t> cpu_free, memory_free;
  std::vector<double> cpu, memory, tasks;
  std::array<Weights, rankings_max> weights;  // of each ranking's demand

  std::size_t size() const { return node.size(); }
  void push_back(std::uint32_t which);  // no candidate yet
  void set(std::size_t row, const Resources& free, const Columns& columns);
  void bar(std::size_t row);        // no candidate for anything
  void erase_row(std::size_t row);  // the last row takes its place
};

// Rows scanned at once: their scores stay in the first-level cache.
inline constexpr std::size_t block_rows_max = 512;

// Scores rows [begin, begin + count) into `scores`, infinity where CPU or memory does not suffice.
// The same result on every machine. REQUIRES: count <= block_rows_max
void score_block(const CapacityClass& rows, std::size_t begin, std::size_t count,
                 const Weights& weights, const Resources& demand, double* scores);
// REQUIRES: count > 0; no score is negative or NaN
double least(const double* scores, std::size_t count);

// Which of two equal nodes comes first for one task: the one whose number is less. Both hashes are
// well mixed already; the product makes each of their bits count in the upper ones, which decide.
inline std::uint64_t tie_of(std::uint64_t task_hash, std::uint64_t name_hash) {
  return (task_hash ^ name_hash) * 0x9e3779b97f4a7c15ULL;
}
// The least tie_of() among those whose score is `wanted`; the greatest number when there is none.
std::uint64_t least_tie(const double* scores, const std::uint64_t* name_hashes, std::size_t count,
                        double wanted, std::uint64_t task_hash);

}  // namespace cube::scheduler
