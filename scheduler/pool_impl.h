#pragma once
// Inside of `Pool`: nodes, machines, and the columns that are scanned.

#include <array>
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

// The scores of all nodes for one demand of resources, kept up to date with every reservation, so
// that a demand that comes again is placed without a scan.
struct Ranking {
  Resources demand;
  bool fresh = false;          // else all is computed anew before it is used
  std::uint64_t used = 0;      // the larger, the later
  std::vector<double> scores;  // by NodeIndex, whole blocks; infinity where it does not fit
  std::vector<double> minima;  // the least of each block
};

// Nodes of one entry of Ranking::minima.
inline constexpr std::size_t ranking_block = 64;
// Demands that were seen once, lately: the second time they get a ranking.
inline constexpr std::size_t demands_seen_max = 32;

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
    bool screened;            // has demands that the scores do not know
  };

  explicit Impl(Policy p) : policy(p) {}

  const Policy policy;
  std::vector<NodeEntry> nodes;       // by NodeIndex
  std::vector<std::uint64_t> name_hashes;  // by NodeIndex, whole blocks
  std::vector<std::uint32_t> unused;       // indices to use again
  std::map<std::string, std::uint32_t, std::less<>> by_name;
  std::map<std::string, Machine> machines;  // by machine, or by name where it is not known
  // By CPU and memory. Elements stay where they are, so nodes may point to them.
  std::map<std::pair<std::int64_t, std::int64_t>, CapacityClass> classes;
  std::uint32_t ready_nodes = 0;
  std::uint64_t tasks_max = 1;  // L
  Basis basis;                  // what the columns were computed for
  std::uint32_t cursor = 0;     // round-robin: the index to try first
  std::vector<Ranking> rankings;
  std::uint64_t rankings_used = 0;
  std::array<Resources, demands_seen_max> seen;
  std::size_t next_seen = 0, seen_count = 0;

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
  void score_rows(const CapacityClass& rows, std::size_t begin, std::size_t count,
                  const Weights& weights, const Resources& demand, double* scores) const;
  void offer(const Query& query, std::uint32_t index, double score, Best& best) const;
  bool allowed(const Query& query, std::uint32_t index) const;  // by what the columns do not know
  Explanation explain(const Query& query) const;

  // --- ranking.cc
  Ranking* ranking_of(const Resources& demand);  // null: not seen before, or long ago
  bool seen_before(const Resources& demand);
  void rank(std::size_t which);  // computes all of it
  void rank_row(std::size_t which, const NodeEntry& node);
  void weigh(CapacityClass& rows, const Resources& capacity);  // a class that was empty
  std::optional<NodeIndex> best_ranked(const Query& query, const Ranking& ranking) const;
};

}  // namespace cube::scheduler
