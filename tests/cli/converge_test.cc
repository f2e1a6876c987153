#include "cli/converge.h"

#include <doctest/doctest.h>

#include <vector>

namespace cube::cli {
namespace {

using Verdict = Convergence::Verdict;

Task task_in(Observed observed) {
  Task task;
  task.attempt = 1;
  task.node = observed == Observed::waiting ? "" : "n1";
  task.status.observed = observed;
  return task;
}

Task waiting_for(std::string reason) {
  Task task = task_in(Observed::waiting);
  task.waits_for = std::move(reason);
  return task;
}

Task over(Failure failure) {
  Task task = task_in(Observed::exited);
  task.status.final = true;
  task.status.failure = failure;
  return task;
}

// What is seen at a time, and what must be concluded.
struct Step {
  Duration at;
  Task task;
  Verdict expected;
};

void check(const std::vector<Step>& steps) {
  Convergence convergence;
  for (const Step& step : steps) {
    CAPTURE(step.at.count());
    CHECK(convergence.observe(Instant{0} + step.at, step.task) == step.expected);
  }
}

TEST_CASE("a task must stay up for a second before it counts as running") {
  check({{0ms, task_in(Observed::placed), Verdict::waiting},
         {100ms, task_in(Observed::pulling), Verdict::waiting},
         {500ms, task_in(Observed::running), Verdict::waiting},
         {1400ms, task_in(Observed::running), Verdict::waiting},
         {1500ms, task_in(Observed::running), Verdict::running}});
}

TEST_CASE("a restart or another attempt begins the second anew") {
  Task restarted = task_in(Observed::running);
  restarted.status.restart = 1;
  Task moved = task_in(Observed::running);
  moved.attempt = 2;
  check({{0ms, task_in(Observed::running), Verdict::waiting},
         {900ms, restarted, Verdict::waiting},
         {1800ms, restarted, Verdict::waiting},
         {1850ms, moved, Verdict::waiting},
         {2850ms, moved, Verdict::running}});
}

TEST_CASE("with a health check it must be healthy, and unhealthy is a failure") {
  Task starting = task_in(Observed::running);
  starting.spec.edit().health.kind = HealthCheck::Kind::http;
  starting.status.health = Health::starting;
  Task healthy = starting, unhealthy = starting;
  healthy.status.health = Health::healthy;
  unhealthy.status.health = Health::unhealthy;
  check({{0ms, starting, Verdict::waiting},
         {5s, starting, Verdict::waiting},
         {6s, healthy, Verdict::running}});
  check({{0ms, starting, Verdict::waiting}, {2s, unhealthy, Verdict::failed}});
}

TEST_CASE("what has ended is judged by how") {
  check({{0ms, over(Failure::none), Verdict::completed}});
  check({{0ms, over(Failure::exit), Verdict::failed}});
  Task stopped = over(Failure::exit);
  stopped.desired = Desired::stop;
  Convergence convergence;
  CHECK(convergence.observe(Instant{0}, stopped) == Verdict::failed);
  CHECK(convergence.why() == "it was stopped in the meantime");
}

TEST_CASE("a task that fails three times in a row fails, though it is restarted for ever") {
  Task backing_off = task_in(Observed::exited);
  backing_off.status.reason = "exit code 3";
  backing_off.status.failures = 2;
  Convergence convergence;
  CHECK(convergence.observe(Instant{0}, backing_off) == Verdict::waiting);
  backing_off.status.failures = 3;
  CHECK(convergence.observe(Instant{0}, backing_off) == Verdict::failed);
  CHECK(convergence.why() == "it keeps failing: exit code 3");
}

TEST_CASE("waiting that time will not end is given up after two seconds") {
  const Task too_large = waiting_for("2 nodes: not enough memory; no node is large enough");
  Task avoided = waiting_for("1 node: failed there");
  avoided.avoided.push_back({"n1", {}, "no such image"});
  for (const Task& task : {too_large, avoided})
    check({{0ms, task, Verdict::waiting},
           {1900ms, task, Verdict::waiting},
           {2s, task, Verdict::hopeless}});
  SUBCASE("but not when it gets a node in between") {
    check({{0ms, avoided, Verdict::waiting},
           {1s, task_in(Observed::placed), Verdict::waiting},
           {2s, avoided, Verdict::waiting},
           {4s, avoided, Verdict::hopeless}});
  }
  SUBCASE("and a reason that time can mend is waited for") {
    const Task full = waiting_for("2 nodes: not enough memory");
    check({{0ms, full, Verdict::waiting}, {50s, full, Verdict::waiting}});
  }
}

}  // namespace
}  // namespace cube::cli
