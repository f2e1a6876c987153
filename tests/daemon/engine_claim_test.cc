#include "daemon/engine_claim.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <optional>
#include <string>

using namespace cube;
using namespace cube::daemon;

TEST_CASE("one worker of a name and cluster uses an engine, until it ends") {
  const std::string cluster = "claim-test-" + std::to_string(::getpid());
  auto first = EngineClaim::take("unix:/docker.sock", cluster, "n1");
  REQUIRE(first.ok());
  std::optional<EngineClaim> held(std::move(*first));
  const auto second = EngineClaim::take("unix:/docker.sock", cluster, "n1");
  REQUIRE(!second.ok());
  CHECK(second.error().code == Code::conflict);
  CHECK(second.error().message.find("another worker named n1 of cluster " + cluster) == 0);
  CHECK(EngineClaim::take("unix:/docker.sock", cluster, "n2").ok());
  CHECK(EngineClaim::take("unix:/podman.sock", cluster, "n1").ok());
  CHECK(EngineClaim::take("unix:/docker.sock", cluster + "n", "1").ok());
  held.reset();
  CHECK(EngineClaim::take("unix:/docker.sock", cluster, "n1").ok());
}
