#include "sim/world.h"

#include <fmt/format.h>

namespace cube::sim {
namespace {

// All pauses of the cores that a healed world may still have to wait for are shorter: a node is
// avoided for 5 min, a restart waits 5.5 min at most, a move 10 min.
constexpr Duration peace_within = 25min;
constexpr Duration look_every = 5s;
constexpr Duration quiet_for = 150s;  // longer than a sweep of either core
constexpr std::size_t timeline_max = 2'000'000;

}  // namespace

World::World(const Options& options, std::size_t story_lines_max)
    : sim_(options, story_lines_max),
      faults_(sim_.root.split("faults")),
      ingress_faults_(sim_.root.split("faults of ingresses")) {
  Rng sizes = sim_.root.split("sizes");
  for (std::uint32_t i = 1; i <= options.nodes; ++i) {
    const bool shares = options.shared_machine && i == 2;
    if (!shares) machines_.push_back(std::make_unique<Machine>(sim_, i));
    const Resources capacity{1000 * (1 + static_cast<std::int64_t>(sizes.below(4))), 8LL << 30,
                             1LL << 40};
    workers_.push_back(std::make_unique<WorkerHost>(sim_, i, *machines_.back(), capacity));
  }
  manager_ = std::make_unique<ManagerHost>(sim_, workers_);
  for (std::uint32_t i = 1; i <= options.clients; ++i) {
    const std::uint32_t tasks = options.tasks_max / options.clients;
    clients_.push_back(std::make_unique<Client>(sim_, *manager_, i, std::max(1U, tasks)));
  }
  if (options.services > 0) operator_ = std::make_unique<ServiceClient>(sim_, *manager_);
  for (std::uint32_t i = 1; i <= options.ingresses; ++i) {
    ingresses_.push_back(std::make_unique<IngressHost>(sim_, *manager_, i));
  }
  manager_->on_died = [this] {
    sim_.timeline.after(some(100ms, 20s), [this] { manager_->process().start(); });
  };
  for (auto& w : workers_) {
    w->on_died = [this, &w] {
      sim_.timeline.after(some(100ms, 20s), [&w] { w->process().start(); });
    };
  }
}

void World::begin() {
  sim_.story.tell("{}", sim_.options.str());
  manager_->process().start();
  for (auto& w : workers_) {
    w->process().start();
    if (sim_.options.workers_join) manager_->announce(*w);
  }
  for (auto& c : clients_) c->begin();
  if (operator_) operator_->begin();
  for (auto& i : ingresses_) i->start();
  if (!ingresses_.empty()) next_ingress_fault();
  if (sim_.options.faults != 0) next_fault();
}

bool World::run_until(Instant end) {
  const std::uint64_t events_most = 200'000 + 20'000ULL * sim_.options.nodes;
  while (!sim_.checks.failed() && sim_.timeline.next() <= end) {
    sim_.timeline.run_next();
    if (sim_.timeline.size() > timeline_max) sim_.checks.fail("too much waits to happen");
    if (sim_.timeline.done() > events_most) sim_.checks.fail("it does not come to rest");
  }
  return !sim_.checks.failed();
}

Outcome World::live() {
  begin();
  const Instant end = sim_.timeline.now() + sim_.options.chaos;
  if (run_until(end)) {
    heal();
    await_peace();
  }
  if (!sim_.checks.failed()) stay_quiet();
  return outcome();
}

Outcome World::ended_by(const std::string& assertion) {
  sim_.checks.fail("{}", assertion);
  return outcome();
}

Outcome World::outcome() {
  for (auto& m : machines_) {
    sim_.hits(Hit::already_started, m->model().already_started);
    sim_.hits(Hit::name_conflict, m->model().names_refused);
  }
  Outcome out;
  out.seed = sim_.options.seed;
  out.hash = sim_.story.hash();
  out.events = sim_.timeline.done();
  out.lived = sim_.timeline.now() - Instant{1'000'000'000};
  out.healed = healed_;
  out.tasks = sim_.checks.committed().size();
  out.hits = sim_.hits;
  out.findings = sim_.checks.findings();
  out.story.assign(sim_.story.lines().begin(), sim_.story.lines().end());
  return out;
}

// The faults are over: what is down comes up, what is cut is joined.
void World::heal() {
  sim_.story.tell("--- peace: no more faults");
  sim_.calm = true;
  manager_->heal();
  manager_->process().disk().fill(false);
  manager_->process().start();
  for (auto& m : machines_) m->be_well();
  for (auto& w : workers_) {
    w->process().disk().fill(false);
    w->process().start();
  }
  for (auto& i : ingresses_) i->heal();
  if (operator_) operator_->heal();
}

void World::await_peace() {
  const Instant from = sim_.timeline.now();
  std::vector<std::string> missing;
  while (sim_.timeline.now() < from + peace_within) {
    // Nothing may be due for a while; time passes all the same.
    const Instant look = std::max(sim_.timeline.now(), from) + look_every;
    sim_.timeline.at(look, [] {});
    if (!run_until(look)) return;
    missing = complaints();
    if (missing.empty()) {
      healed_ = std::max(healed_, sim_.timeline.now() - from);
      return;
    }
  }
  for (const std::string& m : missing) {
    sim_.checks.fail("after {} s of peace: {}", peace_within / 1s, m);
  }
}

// As asked it stays: also across a restart of every process, which must touch no container.
void World::stay_quiet() {
  sim_.story.tell("--- as asked; every process is restarted, and nothing may happen to containers");
  const auto before = left_alone();
  manager_->process().crash();
  for (auto& w : workers_) w->process().crash();
  manager_->process().start();
  for (auto& w : workers_) w->process().start();
  const Instant end = sim_.timeline.now() + quiet_for;
  sim_.timeline.at(end, [] {});
  if (!run_until(end)) return;
  await_peace();  // what waited may have found room meanwhile
  for (const std::string& id : before) {
    if (!sim_.checks.live().contains(id)) sim_.checks.fail("{} was not left alone", id);
  }
}

}  // namespace cube::sim
