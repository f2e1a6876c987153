// Where replicas of a service go.

#include <doctest/doctest.h>

#include "tests/manager/service_world.h"

namespace cube::test {
namespace {

// Nodes on which replicas of "web" run, each as often as one does.
std::multiset<std::string> places(World& world) {
  std::multiset<std::string> nodes;
  const auto tasks = world.manager().service_tasks("web");
  for (const Task* t : *tasks) {
    if (!t->draining && !t->is_terminal()) nodes.insert(t->node);
  }
  return nodes;
}

}  // namespace

TEST_CASE("after an update the replicas are spread as before it") {
  for (const int replicas : {2, 3, 4}) {
    CAPTURE(replicas);
    ServiceWorld world(2);
    service::ServiceSpec spec = ServiceWorld::web();
    spec.replicas = static_cast<std::uint32_t>(replicas);
    world.create(spec);
    world.run_for(10s);
    const auto even = [&] {
      const auto at = places(world);
      const auto n1 = static_cast<int>(at.count("n1"));
      const auto n2 = static_cast<int>(at.count("n2"));
      return n1 + n2 == replicas && std::abs(n1 - n2) <= replicas % 2;
    };
    CHECK(even());
    const auto tasks = world.manager().service_tasks("web");
    for (const Task* t : *tasks) CHECK(t->spec->labels.at("cube.service") == "web");
    for (int round = 1; round <= 4; ++round) {
      CAPTURE(round);
      spec.task.env = {fmt::format("ROUND={}", round)};
      world.step(manager::ServiceInput(manager::UpdateService{world.token(), "web", spec, {}}));
      world.run_for(2min);
      CHECK(world.manager().service("web")->status.state == "stable");
      CHECK(even());
    }
    CHECK(world.problems.empty());
  }
}

}  // namespace cube::test
