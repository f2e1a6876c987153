// Services in trouble, then in peace: whatever the network loses and whoever dies, each ends with
// the replicas that it asks for, of the version that it asks for, and nothing besides.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/manager/world.h"
#include "tests/support/lives.h"

namespace cube::test {
namespace {

constexpr int steps_of_trouble = 80;
constexpr Duration peace = 20min;

class ServiceLife {
 public:
  explicit ServiceLife(std::uint64_t seed) : world_(seed), chance_(seed * 104729 + 1) {
    world_.faults = {pick(3) == 0 ? 0u : pick(10), pick(10), Duration(1000 * pick(300))};
    const std::uint32_t nodes = 2 + pick(4);
    for (std::uint32_t i = 1; i <= nodes; ++i) {
      auto& w = world_.add_worker(fmt::format("n{}", i), {16'000, 64LL << 30, 1LL << 40});
      w.takes_changes = i % 2 == 1;
      world_.config.workers.push_back(w.address);
    }
    world_.start_manager();
  }

  void trouble() {
    for (int i = 0; i < steps_of_trouble; ++i) {
      if (!world_.has_manager()) world_.start_manager();
      one_thing();
      world_.run_for(Duration(1000 * pick(pick(4) == 0 ? 9000 : 500)));
      check_audit();
    }
  }

  void heal() {
    world_.faults = {};
    if (!world_.has_manager()) world_.start_manager();
    for (auto& w : world_.workers) {
      w->reachable = true;
      if (!w->process_up) w->restart_process();
      ++w->change;
      world_.poke(*w);
      available(w->name, manager::Availability::active);
    }
    // A bad image stays bad: in the end everybody asks for a good one.
    for (const auto& view : world_.manager().services()) {
      auto spec = view.spec;
      spec.task.image = "echo";
      spec.update.on_failure = service::UpdatePolicy::OnFailure::go_on;
      spec.max_per_node = 0;
      world_.step(manager::ServiceInput(
          manager::UpdateService{world_.token(), spec.name, spec, std::nullopt}));
    }
    world_.run_for(peace);
    check_audit();
  }

  std::vector<std::string> complaints() {
    std::vector<std::string> out = world_.problems;
    const auto& m = world_.manager();
    std::map<ServiceId, const service::ServiceSpec*> known;
    for (const auto& s : services_ = m.services()) {
      known[s.id] = &s.spec;
      const auto& st = s.status;
      if (st.converged() && st.running == st.replicas) continue;
      out.push_back(fmt::format("{} is {}: {} replicas, {} run, {} ready, {} updated ({})",
                                s.spec.name, st.state, st.replicas, st.running, st.ready,
                                st.updated, st.message));
    }
    std::map<std::pair<ServiceId, std::uint32_t>, int> slots;
    for (const Task* t : m.tasks()) {
      if (t->of.service.is_nil() || t->is_terminal()) continue;
      if (!known.contains(t->of.service)) out.push_back("a replica of a removed service lives");
      if (++slots[{t->of.service, t->of.slot}] > 1) out.push_back("a slot has two replicas");
    }
    const auto table = m.routes();
    for (const auto& routed : table.services) {
      const auto* spec = known[ServiceId(routed.id)];
      const std::size_t wanted = spec->global ? world_.workers.size() : spec->replicas;
      if (routed.replicas.size() != wanted) out.push_back("not all replicas are routed to");
    }
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
  std::string any_name() { return fmt::format("s{}", pick(3)); }

  service::ServiceSpec any_spec(const std::string& name) {
    using service::UpdatePolicy;
    service::ServiceSpec spec;
    spec.name = name;
    spec.task.image = pick(4) == 0 ? (pick(2) == 0 ? "bad" : "sick") : "echo";
    spec.task.env = {fmt::format("N={}", pick(5))};
    if (pick(2) == 0) spec.task.health = {HealthCheck::Kind::http, "/health", {}, 80};
    spec.task.ports = {{{80, "tcp"}, 0, ""}};
    spec.replicas = pick(6);
    spec.global = name == "s2";
    if (spec.global) spec.replicas = 1;
    spec.update.parallelism = pick(3);
    spec.update.order =
        pick(3) == 0 ? UpdatePolicy::Order::stop_first : UpdatePolicy::Order::start_first;
    spec.update.on_failure = static_cast<UpdatePolicy::OnFailure>(pick(3));
    spec.drain = Duration(1'000'000 * pick(10));
    if (pick(4) == 0) spec.max_per_node = 1 + pick(2);
    if (!spec.global && pick(4) == 0) {
      spec.task.ports.clear();
      spec.port_range = {static_cast<std::uint16_t>(name == "s0" ? 8000 : 9000), {80, "tcp"}};
    }
    return spec;
  }

  void one_thing() {
    using Kind = std::uint32_t;
    const Kind what = pick(100);
    const std::string name = any_name();
    const auto ask = [&](manager::ServiceInput input) { world_.step(std::move(input)); };
    const auto t = world_.token();
    if (what < 20) return ask(manager::CreateService{t, any_spec(name)});
    if (what < 35) return ask(manager::UpdateService{t, name, any_spec(name), std::nullopt});
    if (what < 42) return ask(manager::ScaleService{t, name, pick(7)});
    if (what < 46) return ask(manager::RollBackService{t, name, std::nullopt});
    if (what < 49) return ask(manager::RemoveService{t, name});
    if (what < 54) return ingress();
    if (what < 60) return available(any_worker().name, manager::Availability(pick(3)));
    if (what < 66) return world_.kill_manager();
    if (what < 72) {
      any_worker().reachable ^= true;
      return;
    }
    if (what < 78) return worker_process();
    if (what < 86) return something_ends();
    if (what < 90) return stop_a_replica();
    // else: time passes
  }

  void ingress() {
    world_.step(manager::ServiceInput(manager::IngressAsked{
        fmt::format("i{}", pick(2)), pick(2) == 0 ? world_.manager().routes_version() : "", {}}));
  }

  void available(const std::string& node, manager::Availability availability) {
    world_.step(manager::SetAvailability{world_.token(), node, availability});
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

  void something_ends() {
    ModelWorker& w = any_worker();
    if (!w.process_up) return;
    for (auto& [key, c] : w.containers) {
      if (c.status.observed != Observed::running || pick(2) == 0) continue;
      w.exits(c, 1, pick(2) == 0 ? Failure::exit : Failure::unhealthy, "by chance", world_.now());
      break;
    }
    world_.poke(w);
  }

  void stop_a_replica() {
    const auto tasks = world_.manager().tasks();
    if (!tasks.empty()) world_.stop(tasks[pick(static_cast<std::uint32_t>(tasks.size()))]->id);
  }

  void check_audit() {
    if (!world_.has_manager()) return;
    for (const std::string& text : world_.manager().audit()) world_.problems.push_back(text);
  }

  World world_;
  Rng chance_;
  std::vector<api::ServiceView> services_;
};

TEST_CASE("services: trouble, then peace: every service is as asked") {
  each_life<ServiceLife>(60);
}

}  // namespace
}  // namespace cube::test
