// Updates that go wrong, and nodes that are emptied meanwhile.

#include <doctest/doctest.h>

#include "tests/manager/service_world.h"

namespace cube::test {
namespace {

using service::UpdatePolicy;

service::ServiceSpec web_of(std::uint32_t replicas) {
  service::ServiceSpec spec = ServiceWorld::web();
  spec.replicas = replicas;
  return spec;
}

std::set<TaskId> present(ServiceWorld& world) {
  std::set<TaskId> out;
  const auto tasks = world.manager().service_tasks("web");
  for (const Task* t : *tasks) {
    if (!t->is_terminal()) out.insert(t->id);
  }
  return out;
}

}  // namespace

TEST_CASE("replicas leave a node that is emptied while their update is paused") {
  ServiceWorld world(3);
  service::ServiceSpec spec = web_of(3);
  spec.spread = "node";
  world.create(spec);
  world.run_for(20s);
  spec.task.image = "bad";
  world.update(spec);
  world.run_for(20s);
  REQUIRE(world.view().status.state == "paused");
  world.drain("n1");
  CHECK(world.least_ready_within(30s) == 3);
  CHECK(world.running("", "n1") == 0);
  CHECK(world.running("echo") == 3);
  CHECK(world.view().status.state == "paused");
  CHECK(world.problems.empty());
}

TEST_CASE("a version that runs for a moment costs a service without health check nothing") {
  for (const auto policy : {UpdatePolicy::OnFailure::pause, UpdatePolicy::OnFailure::rollback,
                            UpdatePolicy::OnFailure::go_on}) {
    CAPTURE(static_cast<int>(policy));
    ServiceWorld world(3);
    service::ServiceSpec spec = web_of(3);
    spec.update.on_failure = policy;
    world.create(spec);
    world.run_for(20s);
    spec.task.image = "brief";
    world.update(spec);
    CHECK(world.least_ready_within(2min) == 3);
    CHECK(world.running("echo") == 3);
    const bool goes_back = policy == UpdatePolicy::OnFailure::rollback;
    CHECK(world.view().status.state == (goes_back ? "stable" : "paused"));
    CHECK(world.problems.empty());
  }
}

// Until then the old one does, alone: one replica of a slot gets requests.
TEST_CASE("a new replica gets requests once it has proved itself") {
  ServiceWorld world(2);
  service::ServiceSpec spec = web_of(1);
  spec.task.ports = {{{80, "tcp"}, 0, ""}};
  world.create(spec);
  world.run_for(20s);
  const auto routed = [&] { return world.manager().routes().services.at(0).replicas; };
  const auto before = routed();
  REQUIRE(before.size() == 1);
  spec.task.image = "echo:2";
  world.update(spec);
  world.run_for(3s);
  CHECK(world.running("echo:2") == 1);
  CHECK(routed() == before);
  CHECK(world.view().status.ready == 1);
  world.run_for(10s);
  CHECK(routed().size() == 1);
  CHECK(routed() != before);
  CHECK(world.view().status.state == "stable");
}

TEST_CASE("an update that goes on after failures ends, and says what is missing") {
  for (const std::uint32_t parallelism : {1U, 0U}) {
    for (const bool stop_first : {false, true}) {
      CAPTURE(parallelism);
      CAPTURE(stop_first);
      ServiceWorld world(2);
      service::ServiceSpec spec = web_of(3);
      spec.update.parallelism = parallelism;
      spec.update.on_failure = UpdatePolicy::OnFailure::go_on;
      if (stop_first) spec.update.order = UpdatePolicy::Order::stop_first;
      world.create(spec);
      world.run_for(20s);
      spec.task.image = "bad";
      world.update(spec);
      world.run_for(1min);
      const auto view = world.view();
      CHECK(view.status.state == "paused");
      CHECK(view.status.failures == 3);
      CHECK(view.status.message.find("3 of 3 replicas could not be exchanged; web.") == 0);
      CHECK(view.status.message.find("exit code 1") != std::string::npos);
      CHECK(view.status.ready == (stop_first ? 0 : 3));
      spec.task.image = "echo:2";
      world.update(spec);
      world.run_for(2min);
      CHECK(world.view().status.converged());
      CHECK(world.problems.empty());
    }
  }
}

// It cannot start anywhere: no node has the image.
TEST_CASE("an update goes on past failures until they are too many, also across a restart") {
  ServiceWorld world(2);
  service::ServiceSpec spec = web_of(4);
  spec.update.max_failures_permille = 500;
  spec.update.progress_deadline = 6s;
  world.create(spec);
  world.run_for(20s);
  for (auto& w : world.workers) w->cannot_start = "no such image";
  spec.task.image = "missing";
  world.update(spec);
  world.run_for(5s);
  world.kill_manager();
  world.start_manager();
  world.run_for(1min);
  const auto view = world.view();
  CHECK(view.status.state == "paused");
  CHECK(view.status.failures == 3);  // more than two
  CHECK(view.status.ready == 4);
  CHECK(world.problems.empty());
}

TEST_CASE("a rollback keeps the replicas that are as it wants them") {
  for (const bool by_itself : {true, false}) {
    CAPTURE(by_itself);
    ServiceWorld world(2);
    service::ServiceSpec spec = web_of(3);
    if (by_itself) spec.update.on_failure = UpdatePolicy::OnFailure::rollback;
    world.create(spec);
    world.run_for(20s);
    spec.task.image = "echo:2";
    world.update(spec);
    world.run_for(2min);
    const std::set<TaskId> second = present(world);
    REQUIRE(second.size() == 3);
    spec.task.image = "bad";
    world.update(spec);
    world.run_for(5s);
    if (!by_itself) {
      REQUIRE(world.view().status.state == "paused");
      world.step(manager::ServiceInput(manager::RollBackService{world.token(), "web", {}}));
    }
    world.run_for(10s);
    CHECK(present(world) == second);
    const auto view = world.view();
    CHECK(view.status.converged());
    CHECK(view.task_version == 2);
    CHECK(view.status.message.find("rolled back to version 2") == 0);
    const bool says_why = view.status.message.find(": exit code 1") != std::string::npos;
    CHECK(says_why == by_itself);
    CHECK(world.problems.empty());
  }
}

TEST_CASE("an update to what an earlier version was keeps its replicas, but for work that ends") {
  for (const bool ends : {false, true}) {
    CAPTURE(ends);
    ServiceWorld world(2);
    service::ServiceSpec spec = web_of(2);
    if (ends) spec.task.restart.kind = RestartPolicy::Kind::on_failure;
    world.create(spec);
    world.run_for(20s);
    spec.task.image = "bad";
    world.update(spec);
    world.run_for(5s);
    spec.task.image = "echo";
    world.update(spec);
    CHECK(world.view().task_version == (ends ? 3 : 1));
    world.run_for(1min);
    CHECK(world.view().status.converged());
    CHECK(world.running("echo") == 2);
    world.kill_manager();
    world.start_manager();
    world.run_for(5s);
    CHECK(world.view().status.converged());
    CHECK(world.problems.empty());
  }
}

// Neither can its own failure lead anywhere but to a pause.
TEST_CASE("a version that is the stable one again and fails is paused, not rolled back for ever") {
  ServiceWorld world(2);
  service::ServiceSpec spec = web_of(2);
  spec.update.on_failure = UpdatePolicy::OnFailure::rollback;
  spec.update.parallelism = 0;
  world.create(spec);
  world.run_for(20s);
  spec.update.order = UpdatePolicy::Order::stop_first;
  spec.task.image = "echo:2";
  world.update(spec);
  world.run_for(2s);
  for (auto& w : world.workers) w->cannot_start = "it is broken";
  spec.task.image = "echo";
  world.update(spec);
  world.run_for(1min);
  CHECK(world.view().status.state == "paused");
  for (auto& w : world.workers) w->cannot_start.clear();
  world.run_for(10min);
  CHECK(world.view().status.converged());
  CHECK(world.problems.empty());
}

TEST_CASE("under MaxPerNode an update needs no free node") {
  for (const std::uint32_t parallelism : {1U, 0U}) {
    CAPTURE(parallelism);
    ServiceWorld world(3);
    service::ServiceSpec spec = web_of(3);
    spec.max_per_node = 1;
    spec.update.parallelism = parallelism;
    world.create(spec);
    world.run_for(20s);
    spec.task.image += "x";
    world.update(spec);
    CHECK(world.least_ready_within(2min) == 3);
    CHECK(world.view().status.converged());
    for (const auto& w : world.workers) CHECK(world.running("", w->name) == 1);
    CHECK(world.problems.empty());
  }
}

// The worker was quick, and the poll slow: the next container is on its way already.
TEST_CASE("how a container ended is told, also when its end was in no report") {
  ServiceWorld world(1);
  world.create(web_of(1));
  world.run_for(2s);
  ModelWorker& w = *world.worker("n1");
  ModelWorker::Container& c = w.containers.begin()->second;
  REQUIRE(c.status.observed == Observed::running);
  c.status.failure = Failure::exit;
  c.status.exit_code = 137;
  ++c.status.restart;
  c.status.observed = Observed::creating;
  c.status.reason = "creating the container";
  c.changed = ++w.change;
  world.poke(w);
  world.run_for(1s);
  const bool told = std::ranges::any_of(world.events, [](const Event& e) {
    return e.kind == "task.restarting" && e.text == "killed by signal 9 (SIGKILL)";
  });
  CHECK(told);
  CHECK(world.view().status.failures == 1);
  CHECK(world.view().status.message == "web.1 on n1: killed by signal 9 (SIGKILL)");
}

}  // namespace cube::test
