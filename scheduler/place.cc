// Filter, score, choose; or explain.

#include <algorithm>
#include <array>

#include "base/rng.h"
#include "scheduler/pool_impl.h"

namespace cube::scheduler {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Larger than the node in at least one resource. A node that has told nothing yet might be large.
bool exceeds(const Resources& demand, const Resources& capacity) {
  return capacity != Resources{} && !demand.fits_in(capacity);
}

}  // namespace

Candidate Pool::Impl::candidate(std::uint32_t index, const std::vector<Avoided>& avoided) const {
  const NodeEntry& node = nodes[index];
  const auto entry = std::ranges::find(avoided, NodeIndex{index}, &Avoided::node);
  return {.facts = node.facts,
          .ready = node.ready,
          .not_ready_reason = node.not_ready_reason,
          .free = node.free(),
          .machine_ports = node.machine->ports,
          .avoided = entry == avoided.end() ? nullptr : &*entry};
}

// Only E-PVM's columns depend on the basis. It changes when nodes come and go and when a node
// holds more tasks than any before; all columns are then computed anew, once, before the next scan.
void Pool::Impl::rebase() {
  const Basis wanted = Basis::of(ready_nodes, tasks_max);
  if (policy != Policy::epvm || basis == wanted) return;
  basis = wanted;
  for (Ranking& ranking : rankings) ranking.fresh = false;
  for (const NodeEntry& node : nodes) {
    if (node.present) refresh_row(node);
  }
}

std::optional<NodeIndex> Pool::Impl::next_in_turn(const Query& query) {
  const auto count = static_cast<std::uint32_t>(nodes.size());
  for (std::uint32_t step = 0; step < count; ++step) {
    const std::uint32_t index = (cursor + step) % count;
    if (!nodes[index].present) continue;
    if (first_failing(candidate(index, query.avoided), query.demand)) continue;
    cursor = index + 1;
    return NodeIndex{index};
  }
  return std::nullopt;
}

// As score_block(), and with what disk adds or forbids.
void Pool::Impl::score_rows(const CapacityClass& rows, std::size_t begin, std::size_t count,
                            const Weights& weights, const Resources& demand, double* scores) const {
  score_block(rows, begin, count, weights, demand, scores);
  if (demand.disk_bytes <= 0) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (scores[i] == infinity) continue;
    const NodeEntry& node = nodes[rows.node[begin + i]];
    const bool fits = demand.disk_bytes <= node.free().disk_bytes;
    scores[i] = fits ? scores[i] + disk_score(policy, basis, node.use(), demand) : infinity;
  }
}

bool Pool::Impl::allowed(const Query& query, std::uint32_t index) const {
  return !query.screened || !first_failing(candidate(index, query.avoided), query.demand);
}

// Takes a node that is better than the best so far, or equal and first by the tie's hash. One that
// cannot win is left out before anything that costs more than a comparison.
void Pool::Impl::offer(const Query& query, std::uint32_t index, double score, Best& best) const {
  if (score > best.score || score == infinity) return;
  const std::uint64_t tie = tie_of(query.task_hash, name_hashes[index]);
  if (score == best.score) {
    if (tie > best.tie) return;
    if (tie == best.tie && nodes[index].facts.name > nodes[best.index].facts.name) return;
  }
  if (allowed(query, index)) best = {score, tie, index};
}

void Pool::Impl::scan_block(const Query& query, const CapacityClass& rows, std::size_t begin,
                            const Weights& weights, Best& best) const {
  std::array<double, block_rows_max> scores;
  const std::size_t count = std::min(block_rows_max, rows.size() - begin);
  score_rows(rows, begin, count, weights, query.demand.resources, scores.data());
  const double block_least = least(scores.data(), count);
  if (block_least > best.score || block_least == infinity) return;
  for (std::size_t i = 0; i < count; ++i) offer(query, rows.node[begin + i], scores[i], best);
}

std::optional<NodeIndex> Pool::Impl::least_cost(const Query& query) {
  rebase();
  if (const Ranking* ranking = ranking_of(query.demand.resources)) {
    return best_ranked(query, *ranking);
  }
  Best best;
  for (const auto& [capacity, rows] : classes) {
    const Weights weights =
        weights_of(policy, basis,
                   {.cpu_milli = capacity.first, .memory_bytes = capacity.second, .disk_bytes = 0},
                   query.demand.resources);
    for (std::size_t begin = 0; begin < rows.size(); begin += block_rows_max) {
      scan_block(query, rows, begin, weights, best);
    }
  }
  if (best.score == infinity) return std::nullopt;
  return NodeIndex{best.index};
}

Explanation Pool::Impl::explain(const Query& query) const {
  if (by_name.empty()) return {.lines = {{0, "no nodes"}}, .never = false};
  Reasons reasons(query.demand);
  bool never = true;
  for (std::uint32_t index = 0; index < nodes.size(); ++index) {
    if (!nodes[index].present) continue;
    if (!exceeds(query.demand.resources, nodes[index].facts.capacity)) never = false;
    const Candidate node = candidate(index, query.avoided);
    const auto failed = first_failing(node, query.demand);
    CUBE_ASSERT(failed.has_value());  // or the node would have been chosen
    reasons.add(*failed, node);
  }
  return {.lines = reasons.lines(), .never = never};
}

Decision Pool::place(const Demand& demand, const std::vector<Avoided>& avoided) {
  const bool screened = !demand.ports.empty() || !demand.constraints.empty() ||
                        !demand.platform.empty() || !avoided.empty();
  const Impl::Query query{demand, avoided, Rng(demand.seed).next(), screened};
  const auto node =
      impl_->policy == Policy::roundrobin ? impl_->next_in_turn(query) : impl_->least_cost(query);
  if (node) return {.node = node, .explanation = {}};
  return {.node = std::nullopt, .explanation = impl_->explain(query)};
}

}  // namespace cube::scheduler
