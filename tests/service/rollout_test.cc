// The rollout's decisions by table, and whole updates played out in a small model of replicas.

#include "service/rollout.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/rng.h"

using namespace cube;
using namespace cube::service;

namespace {

constexpr Instant start{1'000'000'000};

// A service in miniature: replicas become ready after a time, unless their version is bad.
struct Model {
  Situation s;
  std::uint64_t bad_version = 0;
  bool checked = true;  // health checks keep a bad one from ever being ready; else it runs for
  Duration bad_runs_for = 1s;  // so long, and is started again
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
    for (const Start& one : d.start) {
      s.replicas.push_back({.slot = one.slot,
                            .version = one.version,
                            .stage = Stage::starting,
                            .proof = checked ? Duration{} : Duration(5s)});
      since.push_back(s.now);
    }
  }

  void pass(Duration span) {
    s.now = s.now + span;
    for (std::size_t i = 0; i < s.replicas.size(); ++i) {
      Replica& r = s.replicas[i];
      if (r.retiring && r.stage != Stage::over && s.now - since[i] >= 1s) r.stage = Stage::over;
      const bool crashes = r.version == bad_version && !checked;
      if (crashes && r.stage == Stage::ready && s.now - r.ready_since >= bad_runs_for) fail(i);
      if (crashes && r.stage == Stage::failing && s.now - since[i] >= 10s)
        r.stage = Stage::starting;
      if (r.stage != Stage::starting || s.now - since[i] < start_time) continue;
      if (r.version == bad_version && checked) {
        fail(i);
      } else {
        r.stage = Stage::ready;
        r.ready_since = s.now;
      }
    }
  }

  void fail(std::size_t i) {
    s.replicas[i].stage = Stage::failing;
    since[i] = s.now;
    const std::uint32_t slot = s.replicas[i].slot;
    if (std::ranges::find(s.failed, slot) != s.failed.end()) return;
    s.failed.push_back(slot);
    ++s.failures;
  }

  // The target becomes another, as by an update.
  void update(std::uint64_t version) {
    s.stable = s.target;
    s.target = version;
    s.state = State::updating;
    s.failures = 0;
    s.failed.clear();
  }
  std::uint32_t of(std::uint64_t version, Stage stage) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(s.replicas, [&](const Replica& r) {
      return r.version == version && r.stage == stage && !r.retiring;
    }));
  }
  // Slots in which something takes requests.
  std::uint32_t served() const {
    std::set<std::uint32_t> slots;
    for (const Replica& r : s.replicas) {
      if (r.stage == Stage::ready && !r.retiring) slots.insert(r.slot);
    }
    return static_cast<std::uint32_t>(slots.size());
  }

  // Until the update is over, or `most`.
  Outcome play(Duration most) {
    for (Duration t{}; t < most; t += 500ms) {
      const Decision d = decide(s);
      apply(d);
      if (d.outcome != Outcome::going_on) return d.outcome;
      least_ready = std::min(least_ready, served());
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
  CHECK(d.start == std::vector<Start>{{1, 1}, {2, 1}, {3, 1}});
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

// One that runs for a moment looks ready, and is no reason to give up what serves.
TEST_CASE("a bad version without a health check costs no capacity either") {
  Model m(3);
  m.checked = false;
  m.bring_up();
  m.bad_version = 2;
  m.update(2);
  CHECK(m.play(60s) == Outcome::failed);
  m.s.state = State::paused;
  CHECK(m.play(5min) == Outcome::going_on);
  CHECK(m.least_ready == 3);
  CHECK(m.of(1, Stage::ready) == 3);
}

// It fails after the old one went, within the time in which that is the update's fault.
TEST_CASE("a slot that an update cost its replica gets one of the stable version") {
  for (const auto policy : {UpdatePolicy::OnFailure::pause, UpdatePolicy::OnFailure::go_on}) {
    Model m(2);
    m.checked = false;
    m.bring_up();
    m.bad_version = 2;
    m.bad_runs_for = 8s;
    m.s.policy.monitor = 20s;
    m.s.policy.on_failure = policy;
    m.update(2);
    CHECK(m.play(5min) != Outcome::going_on);
    m.s.state = State::paused;
    m.play(20s);
    CHECK(m.of(1, Stage::ready) == 2);
    m.least_ready = UINT32_MAX;
    CHECK(m.play(5min) == Outcome::going_on);
    CHECK(m.least_ready == 2);
  }
}

TEST_CASE("where the policy goes on, failed slots hold up no other, and the update ends") {
  for (const std::uint32_t parallelism : {1U, 2U, 0U}) {
    CAPTURE(parallelism);
    for (const bool checked : {true, false}) {
      CAPTURE(checked);
      Model m(4);
      m.checked = checked;
      m.bring_up();
      m.bad_version = 2;
      m.s.policy.parallelism = parallelism;
      m.s.policy.on_failure = UpdatePolicy::OnFailure::go_on;
      m.update(2);
      CHECK(m.play(5min) == Outcome::incomplete);
      CHECK(m.s.failures == 4);
      CHECK(m.least_ready == 4);
      // Should it come good after all, that is the end of it.
      m.s.state = State::paused;
      m.bad_version = 0;
      for (Replica& r : m.s.replicas) {
        if (r.stage == Stage::failing) r.stage = Stage::starting;
      }
      CHECK(m.play(5min) == Outcome::done);
      CHECK(m.of(2, Stage::ready) == 4);
      CHECK(m.least_ready == 4);
    }
  }
}

TEST_CASE("with stop-first and a policy that goes on every slot has its turn") {
  Model m(4);
  m.bring_up();
  m.s.order = UpdatePolicy::Order::stop_first;
  m.bad_version = 2;
  m.s.policy.on_failure = UpdatePolicy::OnFailure::go_on;
  m.update(2);
  CHECK(m.play(5min) == Outcome::incomplete);
  CHECK(m.of(2, Stage::failing) == 4);
}

TEST_CASE("failures that are tolerated do not hold up the rest") {
  Model m(4);
  m.bring_up();
  m.s.policy.max_failures_permille = 500;
  m.update(2);
  for (int i = 0; i < 60; ++i) {  // what is of slot 1 fails, all else comes up
    m.apply(decide(m.s));
    m.pass(500ms);
    for (std::size_t k = 0; k < m.s.replicas.size(); ++k) {
      const Replica& r = m.s.replicas[k];
      if (r.slot == 1 && r.version == 2 && r.stage == Stage::ready) m.fail(k);
    }
  }
  CHECK(decide(m.s).outcome == Outcome::incomplete);
  CHECK(m.of(2, Stage::ready) == 3);
  CHECK(m.of(1, Stage::ready) == 1);
}

TEST_CASE("a node to be emptied waits for no update: each goes where one of its version runs") {
  for (const State state : {State::paused, State::updating}) {
    Model m(2);
    m.bring_up();
    m.bad_version = 2;
    m.update(2);
    CHECK(m.play(60s) == Outcome::failed);
    m.s.state = state;
    if (state == State::updating) m.s.policy.on_failure = UpdatePolicy::OnFailure::go_on;
    for (Replica& r : m.s.replicas) {
      if (r.version == 1) r.displaced = true;
    }
    for (int i = 0; i < 60; ++i) {
      m.apply(decide(m.s));
      CHECK(m.served() == 2);
      m.pass(500ms);
    }
    CHECK(m.of(1, Stage::ready) == 2);
    for (const Replica& r : m.s.replicas) CHECK((!r.displaced || r.stage == Stage::over));
  }
}

TEST_CASE("what does not run leaves a node to be emptied at once") {
  Model m(1);
  m.bring_up();
  m.bad_version = 2;
  m.update(2);
  CHECK(m.play(60s) == Outcome::failed);
  m.s.state = State::paused;
  REQUIRE(m.s.replicas.back().stage == Stage::failing);
  m.s.replicas.back().displaced = true;
  const std::size_t failing = m.s.replicas.size() - 1;
  CHECK(decide(m.s).retire == std::vector<std::size_t>{failing});
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
  CHECK(decide(s).start == std::vector<Start>{{1, 1}});
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
  CHECK(d.start == std::vector<Start>{{1, 1}});
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
