// Biome's two routes: an image is posted and an alias comes back, once it serves.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "api/json_reader.h"
#include "tests/daemon/support.h"

using namespace cube;
using namespace cube::daemon::testing;

namespace {

std::string error_of(const Reply& reply) {
  return reply.member("error");
}

}  // namespace

TEST_CASE("an image that is spawned serves under its alias, and is gone when it is killed") {
  WorkerBox box("n1");
  box.engine.expose("app", {{80, "tcp"}});
  ManagerBox manager({box.address()});
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  const auto spawned =
      caller.post("/spawn", R"({"image":"app","tag":"","minContainers":2,"maxContainers":3})");
  REQUIRE(spawned.status == 200);
  const std::string alias = spawned.member("alias");
  CHECK(alias.size() == 12);
  CHECK_FALSE(spawned.member("containerId").empty());
  CHECK(spawned.member("containerPORT") == "80");
  CHECK_FALSE(spawned.member("hostPORT").empty());
  const auto services = caller.get("/services").json();
  REQUIRE(services.list()->size() == 1);
  CHECK(member(services.list()->front(), "Alias") == alias);
  CHECK(member(*services.list()->front().find("Spec")->find("Autoscale"), "Max") == "3");

  const std::string kill = fmt::format(R"({{"alias":"{}"}})", alias);
  CHECK(caller.call("DELETE", "/kill", kill).body == R"({"success":true})");
  CHECK(eventually([&] { return caller.get("/services").body == "[]"; }));
  CHECK(eventually([&] { return box.engine.containers().empty(); }));
  CHECK(caller.call("DELETE", "/kill", kill).body == R"({"success":true})");  // nobody is gone too
}

TEST_CASE("what cannot be spawned is told in the older system's form, and leaves nothing") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  for (const char* body : {"", "{", "{}", R"({"image":""})", R"({"image":"UPPER"})",
                           R"({"image":"app","minContainers":3,"maxContainers":2})",
                           R"({"image":"app","minContainers":-1})"}) {
    CAPTURE(body);
    const auto refused = caller.post("/spawn", body);
    CHECK(refused.status == 400);
    CHECK(error_of(refused).size() > 5);
  }
  CHECK(caller.call("DELETE", "/kill", "{}").status == 400);
  CHECK(caller.get("/services").body == "[]");
}

TEST_CASE("an image without a port cannot be reached: it is no success, and nothing stays") {
  WorkerBox box("n1");
  box.engine.expose("app", {{53, "udp"}});
  ManagerBox manager({box.address()});
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  const auto refused = caller.post("/spawn", R"({"image":"app"})");
  CHECK(refused.status == 500);
  CHECK(error_of(refused).find("the image app exposes no tcp port") != std::string::npos);
  CHECK(eventually([&] { return caller.get("/services").body == "[]"; }));
}

TEST_CASE("another method on the older system's paths is refused in its form") {
  ManagerBox manager;
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  for (const auto& [method, path] : {std::pair{"GET", "/spawn"}, {"POST", "/kill"}}) {
    CAPTURE(path);
    const auto refused = caller.call(method, path, "{}");
    CHECK(refused.status == 405);
    CHECK(refused.headers.contains("Allow"));
    CHECK(error_of(refused).starts_with(std::string(method) + " is not possible on " + path));
  }
}

TEST_CASE("removal and scaling heed If-Match over HTTP") {
  ManagerBox manager;
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  REQUIRE(caller.post("/services", R"({"Name":"web","Task":{"Image":"app"}})").status == 201);
  const Caller::Headers stale{{"If-Match", "\"7\""}};
  CHECK(caller.call("DELETE", "/services/web", "", stale).status == 412);
  CHECK(caller.call("POST", "/services/web/scale", R"({"Replicas":2})", stale).status == 412);
  CHECK(member(*caller.get("/services/web").json().find("Spec"), "Replicas") == "1");
  const Caller::Headers present{{"If-Match", "\"1\""}};
  CHECK(caller.call("POST", "/services/web/scale", R"({"Replicas":2})", present).status == 200);
  CHECK(caller.call("DELETE", "/services/web", "", {{"If-Match", "2"}}).status == 202);
}
