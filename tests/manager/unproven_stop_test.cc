// What is left of an earlier attempt is in no record: a manager that was restarted does not call a
// task stopped before the nodes have said what they hold.

#include <doctest/doctest.h>

#include "tests/manager/world.h"

namespace cube::test {
namespace {

bool runs_on(const ModelWorker& w) {
  return !w.containers.empty();
}

// A manager that starts anew and cannot reach `w` is asked to stop what may run there.
void stop_behind_its_back(World& world, ModelWorker& w) {
  world.kill_manager();
  w.reachable = false;
  world.start_manager();
  world.run_for(1s);
  world.stop("web");
  world.run_for(5s);
}

void come_back(World& world, ModelWorker& w) {
  w.reachable = true;
  ++w.change;
  world.poke(w);
  world.run_for(120s);
}

TEST_CASE("a task is not stopped while an earlier attempt may live on a node not heard of yet") {
  for (const bool returns : {true, false}) {
    CAPTURE(returns);
    World world;
    ModelWorker& a = world.add_worker("n1", {4000, 8LL << 30, 1LL << 40});
    ModelWorker& b = world.add_worker("n2", {4000, 8LL << 30, 1LL << 40});
    a.stop_takes = 30s;
    world.config.workers = {a.address, b.address};
    world.start_manager();
    world.run_for(1s);
    b.reachable = false;  // so that it goes to n1
    world.run_for(25s);
    api::Submission s;
    s.spec.name = "web";
    s.spec.image = "echo";
    REQUIRE(world.submit({s}).has_value());
    world.run_for(5s);
    REQUIRE(runs_on(a));
    b.reachable = true;
    world.run_for(10s);
    a.reachable = false;
    world.run_for(40s);  // lost, and placed on n2
    REQUIRE(runs_on(b));
    a.reachable = true;
    world.run_for(5s);  // n1 is told to stop what it has; that takes a while
    REQUIRE(runs_on(a));
    stop_behind_its_back(world, a);
    CHECK_FALSE(runs_on(b));
    REQUIRE(runs_on(a));
    const auto state = [&] { return (*world.manager().task("web"))->is_terminal(); };
    CHECK_FALSE(state());
    if (returns) {
      come_back(world, a);
      CHECK_FALSE(runs_on(a));
    } else {
      world.run_for(30s);  // it is lost: nobody waits for it
    }
    CHECK(state());
    CHECK(world.manager().audit().empty());
    CHECK(world.problems.empty());
  }
}

// Nor one that has left the node of its first attempt: no record says which that was.
TEST_CASE("a task that left its node is not stopped while it may live there") {
  World world;
  ModelWorker& a = world.add_worker("n1", {4000, 8LL << 30, 1LL << 40});
  a.stop_takes = 60s;
  world.config.workers = {a.address};
  world.start_manager();
  world.run_for(1s);
  api::Submission s;
  s.spec.name = "web";
  s.spec.image = "echo";
  s.spec.exclusive = true;
  REQUIRE(world.submit({s}).has_value());
  world.run_for(5s);
  REQUIRE(runs_on(a));
  ModelWorker& b = world.add_worker("n2", {4000, 8LL << 30, 1LL << 40});
  world.config.workers.push_back(b.address);
  world.kill_manager();
  world.start_manager();
  world.run_for(10s);
  // To n2, as soon as nothing of it is on n1.
  REQUIRE(world.step(manager::SetAvailability{world.token(), "n1", manager::Availability::drain}));
  world.run_for(5s);
  REQUIRE(runs_on(a));
  REQUIRE(!runs_on(b));
  REQUIRE((*world.manager().task("web"))->node.empty());
  stop_behind_its_back(world, a);
  REQUIRE(runs_on(a));
  CHECK_FALSE((*world.manager().task("web"))->is_terminal());
  come_back(world, a);
  CHECK_FALSE(runs_on(a));
  CHECK((*world.manager().task("web"))->is_terminal());
  CHECK(world.manager().audit().empty());
  CHECK(world.problems.empty());
}

}  // namespace
}  // namespace cube::test
