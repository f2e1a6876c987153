// States of one container only go forward in the manager's books, whatever a worker says that was
// restarted and has not looked yet.

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/manager/world.h"

using namespace cube;
using namespace cube::test;

TEST_CASE("a container that runs does not wait for its start again") {
  World world;
  auto& worker = world.add_worker("n1", {4000, 1 << 30, 1 << 30});
  world.config.workers = {worker.address};
  world.start_manager();
  world.run_for(5s);
  api::Submission s;
  s.id = TaskId(Uuid::from_random(1, 2));
  s.spec.name = "web";
  s.spec.image = "echo";
  REQUIRE(world.submit({s}));
  world.run_for(5s);
  auto* container = worker.running(s.id);
  REQUIRE(container != nullptr);
  worker.exits(*container, 3, Failure::exit, "exit code 3", world.now());
  world.poke(worker);
  world.run_for(5s);
  REQUIRE(world.manager().task(s.id.str()).value()->status.restart == 1);
  REQUIRE(world.manager().task(s.id.str()).value()->status.observed == Observed::running);

  // It had recorded that restart 1 waits, and not yet that it runs.
  worker.restart_process();
  container->status.observed = Observed::waiting;
  world.poke(worker);
  world.run_for(200ms);
  const Task& task = *world.manager().task(s.id.str()).value();
  CHECK(task.status.observed == Observed::running);
  const auto restarts = std::count_if(world.events.begin(), world.events.end(),
                                      [](const Event& e) { return e.kind == "task.restarting"; });
  CHECK(restarts == 1);
}
