// The table of routes: whatever changes in it is a version of its own, or no ingress would hear of
// it before something else changes.

#include <doctest/doctest.h>

#include "tests/manager/world.h"

namespace cube::test {
namespace {

struct Told {
  api::RouteTable table;
  std::string version;
};

TEST_CASE("what the table says has one version, and another one when it changes") {
  World world;
  ModelWorker& w = world.add_worker("n1", {16'000, 64LL << 30, 1LL << 40});
  world.config.workers = {w.address};
  world.start_manager();
  world.run_for(1s);
  std::vector<Told> told;
  const auto look = [&] {
    told.push_back({world.manager().routes(), world.manager().routes_version()});
  };
  service::ServiceSpec spec;
  spec.name = "web";
  spec.task.image = "echo";
  spec.task.ports = {{{80, "tcp"}, 0, ""}};
  const auto update = [&] {
    world.step(
        manager::ServiceInput(manager::UpdateService{world.token(), "web", spec, std::nullopt}));
  };
  look();
  world.step(manager::ServiceInput(manager::CreateService{world.token(), spec}));
  look();  // it is there, and nobody serves it yet
  world.run_for(10s);
  look();
  spec.ingress.path = "/web";
  update();
  look();
  spec.ingress.hosts = {"web.example.com"};
  spec.ingress.rate_limit.requests = 5;
  update();
  look();
  world.step(manager::ServiceInput(manager::RemoveService{world.token(), "web"}));
  look();
  for (std::size_t i = 1; i < told.size(); ++i) {
    CAPTURE(i);
    CHECK(told[i].table.services != told[i - 1].table.services);
    CHECK(told[i].version != told[i - 1].version);
  }
  spec.update.parallelism = 3;  // which no ingress needs to know
  world.run_for(30s);
  const std::string before = world.manager().routes_version();
  world.run_for(2min);
  CHECK(world.manager().routes_version() == before);
  CHECK(world.problems.empty());
}

TEST_CASE("the table says why healthy replicas get no requests") {
  World world;
  ModelWorker& w = world.add_worker("n1", {16'000, 64LL << 30, 1LL << 40});
  world.config.workers = {w.address};
  world.start_manager();
  world.run_for(1s);
  service::ServiceSpec spec;
  spec.name = "web";
  spec.task.image = "echo";
  spec.task.ports = {{{80, "tcp"}, 0, ""}};
  spec.ingress.target = 9999;
  world.step(manager::ServiceInput(manager::CreateService{world.token(), spec}));
  const auto routed = [&] { return world.manager().routes().services.at(0); };
  CHECK(routed().reason.empty());  // nobody is ready
  world.run_for(10s);
  CHECK(routed().replicas.empty());
  CHECK(routed().reason ==
        "none of its ready replicas publishes port 9999/tcp, its Ingress.Target");
  const auto update = [&] {
    world.step(
        manager::ServiceInput(manager::UpdateService{world.token(), "web", spec, std::nullopt}));
    world.run_for(30s);
  };
  spec.ingress.target = 80;
  update();
  CHECK(routed().replicas.size() == 1);
  CHECK(routed().reason.empty());
  spec.ingress.target = 0;
  spec.task.ports.clear();
  update();
  CHECK(routed().replicas.empty());
  CHECK(routed().reason == "none of its ready replicas publishes a TCP port");
}

}  // namespace
}  // namespace cube::test
