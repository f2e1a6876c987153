// Constraints as text, and what a spec asks of a node.

#include <doctest/doctest.h>

#include "tests/scheduler/support.h"

namespace cube::scheduler::test {
namespace {

TEST_CASE("constraints that are understood") {
  struct Case {
    const char* text;
    Constraint::Key key;
    const char* label;
    Constraint::Op op;
    const char* value;
  };
  using K = Constraint::Key;
  using O = Constraint::Op;
  const Case cases[] = {
      {"node.name==n1", K::node_name, "", O::equal, "n1"},
      {"node.name != n1", K::node_name, "", O::not_equal, "n1"},
      {"node.platform==linux/arm64", K::platform, "", O::equal, "linux/arm64"},
      {"node.labels.disk==ssd", K::label, "disk", O::equal, "ssd"},
      {"  node.labels.a.b-c/d == x y ", K::label, "a.b-c/d", O::equal, "x y"},
      {"node.labels.zone!=b", K::label, "zone", O::not_equal, "b"},
      {"node.labels.gpu", K::label, "gpu", O::present, ""},
      {"node.labels.expr==a==b", K::label, "expr", O::equal, "a==b"},
      {"node.labels.expr!=a==b", K::label, "expr", O::not_equal, "a==b"},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string(c.text));
    const auto parsed = Constraint::parse(c.text);
    REQUIRE(parsed.ok());
    CHECK(parsed.value().key == c.key);
    CHECK(parsed.value().label == c.label);
    CHECK(parsed.value().op == c.op);
    CHECK(parsed.value().value == c.value);
  }
}

TEST_CASE("constraints that are not understood name themselves and what is allowed") {
  for (const char* text : {"", " ", "node", "node.name", "node.platform", "node.labels.",
                           "node.labels.==x", "node.labels.a==", "node.labels.a!= ", "name==n1",
                           "node.role==worker", "==", "!=x", "node.labels"}) {
    CAPTURE(std::string(text));
    const auto parsed = Constraint::parse(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == Code::invalid);
    CHECK(parsed.error().message.starts_with("constraint \"" + std::string(text) + "\": "));
    CHECK(parsed.error().message.find("node.labels.<label>") != std::string::npos);
  }
}

TEST_CASE("a spec's demand: fixed host ports once each, constraints, platform, resources") {
  TaskSpec spec;
  spec.cpu_milli = 250;
  spec.memory_bytes = 64 * mib;
  spec.disk_bytes = gib;
  spec.platform = "linux/arm64";
  spec.ports = {{{8080, "tcp"}, 80, "10.0.0.1"},
                {{8081, "tcp"}, 80, "10.0.0.2"},
                {{53, "udp"}, 53, ""},
                {{9000, "tcp"}, 0, ""}};  // any port will do
  spec.constraints = {"node.labels.disk==ssd", "node.name!=n2"};
  const Demand d = Demand::of(spec, 7);
  CHECK(d.seed == 7);
  CHECK(d.resources == resources(250, 64 * mib, gib));
  CHECK(d.platform == "linux/arm64");
  CHECK(d.ports == std::vector<HostPortDemand>{{53, "udp"}, {80, "tcp"}});
  REQUIRE(d.constraints.size() == 2);
  CHECK(d.constraints[0].value == "ssd");
  CHECK(d.constraints[1].key == Constraint::Key::node_name);
}

TEST_CASE("every constraint that a valid spec may have is understood") {
  for (const char* text : {"node.name==n1", "node.name != n1", " node.platform==linux/arm64 ",
                           "node.labels.a.b-c/d_e==x y", "node.labels.gpu", "node.labels.x!=a==b",
                           "node.labels.x==!=", "node.labels.a", "node.name", "node.labels.",
                           "node.labels.a==", "node.labels.a!= ", "node.role==x", "==", "a!=b"}) {
    CAPTURE(std::string(text));
    TaskSpec spec;
    spec.name = "web";
    spec.image = "echo";
    spec.constraints = {text};
    if (validate(spec).ok()) CHECK(Constraint::parse(text).ok());
  }
}

TEST_CASE("a stored constraint that this version does not understand is met by no node") {
  TaskSpec spec;
  spec.constraints = {"node.role==manager"};
  Pool pool(Policy::epvm);
  put_ready(pool, facts("n1", resources(1000, gib)));
  const Decision decision = pool.place(Demand::of(spec, 1));
  CHECK_FALSE(decision.node);
  CHECK(decision.explanation.str().find("node.role==manager") != std::string::npos);
}

TEST_CASE("policies by name") {
  for (const Policy p : {Policy::roundrobin, Policy::epvm, Policy::spread, Policy::binpack}) {
    CHECK(policy_from(name(p)).value() == p);
  }
  const auto unknown = policy_from("greedy");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().message ==
        "unknown scheduler \"greedy\"; known are epvm, roundrobin, spread, binpack");
}

}  // namespace
}  // namespace cube::scheduler::test
