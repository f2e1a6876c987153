// A demand that comes again is placed by its ranking: the choice must be that of a scan. A pool
// that has lived through the same and was never asked is asked once, so it scans.

#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "tests/scheduler/support.h"

namespace cube::scheduler::test {
namespace {

// Nodes of few sizes, so that many tie, and enough of them for several blocks of a ranking.
NodeFacts some_node(Rng& rng) {
  NodeFacts f = facts("n" + std::to_string(rng.below(200)), {});
  f.capacity = resources(static_cast<std::int64_t>(1 + rng.below(3)) * 4000,
                         static_cast<std::int64_t>(1 + rng.below(3)) * 4 * gib, 10 * gib);
  if (rng.below(2) == 0) f.labels["ssd"] = "";
  return f;
}

// More kinds than there are rankings, so that they take each other's place.
Demand some_demand(Rng& rng) {
  Demand d = demand({}, rng.next());
  const auto kind = static_cast<std::int64_t>(rng.below(rng.below(2) == 0 ? 3 : 12));
  d.resources = resources(100 * (kind % 4), (kind % 3) * gib / 4, kind % 5 == 4 ? gib : 0);
  if (rng.below(6) == 0) d.constraints.push_back(Constraint::parse("node.labels.ssd").value());
  if (rng.below(6) == 0) d.ports.push_back({80, "tcp"});
  return d;
}

class Twins {
 public:
  explicit Twins(Policy policy) : asked_(policy), policy_(policy) {}

  void happens(const std::function<void(Pool&)>& change) {
    change(asked_);
    history_.push_back(change);
  }
  Decision ask(const Demand& d) {
    Pool fresh(policy_);
    for (const auto& change : history_) change(fresh);
    const Decision scanned = fresh.place(d);
    const Decision ranked = asked_.place(d);
    CHECK(ranked.node == scanned.node);
    CHECK(ranked.explanation.str() == scanned.explanation.str());
    return ranked;
  }

 private:
  Pool asked_;
  Policy policy_;
  std::vector<std::function<void(Pool&)>> history_;
};

void live(Policy policy, std::uint64_t seed) {
  CAPTURE(seed);
  Rng rng(seed);
  Twins twins(policy);
  std::set<std::string> known;
  std::vector<std::pair<NodeIndex, Demand>> placed;
  for (int i = 0; i < 600; ++i) {
    if (i < 150 || rng.below(8) == 0) {
      const NodeFacts f = some_node(rng);
      if (!known.insert(f.name).second) continue;
      const bool ready = rng.below(8) != 0;
      twins.happens([f, ready](Pool& pool) { pool.set_ready(pool.put(f), ready, "told so"); });
    } else if (rng.below(3) == 0 && !placed.empty()) {
      const auto [node, d] = placed[rng.below(placed.size())];
      std::erase_if(placed, [&](const auto& p) { return p.second.seed == d.seed; });
      twins.happens([node, d](Pool& pool) { pool.release(node, d); });
    } else {
      const Demand d = some_demand(rng);
      const Decision decision = twins.ask(d);
      if (!decision.node) continue;
      placed.emplace_back(*decision.node, d);
      twins.happens([node = *decision.node, d](Pool& pool) { pool.reserve(node, d); });
    }
  }
}

}  // namespace

TEST_CASE("a ranking chooses as a scan does") {
  for (const Policy policy : {Policy::epvm, Policy::spread, Policy::binpack}) {
    CAPTURE(name(policy));
    for (std::uint64_t seed = 1; seed <= 3; ++seed) live(policy, seed);
  }
}

TEST_CASE("a ranking forgets a node that left, and knows one that took its place") {
  for (const Policy policy : {Policy::epvm, Policy::spread, Policy::binpack}) {
    Pool pool(policy);
    const auto enter = [&pool](const std::string& node) {
      const NodeIndex index = pool.put(facts(node, resources(1000, gib, gib)));
      pool.set_ready(index, true, {});
      return index;
    };
    const NodeIndex a = enter("a");
    const Demand d = demand(resources(800, 0, 0), 1);
    for (int i = 0; i < 3; ++i) CHECK(pool.place(d).node == a);
    pool.remove(a);
    CHECK_FALSE(pool.place(d).node.has_value());
    const NodeIndex b = enter("b");
    CHECK(pool.place(d).node == b);
    pool.reserve(b, d);
    CHECK_FALSE(pool.place(d).node.has_value());
    pool.release(b, d);
    pool.set_ready(b, false, "told so");
    CHECK_FALSE(pool.place(d).node.has_value());
  }
}

}  // namespace cube::scheduler::test
