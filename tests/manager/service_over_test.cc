// What outlives a service: the tasks that are over, and their kept containers.

#include <doctest/doctest.h>

#include "base/limits.h"
#include "tests/manager/service_world.h"

namespace cube::test {

TEST_CASE("a failed replica is forgotten in peace after its service is gone") {
  ServiceWorld world(1);
  ModelWorker& w = *world.worker("n1");
  service::ServiceSpec spec = ServiceWorld::web();
  spec.task.image = "bad";
  spec.task.restart.kind = RestartPolicy::Kind::no;
  world.create(spec);
  world.run_for(5s);
  world.step(manager::ServiceInput(manager::RemoveService{world.token(), "web"}));
  world.run_for(5s);
  REQUIRE_FALSE(world.manager().service("web").ok());
  REQUIRE_FALSE(w.containers.empty());  // kept, for its logs
  world.run_for(limits::exited_container_kept_for + 1min);
  CHECK(w.containers.empty());
  CHECK(world.manager().audit().empty());
  CHECK(world.problems.empty());
}

}  // namespace cube::test
