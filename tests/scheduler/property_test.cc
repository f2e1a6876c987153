// What holds whatever happens: random nodes, demands, placements and departures, from a seed,
// against books kept here in the plainest way.

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/scheduler/support.h"

namespace cube::scheduler::test {
namespace {

struct Placed {
  std::string node;
  Demand demand;
};

struct World {
  explicit World(Policy policy) : pool(policy) {}

  Pool pool;
  std::map<std::string, NodeFacts> known;
  std::map<std::string, NodeIndex> index;
  std::set<std::string> ready;
  std::vector<Placed> placed;

  std::string name_of(NodeIndex wanted) const {
    for (const auto& [name, i] : index) {
      if (i == wanted) return name;
    }
    return {};
  }
  Resources used(const std::string& node) const {
    Resources sum;
    for (const Placed& p : placed) {
      if (p.node == node) sum += p.demand.resources;
    }
    return sum;
  }
  bool port_taken(const std::string& machine, const HostPortDemand& port) const {
    for (const Placed& p : placed) {
      if (known.at(p.node).machine != machine) continue;
      for (const HostPortDemand& q : p.demand.ports) {
        if (q == port) return true;
      }
    }
    return false;
  }
  bool may_hold(const std::string& node, const Demand& d) const {
    const NodeFacts& f = known.at(node);
    if (!ready.contains(node)) return false;
    if (!d.resources.fits_in(f.capacity - used(node))) return false;
    for (const HostPortDemand& port : d.ports) {
      if (port_taken(f.machine, port)) return false;
    }
    for (const Constraint& c : d.constraints) {
      if (!f.labels.contains(c.label)) return false;
    }
    return true;
  }
};

Demand random_demand(Rng& rng) {
  Demand d = demand({}, rng.next());
  const auto some = [&rng](std::uint64_t most) {
    return rng.below(3) == 0 ? 0 : static_cast<std::int64_t>(rng.below(most));
  };
  d.resources = resources(some(2000), some(2 * gib), some(3) * gib);
  if (rng.below(5) == 0) d.ports.push_back({static_cast<std::uint16_t>(80 + rng.below(3)), "tcp"});
  if (rng.below(5) == 0) d.constraints.push_back(Constraint::parse("node.labels.ssd").value());
  return d;
}

void change_a_node(World& world, Rng& rng) {
  NodeFacts f = facts("n" + std::to_string(rng.below(12)), {});
  f.capacity = resources(static_cast<std::int64_t>(1 + rng.below(4)) * 1000,
                         static_cast<std::int64_t>(1 + rng.below(4)) * gib, 10 * gib);
  f.machine = "m" + std::to_string(rng.below(6));
  if (rng.below(2) == 0) f.labels["ssd"] = "";
  const bool known = world.known.contains(f.name);
  // Less capacity than is reserved is allowed, but not what this test is about.
  if (known) f.capacity = world.known.at(f.name).capacity;
  const NodeIndex index = world.pool.put(f);
  if (known) CHECK(world.index.at(f.name) == index);
  world.known[f.name] = f;
  world.index[f.name] = index;
  const bool ready = rng.below(4) != 0;
  world.pool.set_ready(index, ready, "told so");
  if (ready) {
    world.ready.insert(f.name);
  } else {
    world.ready.erase(f.name);
  }
}

void lose_a_node(World& world, Rng& rng) {
  const std::string name = "n" + std::to_string(rng.below(12));
  if (!world.index.contains(name)) return;
  world.pool.remove(world.index.at(name));
  std::erase_if(world.placed, [&name](const Placed& p) { return p.node == name; });
  world.index.erase(name);
  world.known.erase(name);
  world.ready.erase(name);
}

void place_one(World& world, Rng& rng) {
  const Demand d = random_demand(rng);
  const Decision decision = world.pool.place(d);
  std::uint32_t could = 0;
  for (const auto& [name, f] : world.known) could += world.may_hold(name, d) ? 1 : 0;
  REQUIRE(decision.node.has_value() == (could > 0));
  if (!decision.node) {
    std::uint32_t explained = 0;
    for (const auto& line : decision.explanation.lines) explained += line.nodes;
    CHECK(explained == world.known.size());
    CHECK_FALSE(decision.explanation.str().empty());
    return;
  }
  const std::string name = world.name_of(*decision.node);
  REQUIRE(world.may_hold(name, d));
  world.pool.reserve(*decision.node, d);
  world.placed.push_back({name, d});
}

void release_one(World& world, Rng& rng) {
  if (world.placed.empty()) return;
  const auto at =
      world.placed.begin() + static_cast<std::ptrdiff_t>(rng.below(world.placed.size()));
  world.pool.release(world.index.at(at->node), at->demand);
  world.placed.erase(at);
}

std::string run(Policy policy, std::uint64_t seed) {
  World world(policy);
  Rng rng(seed);
  std::string trace;
  for (int i = 0; i < 600; ++i) {
    const auto dice = rng.below(20);
    if (dice < 11) {
      place_one(world, rng);
      trace += world.placed.empty() ? "-" : world.placed.back().node;
    } else if (dice < 16) {
      release_one(world, rng);
    } else if (dice < 19) {
      change_a_node(world, rng);
    } else {
      lose_a_node(world, rng);
    }
    for (const auto& [name, index] : world.index) {
      REQUIRE(world.pool.reserved(index) == world.used(name));
      REQUIRE(world.used(name).fits_in(world.known.at(name).capacity));
    }
    REQUIRE(world.pool.size() == world.known.size());
  }
  return trace;
}

TEST_CASE("places if and only if it fits, never over-commits, and does it again the same way") {
  for (const Policy policy : {Policy::roundrobin, Policy::epvm, Policy::spread, Policy::binpack}) {
    CAPTURE(name(policy));
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(seed);
      const std::string trace = run(policy, seed);
      CHECK(trace.size() > 200);
      CHECK(trace == run(policy, seed));
    }
  }
}

}  // namespace
}  // namespace cube::scheduler::test
