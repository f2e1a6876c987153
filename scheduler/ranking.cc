// Rankings: what makes placing the same demand again, and again, cheap.
//
// A cluster of many tasks has few kinds of them. For each demand of CPU, memory and disk that came
// twice, the score of every node is kept, with the least of each block of 64. A reservation changes
// one node: its score in each ranking, and the least of its block. To place is then to look at the
// least of each block, and into the blocks that hold the best. The scores are computed by the very
// same code as in a scan, so the choice is the same bit for bit.

#include <algorithm>

#include "scheduler/pool_impl.h"

namespace cube::scheduler {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double least_of_block(const Ranking& ranking, std::size_t block) {
  return least(ranking.scores.data() + block * ranking_block, ranking_block);
}

}  // namespace

// True from the second time on, unless many others came between.
bool Pool::Impl::seen_before(const Resources& demand) {
  const auto end = seen.begin() + static_cast<std::ptrdiff_t>(seen_count);
  if (std::find(seen.begin(), end, demand) != end) return true;
  seen[next_seen] = demand;
  next_seen = (next_seen + 1) % seen.size();
  seen_count = std::min(seen_count + 1, seen.size());
  return false;
}

Ranking* Pool::Impl::ranking_of(const Resources& demand) {
  auto found = std::ranges::find(rankings, demand, &Ranking::demand);
  if (found == rankings.end()) {
    if (!seen_before(demand)) return nullptr;
    if (rankings.size() < rankings_max) {
      found = rankings.emplace(rankings.end());
    } else {
      found = std::ranges::min_element(rankings, {}, &Ranking::used);
    }
    found->demand = demand;
    found->fresh = false;
  }
  if (!found->fresh) rank(static_cast<std::size_t>(found - rankings.begin()));
  found->used = ++rankings_used;
  return &*found;
}

void Pool::Impl::weigh(CapacityClass& rows, const Resources& capacity) {
  for (std::size_t i = 0; i < rankings.size(); ++i) {
    rows.weights[i] = weights_of(policy, basis, capacity, rankings[i].demand);
  }
}

void Pool::Impl::rank(std::size_t which) {
  Ranking& ranking = rankings[which];
  ranking.scores.assign(name_hashes.size(), infinity);
  std::array<double, block_rows_max> scores;
  for (auto& [capacity, rows] : classes) {
    const Resources cpu_and_memory{
        .cpu_milli = capacity.first, .memory_bytes = capacity.second, .disk_bytes = 0};
    rows.weights[which] = weights_of(policy, basis, cpu_and_memory, ranking.demand);
    for (std::size_t begin = 0; begin < rows.size(); begin += block_rows_max) {
      const std::size_t count = std::min(block_rows_max, rows.size() - begin);
      score_rows(rows, begin, count, rows.weights[which], ranking.demand, scores.data());
      for (std::size_t i = 0; i < count; ++i) ranking.scores[rows.node[begin + i]] = scores[i];
    }
  }
  ranking.minima.resize(ranking.scores.size() / ranking_block);
  for (std::size_t b = 0; b < ranking.minima.size(); ++b) {
    ranking.minima[b] = least_of_block(ranking, b);
  }
  ranking.fresh = true;
}

void Pool::Impl::rank_row(std::size_t which, const NodeEntry& node) {
  Ranking& ranking = rankings[which];
  const CapacityClass& rows = *node.row_class;
  const std::uint32_t index = rows.node[node.row];
  if (ranking.scores.size() < name_hashes.size()) {
    ranking.scores.resize(name_hashes.size(), infinity);
    ranking.minima.resize(name_hashes.size() / ranking_block, infinity);
  }
  score_rows(rows, node.row, 1, rows.weights[which], ranking.demand, &ranking.scores[index]);
  const std::size_t block = index / ranking_block;
  ranking.minima[block] = least_of_block(ranking, block);
}

std::optional<NodeIndex> Pool::Impl::best_ranked(const Query& query, const Ranking& ranking) const {
  if (ranking.minima.empty()) return std::nullopt;
  // What must be asked of each node besides its score may turn the best away: then nothing is known
  // beforehand. Else it is those with the least score, and of these the first by the tie's hash.
  const double bound =
      query.screened ? infinity : least(ranking.minima.data(), ranking.minima.size());
  Best best;
  for (std::size_t b = 0; b < ranking.minima.size(); ++b) {
    if (ranking.minima[b] > std::min(bound, best.score) || ranking.minima[b] == infinity) continue;
    const std::size_t begin = b * ranking_block;
    const double* const scores = ranking.scores.data() + begin;
    const bool tied = !query.screened && best.score == bound;  // only a lesser tie could win
    if (tied && best.tie < least_tie(scores, name_hashes.data() + begin, ranking_block, bound,
                                     query.task_hash)) {
      continue;
    }
    for (std::size_t i = 0; i < ranking_block; ++i) {
      if (scores[i] <= bound) offer(query, static_cast<std::uint32_t>(begin + i), scores[i], best);
    }
  }
  if (best.score == infinity) return std::nullopt;
  return NodeIndex{best.index};
}

}  // namespace cube::scheduler
