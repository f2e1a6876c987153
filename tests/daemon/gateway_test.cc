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
  ManagerBox manager({box.address()});
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  const auto spawned =
      caller.post("/spawn", R"({"image":"app","tag":"","minContainers":2,"maxContainers":3})");
  REQUIRE(spawned.status == 200);
  const std::string alias = spawned.member("alias");
  CHECK(alias.size() == 12);
  CHECK_FALSE(spawned.member("containerId").empty());
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
