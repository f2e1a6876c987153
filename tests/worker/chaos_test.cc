// A worker in a bad world, from a seed: answers lost, engine away and restarted, containers that
// end or are removed by hand, the worker itself restarted from its committed records. Safety is
// checked after every step; then the world heals, and everything must come to what was asked.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/rounds.h"
#include "tests/worker/world.h"

namespace cube::test {
namespace {

constexpr std::size_t tasks_max = 5;

class Chaos {
 public:
  int exclusive_starts = 0;

  explicit Chaos(std::uint64_t seed) : rng_(seed), world_(config(seed), seed) {
    for (std::size_t i = 0; i < tasks_max; ++i) ids_.push_back(TaskId(rng_.uuid()));
    world_.on_effects = [this](const auto& effects) { check(effects); };
    world_.mangle = [this](auto& outcome) {
      if (hostile_ && rng_.below(8) == 0) outcome = lost_answer();
      if (hostile_ && rng_.below(25) == 0) outcome = failure();
    };
    world_.answer_probe = [this](const auto&) {
      return std::optional(!hostile_ || rng_.below(3) != 0);
    };
    runtime::Container foreign;
    foreign.id = foreign.name = "foreign";
    foreign.state = runtime::ContainerState::running;
    world_.engine.put(foreign);
    world_.engine_up();
  }

  void rage(int steps) {
    hostile_ = true;
    for (int i = 0; i < steps; ++i) {
      one_misfortune();
      world_.advance(Duration(static_cast<std::int64_t>(rng_.below(3'000'000))));
    }
  }

  void heal() {
    hostile_ = false;
    world_.delays.clear();
    world_.engine.failures.clear();
    if (!world_.engine_is_up) world_.engine_up();
    assign();
    pass(15min);
    check_converged();
  }

 private:
  // Time goes by with a manager that renews the lease.
  void pass(Duration span) {
    for (Duration gone{}; gone < span; gone += 5s) {
      renew(1);
      world_.advance(5s);
    }
  }

  // A poll with the newest stamp but `age`: the older ones are late.
  void renew(std::size_t age_max) {
    worker::PollReport poll;
    poll.token = ++token_;
    poll.epoch = poll.session = 1;
    poll.incarnation = incarnation_;
    if (!stamps_.empty()) {
      const std::size_t age = std::min(rng_.below(age_max), stamps_.size() - 1);
      poll.lease = {stamps_[stamps_.size() - 1 - age], 15s};
      lease_until_ = std::max(
          lease_until_, Instant{static_cast<std::int64_t>(poll.lease.stamp)} + poll.lease.ttl);
    }
    world_.input(poll);
  }

  static worker::Config config(std::uint64_t seed) {
    worker::Config out;
    out.name = "n1";
    if (seed % 2 == 0) out.engine_operations_max = 1;
    return out;
  }

  static EngineModel::Outcome lost_answer() {
    return runtime::EngineError{runtime::EngineError::Kind::unavailable, "no answer"};
  }
  static EngineModel::Outcome failure() {
    return runtime::EngineError{runtime::EngineError::Kind::other, "internal error"};
  }

  void one_misfortune() {
    switch (rng_.below(15)) {
      case 0:
      case 1:
      case 2:
        return assign();
      case 3:
        return world_.restart_worker();
      case 4:
        return world_.engine_is_up ? world_.engine_down("hung") : world_.engine_up();
      case 5:
        if (world_.engine_is_up) world_.engine_down("restarting");
        world_.engine.kill_all(137, world_.wall);
        return;
      case 6:
      case 7:
        with_any([this](const auto& name) { world_.engine.exit(name, exit_code(), world_.wall); });
        return;
      case 8:
        with_any([this](const auto& name) { world_.engine.remove_by_hand(name, world_.wall); });
        return;
      case 9:
        with_any([this](const auto& name) { world_.engine.pause(name, true, world_.wall); });
        return;
      case 10:
        for (const char* verb : {"create", "start", "stop", "remove", "inspect", "list", "pull"}) {
          world_.delays[verb] = Duration(static_cast<std::int64_t>(rng_.below(4'000'000)));
        }
        return;
      case 11:
        world_.engine.images.clear();
        return;
      case 13:
      case 14:
        return renew(6);
      case 12:
        with_any([this](const auto& name) { world_.engine.kill(name, exit_code(), world_.wall); });
        return;
      default:
        return;
    }
  }

  std::int32_t exit_code() { return static_cast<std::int32_t>(rng_.below(3)); }

  template <class Act>
  void with_any(Act act) {
    std::vector<std::string> names;
    for (const auto& [name, c] : world_.engine.containers()) {
      if (name != "foreign") names.push_back(name);
    }
    if (!names.empty()) act(names[rng_.below(names.size())]);
  }

  // A random set of attempts. Attempts only grow, as a manager raises them.
  void assign() {
    worker::PutAssignment put;
    put.token = ++token_;
    put.assignment.cluster = "default";
    put.assignment.manager = ManagerId(Uuid::from_random(1, 2));
    put.assignment.fence = {1, 1, ++generation_};
    assigned_.clear();
    for (const TaskId& id : ids_) {
      const bool left_out = rng_.below(4) == 0;
      if (left_out || rng_.below(6) == 0) ++attempt_of_[id];
      if (left_out) continue;
      api::AssignedTask task;
      task.id = id;
      task.attempt = attempt_of_[id] + 1;
      task.run = rng_.below(6) != 0;
      task.spec.edit().name = "t";
      task.spec.edit().image = "echo";
      task.spec.edit().restart.kind = RestartPolicy::Kind::always;
      if (rng_.below(2) == 0) task.spec.edit().ports.push_back({{80, "tcp"}, 0, ""});
      task.spec.edit().exclusive = rng_.below(3) == 0;
      // The content of one attempt never changes.
      task.spec = specs_.emplace(AttemptKey{id, task.attempt}, task.spec).first->second;
      if (task.run && over_.contains({id, task.attempt})) task.run = false;
      if (!task.run) over_.insert({id, task.attempt});
      assigned_.push_back({AttemptKey{id, task.attempt}, task.run});
      put.assignment.tasks.push_back(std::move(task));
    }
    world_.input(std::move(put));
  }

  void check(const worker::Effects& effects) {
    operations_ += std::count_if(effects.operations.begin(), effects.operations.end(),
                                 [](const worker::Operation& op) {
                                   return !std::holds_alternative<worker::ListContainers>(op.what);
                                 });
    for (const auto& [key, spec] : specs_) REQUIRE(world_.engine.live(key) <= 1);
    for (const worker::Operation& op : effects.operations) check_leased(op);
    for (const worker::Reply& reply : effects.replies) {
      const auto* report = std::get_if<api::Report>(&reply.body);
      if (report == nullptr) continue;
      if (incarnation_ != report->incarnation) stamps_.clear();
      incarnation_ = report->incarnation;
      stamps_.push_back(report->lease_stamp);
      for (const AttemptStatus& status : report->attempts) {
        std::uint32_t& highest = restarts_[status.key];
        REQUIRE(status.restart >= highest);
        highest = status.restart;
      }
    }
  }

  // No process starts what is exclusive without a lease that it was given itself.
  void check_leased(const worker::Operation& op) {
    const auto* start = std::get_if<worker::StartContainer>(&op.what);
    if (start == nullptr) return;
    for (const auto& [name, c] : world_.engine.containers()) {
      if (c.id != start->id || !c.labels.contains("cube.exclusive")) continue;
      REQUIRE(!stamps_.empty());
      REQUIRE(world_.mono < lease_until_);
      ++exclusive_starts;
    }
  }

  void check_converged() {
    std::size_t expected = 0;
    std::map<AttemptKey, AttemptStatus> told;
    for (const Task& task : world_.worker().tasks()) told[task.status.key] = task.status;
    CHECK(told.size() == assigned_.size());
    for (const auto& [key, run] : assigned_) {
      REQUIRE(told.contains(key));
      const AttemptStatus& status = told[key];
      CAPTURE(status.reason);
      if (!run) {
        CHECK(status.final);
        CHECK(world_.engine.live(key) == 0);
      } else {
        // What failed for the node's reason in the bad days is final: the manager's to decide.
        const bool node_failed = status.final && status.failure == Failure::node;
        CHECK((node_failed || status.observed == Observed::running));
        CHECK(world_.engine.live(key) == (node_failed ? 0 : 1));
      }
      if (run || status.final) expected += world_.engine.live(key);
    }
    CHECK(live_of_ours() == expected);
    CHECK(world_.engine.containers().contains("foreign"));
    const auto before = operations_;
    pass(5min);
    CHECK(operations_ == before);  // nothing is left to do
  }

  std::size_t live_of_ours() const {
    std::size_t count = 0;
    for (const auto& [name, c] : world_.engine.containers()) {
      if (name != "foreign" && c.pid != 0) ++count;
    }
    return count;
  }

  std::vector<std::uint64_t> stamps_;  // of the present process
  std::uint64_t incarnation_ = 0;
  Instant lease_until_{};

  Rng rng_;
  World world_;
  bool hostile_ = false;
  std::vector<TaskId> ids_;
  std::map<TaskId, std::uint32_t> attempt_of_;
  std::map<AttemptKey, TaskSpec> specs_;
  std::set<AttemptKey> over_;
  std::vector<std::pair<AttemptKey, bool>> assigned_;
  std::map<AttemptKey, std::uint32_t> restarts_;
  std::uint64_t token_ = 0, generation_ = 0;
  std::ptrdiff_t operations_ = 0;
};

TEST_CASE("property: safe in a bad world, and as asked once it heals") {
  int exclusive_starts = 0;
  const std::uint64_t seeds = rounds(150);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    Chaos chaos(seed);
    for (int round = 0; round < 3; ++round) {
      chaos.rage(40);
      chaos.heal();
    }
    exclusive_starts += chaos.exclusive_starts;
  }
  CHECK(static_cast<std::uint64_t>(exclusive_starts) > seeds);  // else it has shown little
}

}  // namespace
}  // namespace cube::test
