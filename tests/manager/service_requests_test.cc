// What is asked of services and cannot be: told at once, and nothing is changed.

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/manager/service_world.h"

namespace cube::test {
namespace {

struct Asking : ServiceWorld {
  Asking() : ServiceWorld(2) {}

  // The error's message; empty: it was done.
  std::string told(manager::ServiceInput input) {
    const auto reply = step(manager::Input(std::move(input)));
    REQUIRE(reply.has_value());
    const auto* error = std::get_if<Error>(&reply->body);
    code = error == nullptr ? Code::internal : error->code;
    return error == nullptr ? "" : error->message;
  }
  std::string created(service::ServiceSpec spec) {
    return told(manager::CreateService{token(), std::move(spec)});
  }
  static service::ServiceSpec named(const std::string& name) {
    service::ServiceSpec spec = web();
    spec.name = name;
    return spec;
  }

  Code code = Code::internal;  // of what was told last
};

TEST_CASE_FIXTURE(Asking, "a host port, an ingress port and an alias are of one service") {
  auto fixed = named("fixed");
  fixed.task.ports = {{{80, "tcp"}, 21500, ""}};
  fixed.replicas = 2;  // on two nodes it has the port twice
  CHECK(created(fixed).empty());

  auto other = named("other");
  other.task.ports = {{{80, "tcp"}, 21500, ""}};
  CHECK(created(other) ==
        "Task.PortBindings[\"80/tcp\"]: host port 21500/tcp belongs to service fixed");
  CHECK(code == Code::conflict);
  other.task.ports.clear();
  other.port_range = {21499, {80, "tcp"}};
  other.replicas = 3;
  CHECK(created(other) ==
        "PortRange.Start: one of host ports 21499 to 21501/tcp belongs to service fixed");
  other.replicas = 1;
  CHECK(created(other).empty());
  CHECK(told(manager::ScaleService{token(), "other", 2}).starts_with("PortRange.Start: one of"));

  auto listens = named("listens");
  listens.ingress.port = 21500;
  CHECK(created(listens) == "Ingress.Port: port 21500 of the ingress belongs to service fixed");
  listens.ingress.port = 0;
  listens.ingress.path = "/" + manager().service("fixed")->alias;
  CHECK(created(listens) ==
        "Ingress.Path: the path " + listens.ingress.path + " belongs to service fixed");
  listens.ingress.path = "/listens";
  CHECK(created(listens).empty());
  CHECK(manager().services().size() == 3);
}

TEST_CASE_FIXTURE(Asking, "scale and removal heed the version that they were decided on") {
  CHECK(created(web()).empty());
  CHECK(told(manager::ScaleService{token(), "web", 3, 7}).starts_with("service web has version 1"));
  CHECK(code == Code::stale);
  CHECK(told(manager::RemoveService{token(), "web", 7}).starts_with("service web has version 1"));
  CHECK(code == Code::stale);
  CHECK(manager().service("web")->spec.replicas == 1);
  CHECK(manager().service("web")->status.state != "removing");
  CHECK(told(manager::ScaleService{token(), "web", 3, 1}).empty());
  CHECK(told(manager::RemoveService{token(), "web", 2}).empty());
  CHECK(told(manager::RemoveService{token(), "web", 9}).empty());  // is gone, as was asked
}

TEST_CASE_FIXTURE(Asking, "a port that an ingress cannot have is a warning, once an event") {
  auto spec = web();
  spec.ingress.port = 9000;
  CHECK(created(spec).empty());
  const auto warnings = [&] { return manager().service("web")->status.warnings; };
  const auto report = [&](std::vector<api::RouteReport::Refused> refused) {
    step(manager::ServiceInput(manager::IngressReported{"in", {{}, std::move(refused)}}));
  };
  step(manager::ServiceInput(manager::IngressAsked{"in", "", {}}));
  CHECK(warnings().empty());
  report({{8999, "of another"}, {9000, "0.0.0.0:9000 is already in use"}});
  CHECK(warnings() == std::vector<std::string>{"Ingress.Port 9000: no request comes in there: "
                                               "0.0.0.0:9000 is already in use"});
  report({{9000, "0.0.0.0:9000 is already in use"}});
  CHECK(std::ranges::count(events, "service.warning", &Event::kind) == 1);
  report({});
  CHECK(warnings().empty());
  report({{9000, "again"}});
  CHECK(warnings().size() == 1);
  run_for(1min);  // that ingress is gone
  CHECK(warnings().empty());
}

TEST_CASE_FIXTURE(Asking, "replicas outside the bounds of the autoscaling are refused") {
  auto spec = web();
  spec.autoscale.by = service::AutoscalePolicy::By::usage;
  spec.autoscale.max = 2;
  spec.replicas = 7;
  CHECK(created(spec) == "Replicas: 7 is outside Autoscale.Min 1 to Max 2");
  spec.replicas = 2;
  CHECK(created(spec).empty());
  spec.replicas = 9;
  CHECK(told(manager::UpdateService{token(), "web", spec, std::nullopt}) ==
        "Replicas: 9 is outside Autoscale.Min 1 to Max 2");
}

}  // namespace
}  // namespace cube::test
