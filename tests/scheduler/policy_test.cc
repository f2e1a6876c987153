// What each policy prefers, as a table: the nodes, what they hold, and where the next task goes.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/scheduler/support.h"

namespace cube::scheduler::test {
namespace {

struct Held {
  std::int64_t cpu, memory;  // of one task
  int tasks;
};

struct NodeRow {
  const char* name;
  Resources capacity;
  std::vector<Held> held;
};

Pool pool_of(Policy policy, const std::vector<NodeRow>& rows) {
  Pool pool(policy);
  for (const NodeRow& row : rows) {
    const NodeIndex index = put_ready(pool, facts(row.name, row.capacity));
    for (const Held& held : row.held) {
      for (int i = 0; i < held.tasks; ++i) {
        pool.reserve(index, demand(resources(held.cpu, held.memory)));
      }
    }
  }
  return pool;
}

TEST_CASE("where the next task goes") {
  struct Case {
    const char* what;
    Policy policy;
    std::vector<NodeRow> nodes;
    Resources needs;
    unsigned expected;  // index into nodes
  };
  const Resources node = resources(4000, 8 * gib);
  const Resources twice = resources(8000, 16 * gib);
  const Resources task = resources(1000, gib);
  const Case cases[] = {
      {"spread: fewest tasks, however large",
       Policy::spread,
       {{"a", node, {{100, mib, 2}}}, {"b", node, {{3000, 7 * gib, 1}}}},
       task,
       1},
      {"spread: as many tasks, then least used",
       Policy::spread,
       {{"a", node, {{1000, gib, 1}}}, {"b", node, {{500, gib, 1}}}},
       task,
       1},
      {"spread: least used is a share",
       Policy::spread,
       {{"a", node, {{1000, gib, 1}}}, {"b", twice, {{1500, gib, 1}}}},
       task,
       1},
      {"binpack: the fullest that holds it",
       Policy::binpack,
       {{"a", node, {{1000, gib, 1}}}, {"b", node, {{3000, gib, 1}}}, {"c", node, {}}},
       task,
       1},
      {"binpack: not where it does not fit",
       Policy::binpack,
       {{"a", node, {{1000, gib, 1}}}, {"b", node, {{3500, gib, 1}}}, {"c", node, {}}},
       task,
       0},
      {"binpack: the smaller of two empty nodes",
       Policy::binpack,
       {{"a", twice, {}}, {"b", node, {}}},
       task,
       1},
      {"binpack: without resources, where most tasks are",
       Policy::binpack,
       {{"a", node, {{0, 0, 1}}}, {"b", node, {{0, 0, 3}}}, {"c", node, {}}},
       {},
       1},
      {"epvm: the emptiest of equals",
       Policy::epvm,
       {{"a", node, {{1000, gib, 2}}}, {"b", node, {{1000, gib, 1}}}},
       task,
       1},
      {"epvm: the larger of two empty nodes",
       Policy::epvm,
       {{"a", node, {}}, {"b", twice, {}}},
       task,
       1},
      {"epvm: a nearly full resource outweighs a task more",
       Policy::epvm,
       {{"a", node, {{0, 7 * gib, 1}}}, {"b", node, {{500, 512 * mib, 2}}}},
       resources(0, gib),
       1},
      {"epvm: without resources, where fewest tasks are",
       Policy::epvm,
       {{"a", node, {{0, 0, 3}}}, {"b", node, {{1000, gib, 2}}}},
       {},
       1},
      {"epvm: disk counts when asked",
       Policy::epvm,
       {{"a", resources(4000, 8 * gib, 10 * gib), {}},
        {"b", resources(4000, 8 * gib, 20 * gib), {}}},
       resources(1000, gib, 5 * gib),
       1},
      {"binpack: disk counts when asked",
       Policy::binpack,
       {{"a", resources(4000, 8 * gib, 10 * gib), {}},
        {"b", resources(4000, 8 * gib, 20 * gib), {}}},
       resources(1000, gib, 5 * gib),
       0},
      {"epvm: disk decides what fits",
       Policy::epvm,
       {{"a", resources(4000, 8 * gib, 10 * gib), {{1000, gib, 3}}},
        {"b", resources(4000, 8 * gib, 4 * gib), {}}},
       resources(1000, gib, 5 * gib),
       0},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string(c.what));
    for (std::uint64_t seed = 0; seed < 8; ++seed) {  // not by the luck of a tie
      Pool pool = pool_of(c.policy, c.nodes);
      const auto chosen = pool.place(demand(c.needs, seed)).node;
      REQUIRE(chosen);
      CHECK(static_cast<unsigned>(*chosen) == c.expected);
    }
  }
}

TEST_CASE("roundrobin takes turns over what fits, in the order of the nodes") {
  Pool pool(Policy::roundrobin);
  const NodeIndex a = put_ready(pool, facts("a", resources(1000, gib)));
  const NodeIndex b = put_ready(pool, facts("b", resources(1000, gib)));
  const NodeIndex c = put_ready(pool, facts("c", resources(1000, gib)));
  std::string order;
  const auto next = [&] {
    const auto node = pool.place(demand(resources(100, mib))).node;
    order += node == a ? 'a' : node == b ? 'b' : node == c ? 'c' : '-';
  };
  for (int i = 0; i < 4; ++i) next();
  pool.set_ready(b, false, "down");
  for (int i = 0; i < 3; ++i) next();
  pool.set_ready(b, true, "");
  pool.reserve(c, demand(resources(1000, gib)));
  for (int i = 0; i < 4; ++i) next();
  pool.set_ready(a, false, "");
  pool.set_ready(b, false, "");
  next();
  CHECK(order ==
        "abca"
        "cac"
        "abab"
        "-");
}

TEST_CASE("one node takes everything until it is full, under every policy") {
  for (const Policy policy : {Policy::roundrobin, Policy::epvm, Policy::spread, Policy::binpack}) {
    Pool pool(policy);
    const NodeIndex only = put_ready(pool, facts("only", resources(1000, gib)));
    const Demand tenth = demand(resources(100, mib));
    for (int i = 0; i < 10; ++i) {
      REQUIRE(pool.place(tenth).node == only);
      pool.reserve(only, tenth);
    }
    CHECK_FALSE(pool.place(tenth).node);
    pool.release(only, tenth);
    CHECK(pool.place(tenth).node == only);
  }
}

TEST_CASE("ties: by task and node name, not by order, and over all nodes") {
  for (const Policy policy : {Policy::epvm, Policy::spread, Policy::binpack}) {
    CAPTURE(name(policy));
    std::vector<std::string> names;
    for (int i = 0; i < 40; ++i) names.push_back("node-" + std::to_string(i));
    const auto chosen_by_seed = [policy](const std::vector<std::string>& in_order) {
      Pool pool(policy);
      for (const std::string& n : in_order) {
        const NodeIndex index = pool.put(facts(n, resources(1000, gib)));
        CHECK(in_order.at(static_cast<std::size_t>(index)) == n);
        pool.set_ready(index, true, {});
      }
      std::vector<std::string> chosen;
      for (std::uint64_t seed = 0; seed < 400; ++seed) {
        const auto node = pool.place(demand(resources(100, mib), seed)).node;
        chosen.push_back(in_order.at(static_cast<std::size_t>(node.value())));
      }
      return chosen;
    };
    const auto chosen = chosen_by_seed(names);
    std::ranges::reverse(names);
    CHECK(chosen == chosen_by_seed(names));
    // 400 draws over 40 nodes: each is met, none far too often.
    CHECK(std::set(chosen.begin(), chosen.end()).size() == 40);
    for (const std::string& n : names) CHECK(std::ranges::count(chosen, n) < 30);
  }
}

TEST_CASE("indices are stable, and used again after remove()") {
  Pool pool(Policy::epvm);
  const NodeIndex a = put_ready(pool, facts("a", resources(1000, gib)));
  const NodeIndex b = put_ready(pool, facts("b", resources(2000, gib)));
  CHECK(pool.size() == 2);
  CHECK(pool.put(facts("a", resources(1500, gib))) == a);  // still ready, with new facts
  CHECK(pool.capacity(a) == resources(1500, gib));
  pool.reserve(a, demand(resources(700, mib)));
  pool.remove(a);
  CHECK(pool.size() == 1);
  CHECK(pool.place(demand({})).node == b);
  const NodeIndex c = pool.put(facts("c", resources(4000, gib)));
  CHECK(c == a);
  CHECK(pool.reserved(c) == Resources{});
  CHECK(pool.tasks(c) == 0);
  CHECK(pool.place(demand(resources(3000, 0))).explanation.str() ==
        "1 node: not ready; 1 node: not enough CPU (needs 3 cores, 2 cores free)");
}

TEST_CASE("a change of capacity moves the node to its new equals") {
  Pool pool(Policy::binpack);
  const NodeIndex a = put_ready(pool, facts("a", resources(1000, gib)));
  put_ready(pool, facts("b", resources(1000, gib)));
  pool.reserve(a, demand(resources(900, mib)));
  CHECK_FALSE(pool.place(demand(resources(1001, mib))).node);
  pool.put(facts("a", resources(2000, gib)));
  CHECK(pool.place(demand(resources(1001, mib))).node == a);
  CHECK_FALSE(pool.place(demand(resources(1101, mib))).node);
  CHECK(pool.reserved(a) == resources(900, mib));
}

}  // namespace
}  // namespace cube::scheduler::test
