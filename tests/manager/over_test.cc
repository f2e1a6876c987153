// What is over holds nothing: no address and no ports that somebody else may have by now.

#include <doctest/doctest.h>

#include "tests/manager/world.h"

using namespace cube;
using namespace cube::test;

namespace {

// One node with one task on it, whose container has an address and a published port.
struct Published {
  World world;
  TaskId id;

  Published() {
    auto& worker = world.add_worker("n1", {4000, 1 << 30, 1 << 30});
    world.config.workers = {worker.address};
    world.start_manager();
    world.run_for(5s);
    api::Submission s;
    s.id = id = TaskId(Uuid::from_random(1, 2));
    s.spec.name = "web";
    s.spec.image = "echo";
    s.spec.restart.kind = RestartPolicy::Kind::no;
    REQUIRE(world.submit({s}));
    world.run_for(5s);
    auto* container = worker.running(id);
    REQUIRE(container != nullptr);
    container->status.container_ip = "172.17.0.2";
    container->status.host_ports = {{Port{7777, "tcp"}, "0.0.0.0", 49155}};
    container->changed = ++worker.change;
    world.poke(worker);
    world.run_for(1s);
    REQUIRE(task().status.host_ports.size() == 1);
  }

  const Task& task() {
    auto found = world.manager().task(id.str());
    REQUIRE(found.ok());
    return **found;
  }

  void check_over() {
    CHECK(task().is_terminal());
    CHECK(task().status.host_ports.empty());
    CHECK(task().status.container_ip.empty());
    CHECK(world.problems.empty());
  }
};

}  // namespace

TEST_CASE("a task that was stopped has no ports and no address") {
  Published p;
  REQUIRE(p.world.stop(p.id));
  p.world.run_for(10s);
  p.check_over();
}

TEST_CASE("a task that ended has no ports and no address, whatever the worker says") {
  Published p;
  auto& worker = *p.world.worker("n1");
  auto* container = worker.running(p.id);
  worker.exits(*container, 3, Failure::exit, "exit code 3", p.world.now());
  CHECK(container->status.host_ports.size() == 1);
  p.world.poke(worker);
  p.world.run_for(5s);
  p.check_over();
  CHECK(p.task().wire_state() == WireState::failed);
}
