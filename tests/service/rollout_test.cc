// The rollout's decisions by table, and whole updates played out in a small model of replicas.

#include "service/rollout.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/rng.h"

using namespace cube;
using namespace cube::service;

namespace {

constexpr Instant start{1'000'000'000};

// A service in miniature: replicas become ready after a time, unless their version is bad.
struct Model {
  Situation s;
  std::uint64_t bad_version = 0;
  Duration start_time = 2s;
  std::vector<Instant> since;  // by replica: when its stage began
  std::uint32_t least_ready = UINT32_MAX, most_alive = 0;

  explicit Model(std::uint32_t slots) {
    s.now = start;
    for (std::uint32_t i = 1; i <= slots; ++i) s.slots.push_back(i);
  }

  std::uint32_t ready() const {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        s.replicas, [](const Replica& r) { return r.stage == Stage::ready && !r.retiring; }));
  }
  std::uint32_t alive() const {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(s.replicas, [](const Replica& r) { return r.stage != Stage::over; }));
  }
  bool all_of(std::uint64_t version) const {
    return std::ranges::all_of(s.replicas, [&](const Replica& r) {
      return r.stage == Stage::over || (r.version == version && r.stage == Stage::ready);
    });
  }

  void apply(const Decision& d) {
    for (const std::size_t i : d.retire) {
      CHECK_FALSE(s.replicas[i].retiring);
      s.replicas[i].retiring = true;
      since[i] = s.now;
    }
    for (const std::uint32_t slot : d.start) {
      s.replicas.push_back({.slot = slot, .version = s.target, .stage = Stage::starting});
      since.push_back(s.now);
    }
  }

  void pass(Duration span) {
    s.now = s.now + span;
    for (std::size_t i = 0; i < s.replicas.size(); ++i) {
      Replica& r = s.replicas[i];
      if (r.retiring && r.stage != Stage::over && s.now - since[i] >= 1s) r.stage = Stage::over;
      if (r.stage != Stage::starting || s.now - since[i] < start_time) continue;
      if (r.version == bad_version) {
        r.stage = Stage::failing;
        ++s.failures;
      } else {
        r.stage = Stage::ready;
        r.ready_since = s.now;
      }
    }
  }

  // Until the update is over, or `most`.
  Outcome play(Duration most) {
    for (Duration t{}; t < most; t += 500ms) {
      const Decision d = decide(s);
      apply(d);
      if (d.outcome != Outcome::going_on) return d.outcome;
      least_ready = std::min(least_ready, ready());
      most_alive = std::max(most_alive, alive());
      pass(500ms);
    }
    return Outcome::going_on;
  }

  void bring_up() {
    s.state = State::updating;
    REQUIRE(play(60s) == Outcome::done);
    s.state = State::stable;
    REQUIRE(ready() == s.slots.size());
    least_ready = UINT32_MAX;
    most_alive = 0;
  }
};

}  // namespace

TEST_CASE("a new service starts all of its slots at once") {
  Model m(3);
  const Decision d = decide(m.s);
  CHECK(d.start == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(d.retire.empty());
}

TEST_CASE("start-first never has fewer ready than asked, nor more than parallelism besides") {
  for (const std::uint32_t parallelism : {1U, 2U, 3U, 0U}) {
    CAPTURE(parallelism);
    Model m(6);
    m.bring_up();
    m.s.policy.parallelism = parallelism;
    m.s.target = 2;
    m.s.state = State::updating;
    CHECK(m.play(120s) == Outcome::done);
    CHECK(m.least_ready == 6);
    // One more may still be leaving when the next comes.
    CHECK(m.most_alive <= 6 + 2 * (parallelism == 0 ? 6 : parallelism));
    m.pass(5s);
    CHECK(m.all_of(2));
  }
}

TEST_CASE("stop-first has at most parallelism slots down") {
  for (const std::uint32_t parallelism : {1U, 2U, 4U}) {
    CAPTURE(parallelism);
    Model m(6);
    m.bring_up();
    m.s.order = UpdatePolicy::Order::stop_first;
    m.s.policy.parallelism = parallelism;
    m.s.target = 2;
    m.s.state = State::updating;
    CHECK(m.play(200s) == Outcome::done);
    CHECK(m.least_ready >= 6 - parallelism);
    CHECK(m.most_alive == 6);
  }
}

// What an update has taken down stays one of those that are down when another update follows.
TEST_CASE("updates in a row have at most parallelism slots down, all together") {
  for (const std::uint32_t parallelism : {1U, 2U}) {
    CAPTURE(parallelism);
    Model m(4);
    m.bring_up();
    m.s.order = UpdatePolicy::Order::stop_first;
    m.s.policy.parallelism = parallelism;
    m.s.state = State::updating;
    for (int change = 0; change < 6; ++change) {
      ++m.s.target;
      m.play(9500ms);  // the first slots are done, and the next ones are down
    }
    CHECK(m.least_ready >= 4 - parallelism);
    CHECK(m.play(300s) == Outcome::done);
    CHECK(m.least_ready >= 4 - parallelism);
  }
}

// Nor does emptying a node make the update forget it.
TEST_CASE("a slot whose new replica must leave its node is still one of those that are down") {
  Situation s;
  s.now = start;
  s.state = State::updating;
  s.target = 2;
  s.order = UpdatePolicy::Order::stop_first;
  s.slots = {1, 2};
  s.replicas = {{.slot = 1, .version = 2, .stage = Stage::starting, .displaced = true},
                {.slot = 2, .version = 1, .stage = Stage::ready}};
  CHECK(decide(s).retire == std::vector<std::size_t>{0});
}

TEST_CASE("an update that is to go on goes on after a failure") {
  Model m(3);
  m.bring_up();
  m.s.policy.on_failure = UpdatePolicy::OnFailure::go_on;
  m.s.target = 2;
  m.s.state = State::updating;
  m.s.failures = 1;  // of a replica that came good after all
  CHECK(m.play(120s) == Outcome::done);
  CHECK(m.all_of(2));
}

TEST_CASE("a bad version stops the update at its first failure and costs no capacity") {
  Model m(4);
  m.bring_up();
  m.bad_version = m.s.target = 2;
  m.s.state = State::updating;
  CHECK(m.play(60s) == Outcome::failed);
  CHECK(m.least_ready == 4);
  m.s.state = State::paused;
  CHECK(m.play(30s) == Outcome::going_on);
  CHECK(m.ready() == 4);
}

TEST_CASE("with stop-first a bad version costs what may be down, and no more") {
  Model m(4);
  m.bring_up();
  m.s.order = UpdatePolicy::Order::stop_first;
  m.bad_version = m.s.target = 2;
  m.s.state = State::updating;
  CHECK(m.play(60s) == Outcome::failed);
  CHECK(m.ready() == 3);
}

TEST_CASE("the tolerated share of failures lets an update go on") {
  Situation s;
  s.now = start;
  s.state = State::updating;
  s.slots = {1, 2, 3, 4};
  s.policy.max_failures_permille = 250;
  s.failures = 1;
  CHECK(decide(s).outcome == Outcome::going_on);
  s.failures = 2;
  CHECK(decide(s).outcome == Outcome::failed);
  s.policy.on_failure = UpdatePolicy::OnFailure::go_on;
  CHECK(decide(s).outcome == Outcome::going_on);
}

TEST_CASE("the delay passes between one slot that is done and the next") {
  Model m(2);
  m.bring_up();
  m.s.policy.delay = 30s;
  m.s.target = 2;
  m.s.state = State::updating;
  CHECK(m.play(25s) == Outcome::going_on);
  CHECK(std::ranges::count_if(m.s.replicas, [](const Replica& r) { return r.version == 2; }) == 1);
  CHECK(m.play(60s) == Outcome::done);
}

TEST_CASE("what is over is replaced, unless it ended well under a policy that lets it") {
  Situation s;
  s.now = start;
  s.slots = {1};
  s.replicas = {{.slot = 1, .version = 1, .stage = Stage::over}};
  CHECK(decide(s).start == std::vector<std::uint32_t>{1});
  s.replicas[0].done = true;
  CHECK(decide(s).start.empty());
}

TEST_CASE("slots that are not wanted any more are retired, whatever the state") {
  for (const State state : {State::stable, State::updating, State::paused}) {
    Situation s;
    s.now = start;
    s.state = state;
    s.slots = {1};
    s.replicas = {{.slot = 1, .version = 1, .stage = Stage::ready},
                  {.slot = 2, .version = 1, .stage = Stage::ready}};
    CHECK(decide(s).retire == std::vector<std::size_t>{1});
  }
}

TEST_CASE("a node to be emptied: the replacement is ready before the old one goes") {
  Model m(2);
  m.bring_up();
  m.s.replicas[0].displaced = true;
  Decision d = decide(m.s);
  CHECK(d.start == std::vector<std::uint32_t>{1});
  CHECK(d.retire.empty());
  m.play(10s);
  CHECK(m.least_ready == 2);
  CHECK(m.s.replicas[0].stage == Stage::over);
}

TEST_CASE("random histories: decisions repeat nothing, and every update ends") {
  Rng rng(7);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    Model m(1 + static_cast<std::uint32_t>(rng.below(8)));
    m.bring_up();
    m.s.order =
        rng.below(2) == 0 ? UpdatePolicy::Order::start_first : UpdatePolicy::Order::stop_first;
    m.s.policy.parallelism = static_cast<std::uint32_t>(rng.below(4));
    m.s.policy.monitor = Duration(rng.below(5'000'000));
    m.s.state = State::updating;
    for (int change = 0; change < 4; ++change) {
      ++m.s.target;
      m.play(Duration(rng.below(20'000'000)));
      if (rng.below(3) == 0 && m.s.slots.size() > 1) m.s.slots.pop_back();
      // Whatever ran is killed now and then; its worker starts it again.
      for (std::size_t i = 0; i < m.s.replicas.size(); ++i) {
        if (m.s.replicas[i].stage != Stage::ready || rng.below(10) != 0) continue;
        m.s.replicas[i].stage = Stage::starting;
        m.since[i] = m.s.now;
      }
    }
    CHECK(m.play(600s) == Outcome::done);
    m.pass(5s);
    CHECK(m.all_of(m.s.target));
    CHECK(m.ready() == m.s.slots.size());
  }
}
