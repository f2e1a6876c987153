#include "daemon/failpoint.h"

#include <doctest/doctest.h>

// How failpoints are asked for. What they do is shown on real daemons: tests/e2e/failpoints.bats.
#ifdef CUBE_FP

using namespace cube::daemon;

TEST_CASE("failpoints as the environment asks for them") {
  const auto points = parse_failpoints("mgr.before_commit=abort@3;wrk.after_create=sleep(20)");
  REQUIRE(points.ok());
  REQUIRE(points->size() == 2);
  CHECK((*points)[0].name == "mgr.before_commit");
  CHECK((*points)[0].action == Failpoint::Action::abort);
  CHECK((*points)[0].at == 3);
  CHECK((*points)[1].action == Failpoint::Action::sleep);
  CHECK((*points)[1].argument == "20");
  CHECK((*points)[1].at == 1);
  CHECK(parse_failpoints("")->empty());
}

TEST_CASE("what cannot be meant is refused") {
  for (const char* text : {"x", "=abort", "x=explode", "x=abort@0", "x=abort@y", "x=abort(1)",
                           "x=sleep", "x=wait(", "x=abort;;y=abort"}) {
    INFO(text);
    const auto points = parse_failpoints(text);
    REQUIRE(!points.ok());
    CHECK(points.error().message.starts_with("CUBE_FP: `"));
  }
}

#endif
