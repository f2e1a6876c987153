// Simulated lives: a batch of them is good, and the same seed is the same life.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

#include "sim/batch.h"
#include "sim/settings.h"
#include "tests/support/rounds.h"

namespace cube::sim {
namespace {

constexpr std::uint64_t lives = test::is_sanitized ? 60 : 1000;

TEST_CASE("whatever befalls it, nothing is lost and all ends as asked") {
  BatchOptions batch;
  batch.last = lives;
  batch.quiet = true;
  std::string said;
  const bool good = run_batch(batch, [&](const std::string& line) { said += line + '\n'; });
  INFO(said);
  CHECK(good);
}

TEST_CASE("a replica that drains makes room for another one under MaxPerNode") {
  BatchOptions batch;
  batch.first = batch.last = 282;
  batch.set = {{"services", "2"}, {"ingresses", "1"}};
  batch.quiet = batch.one = true;
  std::string said;
  const bool good = run_batch(batch, [&](const std::string& line) { said += line + '\n'; });
  INFO(said);
  CHECK(good);
}

TEST_CASE("the same seed is the same life") {
  for (const std::uint64_t seed : {1, 2, 3, 17, 42}) {
    const Options options = Options::draw(seed);
    const Outcome once = live(options, 0);
    const Outcome again = live(options, 50);  // telling its story changes nothing
    CAPTURE(seed);
    CHECK(once.hash != 0);
    CHECK(once.hash == again.hash);
    CHECK(once.events == again.events);
    CHECK(once.story.empty());
    CHECK(!again.story.empty());
    CHECK(once.hash != live(Options::draw(seed + 100), 0).hash);
  }
}

TEST_CASE("a failed life says how to live it again") {
  BatchOptions batch;
  batch.first = batch.last = 5;
  batch.set = {{"chaos", "20"}};
  batch.only = {"cut"};
  CHECK(options_for(5, batch).chaos == 20s);
  CHECK(options_for(5, batch).faults == 1U << static_cast<unsigned>(Fault::cut));
  CHECK(reproduce(batch, 5) == "cube-sim --seed 5 --chaos 20 --fault cut");
}

TEST_CASE("which seeds") {
  BatchOptions batch;
  CHECK(!read_seeds("7..19", 0, batch));
  CHECK(batch.first == 7);
  CHECK(batch.last == 19);
  CHECK(!read_seeds("", 3, batch));
  CHECK(batch.one);
  CHECK(batch.first == 3);
  CHECK(!read_seeds("12", 0, batch));
  CHECK(batch.first == 1);
  CHECK(batch.last == 12);
  for (const char* bad : {"x", "9..7", "0..4", "1..", "..3", "1,2"}) {
    CAPTURE(bad);
    CHECK(read_seeds(bad, 0, batch));
  }
}

// Its manager is killed and loses half of them at once; with 10,000 nodes see docs/testing.md.
TEST_CASE("two thousand nodes") {
  constexpr std::uint32_t nodes = test::is_sanitized ? 200 : 2000;
  BatchOptions batch;
  batch.first = batch.last = 1;
  batch.set = {{"nodes", std::to_string(nodes)}, {"chaos", "15"}};
  const Options options = options_for(1, batch);
  const Outcome outcome = live(options, 50);
  CHECK(outcome.findings == std::vector<std::string>{});
  // There are clients to match.
  CHECK(options.clients >= nodes / 100);
  CHECK(options.tasks_max >= nodes);
  CHECK(outcome.tasks >= nodes / 2);
}

TEST_CASE("every option can be set, and is printed") {
  const Options drawn = Options::draw(1);
  for (const Setting& setting : settings()) {
    CAPTURE(setting.name);
    Options one = drawn, other = drawn;
    CHECK(!set_option(one, setting.name, "1"));
    CHECK(!set_option(other, setting.name, setting.most > 1 ? std::to_string(setting.most) : "0"));
    CHECK(one.str() != other.str());
    CHECK(set_option(one, setting.name, std::to_string(setting.most + 1)));
    CHECK(set_option(one, setting.name, "x"));
  }
  Options options = drawn;
  CHECK(!set_option(options, "policy", "binpack"));
  CHECK(options.policy == scheduler::Policy::binpack);
  CHECK(set_option(options, "policy", "best"));
  CHECK(set_option(options, "nodez", "3"));
  CHECK(set_option(options, "nodes", "0"));
}

}  // namespace
}  // namespace cube::sim
