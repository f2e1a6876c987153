// E-PVM against its formula as published, and against the worked example of docs/scheduling.md.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "tests/scheduler/support.h"

namespace cube::scheduler::test {
namespace {

struct Node {
  std::string name;
  Resources capacity, reserved;
  std::uint32_t tasks = 0;
};

// The formula as docs/scheduling.md states it, term by term, with nothing rearranged.
struct Growth {
  double cpu, memory, disk, tasks;
  double sum() const { return cpu + memory + disk + tasks; }
};

Growth growth_by_formula(double n, double tasks_max, const Node& node, const Resources& needs) {
  const auto term = [n](std::int64_t used, std::int64_t asked, std::int64_t capacity) {
    if (asked == 0) return 0.0;
    const auto c = static_cast<double>(capacity);
    return std::pow(n, static_cast<double>(used + asked) / c) -
           std::pow(n, static_cast<double>(used) / c);
  };
  return {term(node.reserved.cpu_milli, needs.cpu_milli, node.capacity.cpu_milli),
          term(node.reserved.memory_bytes, needs.memory_bytes, node.capacity.memory_bytes),
          term(node.reserved.disk_bytes, needs.disk_bytes, node.capacity.disk_bytes),
          std::pow(n, (node.tasks + 1) / tasks_max) - std::pow(n, node.tasks / tasks_max)};
}

struct Cluster {
  Pool pool{Policy::epvm};
  std::vector<Node> nodes;

  void add(const std::string& name, Resources capacity) {
    nodes.push_back({name, capacity, {}, 0});
    CHECK(static_cast<std::size_t>(put_ready(pool, facts(name, capacity))) == nodes.size() - 1);
  }
  void reserve(std::size_t at, const Demand& d) {
    pool.reserve(NodeIndex{static_cast<std::uint32_t>(at)}, d);
    nodes[at].reserved += d.resources;
    ++nodes[at].tasks;
  }
  double tasks_max() const {
    double max = 1;
    for (const Node& node : nodes) {
      while (max <= node.tasks) max *= 2;
    }
    return max;
  }
  Growth growth(std::size_t at, const Resources& needs) const {
    return growth_by_formula(static_cast<double>(std::max<std::size_t>(nodes.size(), 2)),
                             tasks_max(), nodes[at], needs);
  }
};

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST_CASE("the worked example of docs/scheduling.md") {
  Cluster cluster;
  const Resources small = resources(4000, 8 * gib);
  const Resources large = resources(8000, 16 * gib);
  cluster.add("a", small);
  cluster.add("b", small);
  cluster.add("c", small);
  cluster.add("d", large);
  cluster.reserve(0, demand(resources(2000, 2 * gib)));
  cluster.reserve(1, demand(resources(1000, 6 * gib)));
  cluster.reserve(2, demand(resources(500, 512 * mib)));
  cluster.reserve(2, demand(resources(500, 512 * mib)));
  cluster.reserve(3, demand(resources(1000, 2 * gib)));
  cluster.reserve(3, demand(resources(1000, 2 * gib)));
  cluster.reserve(3, demand(resources(2000, 4 * gib)));
  const Resources needs = resources(1000, 2 * gib);

  const std::string page = read(std::string(CUBE_SOURCE_DIR) + "/docs/scheduling.md");
  for (std::size_t i = 0; i < cluster.nodes.size(); ++i) {
    const Growth g = cluster.growth(i, needs);
    const std::string row =
        fmt::format("| {} | {:.4f} | {:.4f} | {:.4f} | {}{:.4f}{} |", cluster.nodes[i].name, g.cpu,
                    g.memory, g.tasks, i == 2 ? "**" : "", g.sum(), i == 2 ? "**" : "");
    CAPTURE(row);
    CHECK(page.find(row) != std::string::npos);
  }
  CHECK(cluster.pool.place(demand(needs)).node == NodeIndex{2});

  // The next one: c is dearer now, and d comes next.
  cluster.reserve(2, demand(needs));
  CHECK(page.find(fmt::format("| c | {:.4f} |", cluster.growth(2, needs).sum())) !=
        std::string::npos);
  CHECK(cluster.pool.place(demand(needs)).node == NodeIndex{3});
}

TEST_CASE("the same choice as the formula, on random clusters") {
  Rng rng(20000711);
  for (int round = 0; round < 60; ++round) {
    Cluster cluster;
    const std::size_t count = 1 + rng.below(60);
    const bool alike = rng.below(2) == 0;
    const auto some = [&](std::int64_t unit, std::uint64_t up_to) {
      return unit * static_cast<std::int64_t>(1 + (alike ? up_to : rng.below(up_to)));
    };
    for (std::size_t i = 0; i < count; ++i) {
      cluster.add("n" + std::to_string(i),
                  resources(some(1000, 16), some(gib, 64), some(10 * gib, 20)));
    }
    for (int task = 0; task < 80; ++task) {
      const auto up_to = [&](std::int64_t most) {
        return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most)));
      };
      const Demand d = demand(
          resources(rng.below(4) == 0 ? 0 : up_to(3000), rng.below(4) == 0 ? 0 : up_to(6 * gib),
                    rng.below(3) != 0 ? 0 : up_to(20 * gib)),
          rng.next());
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < count; ++i) {
        const Node& node = cluster.nodes[i];
        if (!d.resources.fits_in(node.capacity - node.reserved)) continue;
        least = std::min(least, cluster.growth(i, d.resources).sum());
      }
      const auto chosen = cluster.pool.place(d).node;
      REQUIRE(chosen.has_value() == std::isfinite(least));
      if (!chosen) continue;
      const auto at = static_cast<std::size_t>(*chosen);
      REQUIRE(cluster.growth(at, d.resources).sum() <= least * (1 + 1e-9));
      cluster.reserve(at, d);
    }
  }
}

// A change of n or of L must reach every column, not only that of the node that changed.
TEST_CASE("the columns follow when nodes come, go and fill") {
  Pool changed(Policy::epvm);
  std::vector<NodeFacts> all;
  for (int i = 0; i < 30; ++i) {
    all.push_back(facts("n" + std::to_string(i), resources(4000 + 500 * (i % 5), 8 * gib)));
    put_ready(changed, all.back());
  }
  const Demand task = demand(resources(300, 700 * mib));
  for (std::uint64_t i = 0; i < 60; ++i) {
    Demand d = task;
    d.seed = i;
    changed.reserve(changed.place(d).node.value(), d);
  }
  for (std::uint32_t i = 20; i < 30; ++i) changed.set_ready(NodeIndex{i}, false, "gone");

  // A fresh pool in the same state has computed everything once, at the end.
  Pool fresh(Policy::epvm);
  for (std::uint32_t i = 0; i < 30; ++i) {
    const NodeIndex index = fresh.put(all[i]);
    fresh.set_ready(index, i < 20, "gone");
    for (std::uint32_t k = 0; k < changed.tasks(index); ++k) fresh.reserve(index, task);
  }
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Demand d = demand(resources(100 + 10 * static_cast<std::int64_t>(seed), gib), seed);
    CHECK(changed.place(d).node == fresh.place(d).node);
  }
}

}  // namespace
}  // namespace cube::scheduler::test
