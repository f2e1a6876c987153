#pragma once
// Inside of `Pool`: nodes, machines, and the columns that are scanned.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/filters.h"
#include "scheduler/scheduler.h"
#include "scheduler/scoring.h"

namespace cube::scheduler {

struct Machine {
  std::uint32_t nodes = 0;
  PortCounts ports;  // of all its nodes together
};

struct NodeEntry {
  bool present = false;
  NodeFacts facts;
  std::uint64_t name_hash = 0;
  bool ready = false;
  std::string not_ready_reason;
  Resources reserved;
  std::uint32_t tasks = 0;
  PortCounts ports;  // what this node holds of its machine's
  Machine* machine = nullptr;
  CapacityClass* row_class = nullptr;
  std::size_t row = 0;

  Resources free() const { return facts.capacity - reserved; }
  Use use() const { return {facts.capacity, reserved, tasks}; }
};

struct Pool::Impl {
  // The best node so far of one scan.
  struct Best {
    double score = std::numeric_limits<double>::infinity();  // which no node has that fits
    std::uint64_t tie = 0;
    std::uint32_t index = 0;
  };
  // One placement under way.
  struct Query {
    const Demand& demand;
    const std::vector<Avoided>& avoided;
    std::uint64_t task_hash;  // for ties
    bool screened;            // has demands that the columns do not know
  };

  explicit Impl(Policy p) : policy(p) {}

  const Policy policy;
  std::vector<NodeEntry> nodes;       // by NodeIndex
  std::vector<std::uint32_t> unused;  // indices to use again
  std::map<std::string, std::uint32_t, std::less<>> by_name;
  std::map<std::string, Machine> machines;  // by machine, or by name where it is not known
  // By CPU and memory. Elements stay where they are, so nodes may point to them.
  std::map<std::pair<std::int64_t, std::int64_t>, CapacityClass> classes;
  std::uint32_t ready_nodes = 0;
  std::uint64_t tasks_max = 1;  // L
  Basis basis;                  // what the columns were computed for
  std::uint32_t cursor = 0;     // round-robin: the index to try first

  NodeEntry& at(NodeIndex index);
  const NodeEntry& at(NodeIndex index) const;
  std::uint32_t new_index(const std::string& name);
  void attach(std::uint32_t index);
  void detach(std::uint32_t index);
  void refresh_row(const NodeEntry& node);  // after any change of the node's numbers
  void rebase();                            // makes the columns fit the present basis
  Candidate candidate(std::uint32_t index, const std::vector<Avoided>& avoided) const;

  std::optional<NodeIndex> next_in_turn(const Query& query);
  std::optional<NodeIndex> least_cost(const Query& query);
  void scan_block(const Query& query, const CapacityClass& rows, std::size_t begin,
                  const Weights& weights, Best& best) const;
  void add_disk(const Query& query, const CapacityClass& rows, std::size_t begin, std::size_t count,
                double* scores) const;
  bool allowed(const Query& query, std::uint32_t index) const;  // by what the columns do not know
  Explanation explain(const Query& query) const;
};

}  // namespace cube::scheduler
