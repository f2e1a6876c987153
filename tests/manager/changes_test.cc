// What changed in an assignment is told alone, to a worker that understands it; and everything when
// it is not certain what the worker holds.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/manager/world.h"

using namespace cube;
using namespace cube::test;

namespace {

struct Cluster {
  World world;
  ModelWorker& worker;

  explicit Cluster(bool takes_changes)
      : worker(world.add_worker("n1", {4000, 1LL << 33, 1LL << 33})) {
    worker.takes_changes = takes_changes;
    world.config.workers = {worker.address};
    world.start_manager();
    world.run_for(5s);
    world.log_calls = true;
  }

  TaskId submit(std::uint64_t n) {
    api::Submission s;
    s.id = TaskId(Uuid::from_random(n, n));
    s.spec.name = fmt::format("t{}", n);
    s.spec.image = "echo";
    s.spec.restart.kind = RestartPolicy::Kind::always;
    REQUIRE(world.submit({s}));
    return s.id;
  }
  // The PUTs since the last question.
  std::string puts() {
    std::string out;
    for (std::size_t at = 0, end = 0; at < world.call_log.size(); at = end + 1) {
      end = world.call_log.find('\n', at);
      const std::string line = world.call_log.substr(at, end - at);
      if (line.starts_with("PUT")) out += line.substr(line.find('.') + 1) + "; ";
    }
    world.call_log.clear();
    return out;
  }
};

}  // namespace

TEST_CASE("each change is told alone") {
  Cluster c(true);
  const TaskId first = c.submit(1);
  c.world.run_for(3s);
  CHECK(c.puts() == "2 1 tasks since 1, 0 dropped; ");
  c.submit(2);
  c.world.run_for(3s);
  CHECK(c.puts() == "3 1 tasks since 2, 0 dropped; ");
  REQUIRE(c.world.stop(first));
  c.world.run_for(3s);
  CHECK(c.puts() == "4 0 tasks since 3, 1 dropped; ");
  CHECK(c.worker.containers.size() == 1);
  CHECK(c.world.problems.empty());
}

TEST_CASE("a task that was stopped before its worker heard of it is over") {
  Cluster c(true);
  c.submit(1);  // its PUT is under way, so that what follows waits and goes together
  const TaskId second = c.submit(2);
  REQUIRE(c.world.stop(second));
  c.world.run_for(3s);
  CHECK(c.puts() == "2 1 tasks since 1, 0 dropped; 4 0 tasks since 2, 1 dropped; ");
  const auto task = c.world.manager().task(second.str());
  REQUIRE(task.ok());
  CHECK((*task)->is_terminal());
}

TEST_CASE("a worker that does not say it understands is told everything") {
  Cluster c(false);
  c.submit(1);
  c.world.run_for(3s);
  c.submit(2);
  c.world.run_for(3s);
  CHECK(c.puts() == "2 1 tasks; 3 2 tasks; ");
}

TEST_CASE("after an answer that was lost everything is told") {
  Cluster c(true);
  c.submit(1);
  c.world.run_for(3s);
  c.puts();
  c.worker.reachable = false;  // the call goes nowhere, and ends without an answer
  c.submit(2);
  c.world.run_for(1s);
  c.worker.reachable = true;
  c.world.run_for(15s);
  const std::string told = c.puts();
  CHECK(told.find("since 2") != std::string::npos);
  CHECK(told.ends_with("2 tasks; "));
  CHECK(c.worker.containers.size() == 2);
  CHECK(c.world.problems.empty());
}

TEST_CASE("a worker that holds something else than was thought is told everything") {
  Cluster c(true);
  c.submit(1);
  c.world.run_for(3s);
  c.puts();
  c.worker.fence.generation = 1;  // as if its store had been put back
  c.submit(2);
  c.world.run_for(3s);
  CHECK(c.puts() == "3 1 tasks since 2, 0 dropped; 3 2 tasks; ");
  CHECK(c.worker.containers.size() == 2);
}
