#include "task/state.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "task/task.h"

namespace cube {
namespace {

// The table of docs/task-model.md: a row for each `from`, a letter for each `to` in the order of
// the enumeration: m manager, w worker, '.' nobody.
constexpr const char* table[] = {
    ".mwwwwwwm",  // waiting
    "..wwwwwwm",  // placed
    "...wwwwwm",  // pulling
    "....wwwwm",  // creating
    ".....wwwm",  // starting
    "......wwm",  // running
    ".......wm",  // stopping
    ".........",  // exited
    ".........",  // lost
};

TEST_CASE("the table of moves") {
  for (int from = 0; from < 9; ++from) {
    for (int to = 0; to < 9; ++to) {
      CAPTURE(from);
      CAPTURE(to);
      const auto f = static_cast<Observed>(from);
      const auto t = static_cast<Observed>(to);
      CHECK(move_allowed(Actor::manager, f, t) == (table[from][to] == 'm'));
      CHECK(move_allowed(Actor::worker, f, t) == (table[from][to] == 'w'));
    }
  }
}

template <class Enum, class From>
void check_names(int count, From from) {
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    CHECK(!name(value).empty());
    CHECK(from(name(value)) == value);
  }
  CHECK(!from("").has_value());
  CHECK(!from("nonsense").has_value());
}

TEST_CASE("names read back") {
  check_names<Desired>(2, desired_from);
  check_names<Observed>(9, observed_from);
  check_names<Health>(4, health_from);
  check_names<Failure>(7, failure_from);
  CHECK(name(WireState::pending) == "Pending");
  CHECK(name(WireState::failed) == "Failed");
  CHECK(name(Health::unknown) == "unknown");
}

struct View {
  std::string what;
  Desired desired;
  Observed observed;
  const char* node;
  bool final;
  Failure failure;
  WireState wire;
  bool terminal;
};

TEST_CASE("what is seen from outside") {
  constexpr auto run = Desired::run, stop = Desired::stop;
  constexpr auto none = Failure::none, exit = Failure::exit;
  using enum Observed;
  const View views[] = {
      {"submitted", run, waiting, "", false, none, WireState::pending, false},
      {"placed", run, placed, "n", false, none, WireState::scheduled, false},
      {"pulling", run, pulling, "n", false, none, WireState::scheduled, false},
      {"creating", run, creating, "n", false, none, WireState::scheduled, false},
      {"starting", run, starting, "n", false, none, WireState::scheduled, false},
      {"running", run, running, "n", false, none, WireState::running, false},
      {"running after failures", run, running, "n", false, exit, WireState::running, false},
      {"stopped by its health check", run, stopping, "n", false, Failure::unhealthy,
       WireState::running, false},
      {"ended, a restart follows", run, exited, "n", false, exit, WireState::scheduled, false},
      {"in back-off", run, waiting, "n", false, exit, WireState::scheduled, false},
      {"done", run, exited, "n", true, none, WireState::completed, true},
      {"given up", run, exited, "n", true, exit, WireState::failed, true},
      {"node lost", run, lost, "n", false, none, WireState::pending, false},
      {"node lost after failures", run, lost, "n", false, exit, WireState::pending, false},

      {"stopped before it was placed", stop, waiting, "", false, none, WireState::completed, true},
      {"stopped in back-off", stop, waiting, "n", false, exit, WireState::scheduled, false},
      {"asked to stop while placed", stop, placed, "n", false, none, WireState::scheduled, false},
      {"asked to stop, still up", stop, running, "n", false, none, WireState::running, false},
      {"stopping", stop, stopping, "n", false, none, WireState::running, false},
      {"stopped, exit code 143", stop, exited, "n", true, exit, WireState::completed, true},
      {"stopped, not yet final", stop, exited, "n", false, exit, WireState::completed, true},
      {"stopped while its node is away", stop, lost, "n", false, none, WireState::completed, true},
  };
  for (const View& v : views) {
    CAPTURE(v.what);
    Task task;
    task.desired = v.desired;
    task.node = v.node;
    task.status.observed = v.observed;
    task.status.final = v.final;
    task.status.failure = v.failure;
    CHECK(task.wire_state() == v.wire);
    CHECK(task.is_terminal() == v.terminal);
  }
}

TEST_CASE("the reason is the one that tells more") {
  Task task;
  task.status.observed = Observed::waiting;
  task.status.reason = "exit code 3";
  task.waits_for = "2 nodes: not enough memory";
  CHECK(task.reason() == "2 nodes: not enough memory");
  task.node = "n1";  // in back-off there
  CHECK(task.reason() == "exit code 3");
  task.status.observed = Observed::lost;
  CHECK(task.reason() == "2 nodes: not enough memory");
  task.desired = Desired::stop;
  CHECK(task.reason() == "exit code 3");
  task.status.reason.clear();
  CHECK(task.reason() == "2 nodes: not enough memory");
}

TEST_CASE("restarts are counted over all attempts") {
  Task task;
  task.restarts_before = 4;
  task.status.restart = 2;
  CHECK(task.restart_count() == 6);
}

}  // namespace
}  // namespace cube
