// Whatever the network loses, repeats and delays, and whoever dies: nothing acknowledged is lost,
// nothing runs twice in the end, no node gets more than it has. Each seed is one life of a cluster:
// trouble first, then peace, and then everything must be as asked.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/manager/world.h"
#include "tests/support/lives.h"

namespace cube::test {
namespace {

constexpr int steps_of_trouble = 120;
// Long enough for avoided nodes to be tried again.
constexpr Duration peace = 12min;

class Life {
 public:
  explicit Life(std::uint64_t seed) : world_(seed), chance_(seed * 7919 + 1) {
    world_.faults = {pick(3) == 0 ? 0u : pick(15), pick(20), Duration(1000 * pick(400))};
    const std::uint32_t nodes = 1 + pick(5);
    for (std::uint32_t i = 1; i <= nodes; ++i) {
      auto& w =
          world_.add_worker(fmt::format("n{}", i), {1000 * (1 + pick(4)), 8LL << 30, 1LL << 40});
      w.takes_changes = i % 2 == 1;
      world_.config.workers.push_back(w.address);
    }
    world_.start_manager();
  }

  void trouble() {
    for (int i = 0; i < steps_of_trouble; ++i) {
      if (!world_.has_manager()) world_.start_manager();
      one_thing();
      world_.run_for(Duration(1000 * pick(pick(5) == 0 ? 8000 : 400)));
    }
  }

  void heal() {
    world_.faults = {};
    if (!world_.has_manager()) world_.start_manager();
    for (auto& w : world_.workers) {
      w->reachable = true;
      w->engine_ready = true;
      w->cannot_start.clear();
      if (!w->process_up) w->restart_process();
      ++w->change;
      world_.poke(*w);
      // One that was forgotten makes itself known again.
      if (!world_.manager().node(w->address).ok()) world_.join(*w);
    }
    world_.run_for(peace);
  }

  // What is not as asked, one line each.
  std::vector<std::string> complaints() {
    std::vector<std::string> out = world_.problems;
    for (const TaskId& id : acknowledged_) check_task(id, out);
    for (const auto& w : world_.workers) check_worker(*w, out);
    return out;
  }

  const World& world() const { return world_; }

 private:
  std::uint32_t pick(std::uint32_t bound) {
    return static_cast<std::uint32_t>(chance_.below(bound));
  }
  ModelWorker& any_worker() {
    return *world_.workers[pick(static_cast<std::uint32_t>(world_.workers.size()))];
  }
  TaskId any_task() { return made_[pick(static_cast<std::uint32_t>(made_.size()))].id; }

  void one_thing() {
    const std::uint32_t what = pick(100);
    if (what < 30 || made_.empty()) return submit();
    if (what < 40) return stop();
    if (what < 52) return something_ends();
    if (what < 58) return cut_or_heal();
    if (what < 64) return worker_process();
    if (what < 68) return engine();
    if (what < 74) return repeat_submission();
    if (what < 78) return world_.kill_manager();
    if (what < 82) return crash_before_commit();
    if (what < 84) return set_up_anew();
    if (what < 86) return forget();
    // else: time passes
  }

  void submit() {
    api::Submission s;
    s.id = TaskId(chance_.uuid());
    s.spec.name = fmt::format("t{}", made_.size());
    s.spec.image = "echo";
    s.spec.cpu_milli = 250 * pick(6);
    s.spec.restart.kind = pick(2) == 0 ? RestartPolicy::Kind::always : RestartPolicy::Kind::unset;
    s.spec.exclusive = pick(3) == 0;
    if (pick(6) == 0) s.spec.ports = {{Port{80, "tcp"}, 8080, ""}};
    made_.push_back(s);
    acknowledge(world_.submit({s}), s.id);
  }

  void repeat_submission() {
    const auto& s = made_[pick(static_cast<std::uint32_t>(made_.size()))];
    acknowledge(world_.submit({s}), s.id);
  }

  void acknowledge(const std::optional<manager::Reply>& reply, const TaskId& id) {
    if (reply && std::holds_alternative<std::vector<Task>>(reply->body)) acknowledged_.insert(id);
  }

  void stop() {
    const TaskId id = any_task();
    const auto reply = world_.stop(id);
    if (reply && std::holds_alternative<manager::Accepted>(reply->body)) stopped_.insert(id);
  }

  void something_ends() {
    ModelWorker& w = any_worker();
    if (!w.process_up) return;
    for (auto& [key, c] : w.containers) {
      if (c.status.observed != Observed::running || pick(2) == 0) continue;
      static constexpr Failure kinds[] = {Failure::none, Failure::exit, Failure::unhealthy,
                                          Failure::unhealthy, Failure::oom};
      w.exits(c, 1, kinds[pick(5)], "by chance", world_.now());
      break;
    }
    world_.poke(w);
  }

  void cut_or_heal() {
    ModelWorker& w = any_worker();
    w.reachable = !w.reachable;
  }

  void worker_process() {
    ModelWorker& w = any_worker();
    if (w.process_up) {
      w.process_up = false;
      world_.poke(w);
    } else {
      w.restart_process();
    }
  }

  void engine() {
    ModelWorker& w = any_worker();
    if (pick(2) == 0) {
      w.engine_ready = !w.engine_ready;
    } else {
      w.cannot_start = w.cannot_start.empty() ? "port in use" : "";
    }
    ++w.change;
    world_.poke(w);
  }

  void crash_before_commit() {
    const TaskId id = any_task();
    if (pick(2) == 0) {
      world_.step(manager::Stop{1'000'000, id.str()}, true);
    } else {
      world_.step(manager::Wake{}, true);
    }
  }

  void set_up_anew() { any_worker().lose_store(WorkerId(chance_.uuid())); }

  void forget() { world_.forget(any_worker().name); }

  void check_task(const TaskId& id, std::vector<std::string>& out) {
    const auto found = world_.manager().task(id.str());
    if (!found.ok()) {
      out.push_back("an acknowledged task is gone");
      return;
    }
    const Task& t = **found;
    const auto say = [&](std::string_view what) {
      out.push_back(fmt::format("{} ({} {} on {} a{}): {}", t.spec->name, name(t.desired),
                                name(t.status.observed), t.node, t.attempt, what));
    };
    if (stopped_.contains(id) && !t.is_terminal()) say("was stopped and is not over");
    if (t.is_terminal()) return;
    const bool waits = t.status.observed == Observed::waiting && t.node.empty();
    if (waits && t.waits_for.empty()) say("waits and does not say why");
    if (waits && fits_somewhere(t)) say("waits and would fit: " + t.waits_for);
    if (!waits && t.status.observed != Observed::running) say("neither runs nor waits");
    if (t.status.observed == Observed::running && running_containers(id) != 1) {
      say(fmt::format("{} containers run", running_containers(id)));
    }
  }

  bool fits_somewhere(const Task& t) {
    if (!t.spec->ports.empty()) return false;  // others may hold its port
    for (const auto& n : world_.manager().nodes()) {
      const Resources free = n.info.capacity - n.reserved;
      const bool avoided = std::any_of(t.avoided.begin(), t.avoided.end(),
                                       [&](const AvoidedNode& a) { return a.node == n.name; });
      if (n.state == manager::NodeState::ready && !avoided &&
          Resources{t.spec->cpu_milli, 0, 0}.fits_in(free)) {
        return true;
      }
    }
    return false;
  }

  int running_containers(const TaskId& id) {
    int count = 0;
    for (const auto& w : world_.workers) {
      for (const auto& [key, c] : w->containers) {
        count += key.task == id && c.status.observed == Observed::running ? 1 : 0;
      }
    }
    return count;
  }

  void check_worker(const ModelWorker& w, std::vector<std::string>& out) {
    for (const auto& [key, c] : w.containers) {
      if (c.status.observed == Observed::exited && c.status.final) continue;
      const auto t = world_.manager().task(key.task.str());
      if (!t.ok() || (*t)->attempt != key.attempt || (*t)->is_terminal()) {
        out.push_back(fmt::format("{} still has attempt {} of {} ({})", w.name, key.attempt,
                                  c.spec.name, name(c.status.observed)));
      }
    }
    const auto n = world_.manager().node(w.name);
    if (!n.ok()) return out.push_back(w.name + " is not known");
    if (n->state != manager::NodeState::ready) {
      out.push_back(fmt::format("{} is {}: {}", w.name, name(n->state), n->reason));
    }
    if (!(n->reserved == w.in_use())) {
      out.push_back(fmt::format("{} has {} reserved and {} in use", w.name, n->reserved.cpu_milli,
                                w.in_use().cpu_milli));
    }
  }

  World world_;
  Rng chance_;
  std::vector<api::Submission> made_;
  std::set<TaskId> acknowledged_, stopped_;
};

TEST_CASE("trouble, then peace: everything ends as asked") {
  each_life<Life>(60);
}

TEST_CASE("the same seed gives the same history") {
  const auto history = [] {
    Life life(42);
    life.trouble();
    return life.world().history();
  };
  const std::string once = history();
  CHECK(once.size() > 1000);
  CHECK(once == history());
}

}  // namespace
}  // namespace cube::test
