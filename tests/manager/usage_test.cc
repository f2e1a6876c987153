// A service scaled by what its containers use, as the workers report it.

#include <doctest/doctest.h>

#include "tests/manager/service_world.h"

namespace cube::test {

TEST_CASE("replicas are added while the reported usage is high, and the least used goes first") {
  ServiceWorld world(1);
  ModelWorker& w = *world.worker("n1");
  service::ServiceSpec spec = ServiceWorld::web();
  spec.autoscale.by = service::AutoscalePolicy::By::usage;
  spec.autoscale.remove = service::AutoscalePolicy::Remove::least_used;
  spec.autoscale.max = 3;
  spec.autoscale.interval = 30s;
  world.create(spec);
  const auto replicas = [&] { return world.manager().service("web")->status.replicas; };

  world.run_for(1min);
  CHECK(replicas() == 1);  // nothing was measured: nothing is decided
  w.cpu_percent = [](const TaskSpec&) { return 90.0; };
  world.run_for(40s);
  CHECK(replicas() == 2);
  world.run_for(1min);
  CHECK(replicas() == 3);  // the most

  w.cpu_percent = [](const TaskSpec& task) { return task.name == "web.2" ? 1.0 : 5.0; };
  world.run_for(40s);
  std::set<std::uint32_t> left;
  const auto tasks = world.manager().service_tasks("web");
  for (const Task* t : *tasks) {
    if (!t->draining && !t->is_terminal()) left.insert(t->of.slot);
  }
  CHECK(left == std::set<std::uint32_t>{1, 3});
  world.run_for(1min);
  CHECK(replicas() == 1);  // the least
  CHECK(world.problems.empty());
}

TEST_CASE("a replica's CPU is measured by what it asks for") {
  for (const std::int64_t milli : {20, 0, 4000}) {
    CAPTURE(milli);
    ServiceWorld world(1);
    service::ServiceSpec spec = ServiceWorld::web();
    spec.task.cpu_milli = milli;
    spec.autoscale.by = service::AutoscalePolicy::By::usage;
    spec.autoscale.max = 2;
    spec.autoscale.interval = 30s;
    world.create(spec);
    const double percent = milli == 4000 ? 330 : 1.9;  // of one core
    world.worker("n1")->cpu_percent = [=](const TaskSpec&) { return percent; };
    world.run_for(2min);
    CHECK(world.view().status.replicas == (milli == 0 ? 1 : 2));
  }
}

}  // namespace cube::test
