#include "sim/worker_host.h"

#include <fmt/format.h>

#include "base/planted.h"

namespace cube::sim {
namespace {

constexpr Duration host_sample_every = 5s;  // as in daemon/worker_daemon.cc
constexpr std::size_t polls_max = 64;  // parked at once, with all that was repeated and given up

}  // namespace

WorkerHost::WorkerHost(Sim& sim, std::uint32_t number, Machine& machine, Resources capacity)
    : sim_(sim),
      name_(fmt::format("n{}", number)),
      address_(name_ + ":5556"),
      machine_(machine),
      capacity_(capacity),
      rng_(sim.root.split("worker " + name_)),
      load_(sim.root.split("load of " + name_)),
      process_(sim, "worker " + name_,
               {[this](auto records, auto life) { return load(std::move(records), life); },
                [this] { return machine_.clock(); },
                [this](Instant local) { return machine_.drift().when(local); },
                [this](auto writes) { sim_.checks.worker_committed(name_, writes); },
                [this](const worker::Reply& reply) { count(reply); },
                [this](worker::Effects& effects) { send(effects); }, [this] { loaded(); },
                [this](const worker::Effects& effects) { stepped(effects); },
                [this] {
                  machine_.unwatch(name_);
                  on_died();
                }}),
      guard_(sim, name_, machine,
             {[this] { return process_.is_up(); }, [this] { return process_.last_acted(); },
              [this] {
                if (CUBE_PLANTED("full-and-alive")) return process_.last_acted();
                return process_.last_stored();
              },
              [this](bool lives) {
                process_.post(worker::GuardChanged{lives}, process_.generation());
              }}) {
  sim_.checks.node_has(name_, capacity_);
}

Result<worker::Worker> WorkerHost::load(Process<WorkerTraits>::Records records,
                                        std::uint64_t life) {
  worker::Config config;
  config.name = name_;
  config.cluster = "sim";
  config.capacity = capacity_;
  config.boot_id = machine_.boot_id();
  if (!process_.is_up()) guard_.worker_started();
  config.lease_until = guard_.lease_until();
  config.guard_lives = guard_.is_wanted() && guard_.lives();
  counted_ = {};
  return worker::Worker::load(config, rng_.split(fmt::format("life {}", life)), std::move(records));
}

void WorkerHost::loaded() {
  const std::uint64_t g = process_.generation();
  worker::HostSampled sampled;
  sampled.machine = capacity_;
  process_.post(sampled, g);
  if (sim_.options.services > 0) sample(g);
  machine_.watch(name_, [this, g](worker::Input input) { deliver(std::move(input), g); });
}

// What its containers use: now little, now much; when the faults are over neither.
void WorkerHost::sample(std::uint64_t generation) {
  sim_.timeline.after(host_sample_every, [this, generation] {
    if (!process_.is_up() || process_.generation() != generation) return;
    static constexpr double loads[] = {5, 50, 130};
    const double load = sim_.calm ? 50 : loads[load_.below(3)];
    worker::HostSampled sampled;
    sampled.machine = capacity_;
    for (const auto& c : core().running()) sampled.usage.push_back({c.key.task, load, 0});
    process_.post(sampled, generation);
    sample(generation);
  });
}

void WorkerHost::deliver(worker::Input input, std::uint64_t generation) {
  process_.post(std::move(input), generation);
}

void WorkerHost::put(const api::Assignment& assignment, Answer answer) {
  if (assignment.fence == last_put_) sim_.hits(Hit::duplicate_put);
  last_put_ = assignment.fence;
  process_.ask(
      [&](worker::Token token) -> worker::Input {
        return worker::PutAssignment{token, assignment};
      },
      std::move(answer));
}

void WorkerHost::poll(const manager::PollFrom& poll, Answer answer) {
  process_.ask(
      [&](worker::Token token) -> worker::Input {
        worker::PollReport in;
        in.token = token;
        in.epoch = poll.epoch;
        in.session = poll.session;
        in.incarnation = poll.incarnation;
        in.change = poll.change;
        in.wait = poll.wait;
        in.manager = poll.manager;
        in.cluster = poll.cluster;
        in.lease = poll.lease;
        return in;
      },
      std::move(answer));
  if (process_.waiting() > polls_max) {
    sim_.checks.fail("{} calls wait for an answer of {}", process_.waiting(), name_);
  }
}

void WorkerHost::count(const worker::Reply& reply) {
  const auto* error = std::get_if<Error>(&reply.body);
  if (error == nullptr || error->code != Code::conflict) return;
  sim_.hits(error->message.starts_with("the assignment") ? Hit::stale_assignment : Hit::stale_poll);
}

void WorkerHost::stepped(const worker::Effects& effects) {
  const worker::Counters now = core().counters();
  sim_.hits(Hit::adopted, now.containers_adopted - counted_.containers_adopted);
  sim_.hits(Hit::sweep_found, now.sweeps_with_findings - counted_.sweeps_with_findings);
  counted_ = now;
  for (const worker::Note& note : effects.notes) {
    sim_.story.tell("  {} {}: {}", name_, note.kind, note.text);
    if (note.kind == "lease.over") sim_.hits(Hit::lease_over);
    if (note.text.find("engine was restarted") != std::string::npos) {
      sim_.hits(Hit::engine_end_forgiven);
    }
  }
}

void WorkerHost::send(worker::Effects& effects) {
  const std::uint64_t g = process_.generation();
  if (effects.lease_until) guard_.renew(*effects.lease_until);
  if (effects.wants_guard) guard_.want();
  const auto back = [this, g](worker::Input input) { deliver(std::move(input), g); };
  for (const worker::Operation& operation : effects.operations) {
    machine_.perform(name_, operation, back,
                     [this, g] { return process_.is_up() && process_.generation() == g; });
  }
  for (const worker::Probe& probe : effects.probes) machine_.probe(probe, back);
}

}  // namespace cube::sim
