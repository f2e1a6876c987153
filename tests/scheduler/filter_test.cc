// Filters and explanations: a pool, a demand, and the sentence that comes out.

#include <doctest/doctest.h>

#include "tests/scheduler/support.h"

namespace cube::scheduler::test {
namespace {

std::string why_not(Pool& pool, const Demand& d, const std::vector<Avoided>& avoided = {}) {
  const Decision decision = pool.place(d, avoided);
  return decision.node ? "placed" : decision.explanation.str();
}

// Every filter means the same under every policy.
constexpr Policy policies[] = {Policy::roundrobin, Policy::epvm, Policy::spread, Policy::binpack};

TEST_CASE("an empty pool says so") {
  for (const Policy policy : policies) {
    Pool pool(policy);
    const Decision decision = pool.place(demand({}));
    CHECK_FALSE(decision.node);
    CHECK(decision.explanation.str() == "no nodes");
    CHECK_FALSE(decision.explanation.never);
  }
}

TEST_CASE("one reason at a time") {
  struct Case {
    const char* what;
    Demand demand;
    const char* expected;
  };
  const Demand small = demand(resources(100, 64 * mib));
  Demand other_platform = small;
  other_platform.platform = "linux/arm64";
  const Case cases[] = {
      {"fits", small, "placed"},
      {"exactly all", demand(resources(2000, gib, 10 * gib)), "placed"},
      {"nothing asked", demand({}), "placed"},
      {"cpu", demand(resources(2001, 0)),
       "1 node: not enough CPU (needs 2.001 cores, 2 cores free); no node is large enough"},
      {"memory", demand(resources(0, 2 * gib)),
       "1 node: not enough memory (needs 2 GiB, 1 GiB free); no node is large enough"},
      {"a byte too much", demand(resources(0, gib + 1)),
       "1 node: not enough memory (needs 1073741825 B, 1073741824 B free); no node is large "
       "enough"},
      {"disk", demand(resources(0, 0, 11 * gib)),
       "1 node: not enough disk (needs 11 GiB, 10 GiB free); no node is large enough"},
      {"platform", other_platform, "1 node: other platform (needs linux/arm64, is linux/amd64)"},
      {"label equals", with_constraint(small, "node.labels.disk==ssd"), "placed"},
      {"label differs", with_constraint(small, "node.labels.disk==hdd"),
       "1 node: does not meet constraint node.labels.disk==hdd"},
      {"label must not be", with_constraint(small, "node.labels.disk != ssd"),
       "1 node: does not meet constraint node.labels.disk!=ssd"},
      {"missing label differs", with_constraint(small, "node.labels.zone!=b"), "placed"},
      {"missing label", with_constraint(small, "node.labels.zone==b"),
       "1 node: does not meet constraint node.labels.zone==b"},
      {"label is there", with_constraint(small, "node.labels.disk"), "placed"},
      {"label is not there", with_constraint(small, "node.labels.gpu"),
       "1 node: does not meet constraint node.labels.gpu"},
      {"name", with_constraint(small, "node.name==n1"), "placed"},
      {"not name", with_constraint(small, "node.name!=n1"),
       "1 node: does not meet constraint node.name!=n1"},
      {"platform by constraint", with_constraint(small, "node.platform==linux/amd64"), "placed"},
  };
  for (const Policy policy : policies) {
    for (const Case& c : cases) {
      CAPTURE(name(policy));
      CAPTURE(std::string(c.what));
      Pool pool(policy);
      NodeFacts node = facts("n1", resources(2000, gib, 10 * gib));
      node.labels["disk"] = "ssd";
      put_ready(pool, node);
      CHECK(why_not(pool, c.demand) == c.expected);
    }
  }
}

TEST_CASE("the sentence of the design: most common reason first, with the most that is free") {
  for (const Policy policy : policies) {
    Pool pool(policy);
    const NodeIndex n1 = pool.put(facts("n1", resources(4000, 4 * gib)));
    const NodeIndex n2 = put_ready(pool, facts("n2", resources(4000, gib)));
    put_ready(pool, facts("n3", resources(4000, 310 * mib)));
    pool.reserve(n2, demand(resources(0, gib - 100 * mib)));
    const Demand web = demand(resources(0, 512 * mib));
    CHECK(why_not(pool, web) ==
          "2 nodes: not enough memory (needs 512 MiB, 310 MiB free); 1 node: not ready");
    CHECK_FALSE(pool.place(web).explanation.never);

    pool.set_ready(n1, false, "silent for 12 s");
    CHECK(pool.place(web).explanation.lines.at(1).reason == "not ready (silent for 12 s)");
    pool.set_ready(n1, true, "");
    CHECK(pool.place(web).node == n1);
  }
}

TEST_CASE("an avoided node is left out, with the reason") {
  for (const Policy policy : policies) {
    Pool pool(policy);
    const NodeIndex n1 = put_ready(pool, facts("n1", resources(1000, gib)));
    const std::vector<Avoided> avoided = {{n1, "failed to start there: port 7777 is in use"}};
    CHECK(why_not(pool, demand({}), avoided) ==
          "1 node: avoided (failed to start there: port 7777 is in use)");
    const NodeIndex n2 = put_ready(pool, facts("n2", resources(1000, gib)));
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      CHECK(pool.place(demand({}, seed), avoided).node == n2);
    }
  }
}

TEST_CASE("host ports belong to the machine") {
  for (const Policy policy : policies) {
    Pool pool(policy);
    NodeFacts n1 = facts("n1", resources(1000, gib));
    NodeFacts n2 = facts("n2", resources(1000, gib));
    n1.machine = n2.machine = "m";
    const NodeIndex i1 = put_ready(pool, n1);
    const NodeIndex i2 = put_ready(pool, n2);
    const Demand web = with_port(demand({}), 8080);
    pool.reserve(i1, web);
    CHECK(why_not(pool, web) == "2 nodes: host port 8080/tcp is in use");
    CHECK(why_not(pool, with_port(demand({}), 8080, "udp")) == "placed");
    CHECK(why_not(pool, with_port(demand({}), 8081)) == "placed");

    // Reported twice, it is free when both are gone.
    pool.reserve(i2, web);
    pool.release(i1, web);
    CHECK(why_not(pool, web) == "2 nodes: host port 8080/tcp is in use");
    pool.release(i2, web);
    CHECK(why_not(pool, web) == "placed");

    // It moves when the node turns out to be another machine.
    pool.reserve(i1, web);
    n1.machine = "m2";
    CHECK(pool.put(n1) == i1);
    CHECK(pool.place(web).node == i2);
    n1.machine = "m";
    CHECK(pool.put(n1) == i1);
    CHECK(why_not(pool, web) == "2 nodes: host port 8080/tcp is in use");

    // It leaves with its node.
    pool.remove(i1);
    CHECK(pool.place(web).node == i2);
  }
}

TEST_CASE("nodes of unknown machine share no ports") {
  Pool pool(Policy::epvm);
  NodeFacts n1 = facts("n1", resources(1000, gib));
  NodeFacts n2 = facts("n2", resources(1000, gib));
  n1.machine = n2.machine = "";
  const NodeIndex i1 = put_ready(pool, n1);
  const NodeIndex i2 = put_ready(pool, n2);
  const Demand web = with_port(demand({}), 80);
  pool.reserve(i1, web);
  CHECK(pool.place(web).node == i2);
}

TEST_CASE("never: only when every node is too small") {
  Pool pool(Policy::epvm);
  const NodeIndex n1 = put_ready(pool, facts("n1", resources(1000, gib)));
  const Demand large = demand(resources(2000, gib));
  CHECK(pool.place(large).explanation.never);

  pool.put(facts("n2", {}));  // has told nothing yet
  CHECK_FALSE(pool.place(large).explanation.never);
  pool.put(facts("n2", resources(4000, 4 * gib)));  // not ready, but large enough
  CHECK_FALSE(pool.place(large).explanation.never);
  pool.put(facts("n2", resources(4000, gib / 2)));  // another resource is too small
  CHECK(pool.place(large).explanation.never);

  pool.reserve(n1, demand(resources(1000, gib)));
  CHECK_FALSE(pool.place(demand(resources(1000, gib))).explanation.never);
}

TEST_CASE("many different reasons are cut short") {
  Pool pool(Policy::epvm);
  for (int i = 0; i < 9; ++i) {
    const NodeIndex index = pool.put(facts("n" + std::to_string(i), resources(1000, gib)));
    pool.set_ready(index, false, "refused by 10.0.0." + std::to_string(i));
  }
  const Explanation why = pool.place(demand({})).explanation;
  CHECK(why.lines.size() == 9);
  CHECK(why.str() ==
        "1 node: not ready (refused by 10.0.0.0); 1 node: not ready (refused by 10.0.0.1); "
        "1 node: not ready (refused by 10.0.0.2); 1 node: not ready (refused by 10.0.0.3); "
        "1 node: not ready (refused by 10.0.0.4); 4 nodes: other reasons");
}

TEST_CASE("a node with more reserved than it has is no candidate until there is room") {
  for (const Policy policy : policies) {
    Pool pool(policy);
    const NodeIndex n1 = put_ready(pool, facts("n1", resources(1000, gib)));
    const Demand half = demand(resources(600, 100 * mib));
    pool.reserve(n1, half);
    pool.reserve(n1, half);
    CHECK(pool.reserved(n1) == resources(1200, 200 * mib));
    CHECK(pool.tasks(n1) == 2);
    CHECK(why_not(pool, demand({})) == "1 node: not enough CPU (needs 0 cores, 0 cores free)");
    pool.release(n1, half);
    CHECK(why_not(pool, demand({})) == "placed");
  }
}

}  // namespace
}  // namespace cube::scheduler::test
