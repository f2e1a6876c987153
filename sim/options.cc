#include "sim/options.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/rng.h"

namespace cube::sim {
namespace {

constexpr std::array<std::string_view, fault_kinds> fault_names = {"manager-crash",
                                                                   "manager-pause",
                                                                   "manager-no-space",
                                                                   "manager-io-error",
                                                                   "worker-crash",
                                                                   "worker-pause",
                                                                   "worker-no-space",
                                                                   "worker-io-error",
                                                                   "reboot",
                                                                   "cut",
                                                                   "cut-most",
                                                                   "engine-kill",
                                                                   "engine-term",
                                                                   "engine-hang",
                                                                   "engine-stream",
                                                                   "container-exit",
                                                                   "container-silent",
                                                                   "container-signal",
                                                                   "container-removed",
                                                                   "images-removed",
                                                                   "port-taken",
                                                                   "clock-jump",
                                                                   "forget-node",
                                                                   "guard-kill",
                                                                   "slow-way",
                                                                   "ingress-crash",
                                                                   "ingress-cut"};

// The lease's margin is for this and for the engine together (docs/exclusive.md).
constexpr std::uint64_t clock_drift_ppm_max = 50'000;

std::int64_t ms(Duration d) {
  return d / 1ms;
}

}  // namespace

std::string_view name(Fault f) {
  const auto index = static_cast<std::size_t>(f);
  CUBE_ASSERT(index < fault_names.size());
  return fault_names[index];
}

Options Options::draw(std::uint64_t seed) {
  Rng rng = Rng(seed).split("options");
  const auto pick = [&](std::uint64_t bound) {
    return static_cast<std::uint32_t>(rng.below(bound));
  };
  Options o;
  o.seed = seed;
  o.nodes = 1 + pick(5);
  o.clients = 1 + pick(3);
  o.tasks_max = 4 + pick(21);
  o.chaos = (40 + pick(110)) * 1s;
  o.fault_every = (400 + pick(5000)) * 1ms;
  // Each life knows some kinds of faults only: what one kind would hide another life shows.
  for (std::size_t f = 0; f < fault_kinds - ingress_fault_kinds; ++f) {
    if (pick(100) < 45) o.faults |= 1U << f;
  }
  o.policy = static_cast<scheduler::Policy>(pick(4));
  o.workers_join = pick(2) == 0;
  o.shared_machine = o.nodes >= 2 && pick(5) == 0;
  o.live_restore = pick(4) == 0;
  o.codec = pick(16) == 0;
  o.lost = pick(3) == 0 ? 0 : pick(120);
  o.duplicated = pick(3) == 0 ? 0 : pick(150);
  o.held = pick(2) == 0 ? 0 : pick(20);
  o.delay_max = pick(4) == 0 ? pick(3000) * 1ms : pick(80) * 1ms;
  o.op_fails = pick(3) == 0 ? 0 : pick(60);
  o.op_answer_lost = pick(3) == 0 ? 0 : pick(60);
  o.op_late = pick(2) == 0 ? 0 : pick(40);
  o.op_delay_max = pick(4) == 0 ? pick(4000) * 1ms : pick(300) * 1ms;
  o.pull_max = pick(3) == 0 ? pick(60) * 1s : pick(2000) * 1ms;
  o.exclusive = pick(3) == 0 ? 0 : 100 + pick(500);
  o.drift_ppm_max = pick(3) == 0 ? 0 : pick(clock_drift_ppm_max);
  o.services = pick(5) < 2 ? 0 : 1 + pick(3);
  o.ingresses = o.services == 0 ? 0 : pick(3);
  for (std::size_t f = fault_kinds - ingress_fault_kinds; f < fault_kinds; ++f) {
    if (pick(2) == 0) o.faults |= 1U << f;
  }
  return o;
}

std::string Options::str() const {
  std::string kinds;
  for (std::size_t f = 0; f < fault_kinds; ++f) {
    if (has(static_cast<Fault>(f))) kinds += fmt::format(" {}", fault_names[f]);
  }
  return fmt::format(
      "seed {} nodes {} clients {} tasks {} chaos {} ms, a fault every {} ms, policy {}{}{}{}{}; "
      "network lost {} duplicated {} held {} of 1000, delay to {} ms; engine fails {} answer-lost "
      "{} late {} of 1000, delay to {} ms, pull to {} ms; exclusive {} of 1000, clocks drift to {} "
      "ppm; services {}, ingresses {}; faults:{}",
      seed, nodes, clients, tasks_max, ms(chaos), ms(fault_every), scheduler::name(policy),
      workers_join ? ", workers join" : "", shared_machine ? ", shared machine" : "",
      live_restore ? ", live-restore" : "", codec ? ", through JSON" : "", lost, duplicated, held,
      ms(delay_max), op_fails, op_answer_lost, op_late, ms(op_delay_max), ms(pull_max), exclusive,
      drift_ppm_max, services, ingresses, kinds.empty() ? " none" : kinds);
}

}  // namespace cube::sim
