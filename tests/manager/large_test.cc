// A large cluster: what waits for room is not tried at every change, and gets it soon all the same.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/manager/world.h"

namespace cube::test {
namespace {

api::Submission whole_node(const std::string& name) {
  api::Submission s;
  s.spec.name = name;
  s.spec.image = "echo";
  s.spec.cpu_milli = 1000;
  return s;
}

// Of 600 nodes three answer.
struct Large : World {
  Large() {
    for (int i = 1; i <= 600; ++i) config.workers.push_back(fmt::format("n{}:5556", i));
    for (const char* name : {"n7", "n8", "n9"}) add_worker(name, {1000, 8LL << 30, 1LL << 40});
    start_manager();
    run_for(10s);
    for (const char* name : {"a", "b", "c"}) REQUIRE(submit({whole_node(name)}).has_value());
    run_for(5s);
    for (const char* name : {"a", "b", "c"}) REQUIRE(!task(name).node.empty());
  }
  const Task& task(const std::string& name) { return **manager().task(name); }
};

TEST_CASE("with many nodes what waits gets room soon after it comes free") {
  Large world;
  for (const char* name : {"d", "e", "f"}) {
    REQUIRE(world.submit({whole_node(name)}).has_value());
    CHECK(world.task(name).node.empty());
    CHECK(world.task(name).waits_for.find("not enough CPU") != std::string::npos);
  }
  for (const char* name : {"a", "b", "c"}) REQUIRE(world.stop(name).has_value());
  world.run_for(5s);  // the minute's sweep is far
  for (const char* name : {"d", "e", "f"}) {
    CAPTURE(name);
    CHECK(world.task(name).status.observed == Observed::running);
  }
  CHECK(world.manager().counters().sweeps_with_findings == 0);
  CHECK(world.manager().audit().empty());
  CHECK(world.problems.empty());
}

TEST_CASE("with many nodes a drained one is emptied once there is room") {
  Large world;
  const std::string from = world.task("a").node;
  const auto drain = [&](const std::string& node) {
    return world.step(manager::SetAvailability{world.token(), node, manager::Availability::drain});
  };
  REQUIRE(drain(from).has_value());
  world.run_for(5s);
  CHECK(world.task("a").node == from);  // there is no room for it elsewhere
  REQUIRE(world.stop("b").has_value());
  world.run_for(5s);
  CHECK(world.task("a").node != from);
  CHECK(world.task("a").status.observed == Observed::running);
  CHECK(world.problems.empty());
}

}  // namespace
}  // namespace cube::test
