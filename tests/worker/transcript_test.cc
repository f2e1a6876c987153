#include <doctest/doctest.h>

#include <memory>

#include "tests/support/transcript.h"
#include "tests/worker/script.h"

TEST_CASE("the worker's transcripts") {
  cube::test::run_transcripts("worker", [] {
    auto script = std::make_shared<cube::test::Script>();
    return [script](const std::string& line) { return script->run(line); };
  });
}
