// The plan of faults: what happens when, and for how long. All of it from the seed.

#include <fmt/format.h>

#include "sim/world.h"

namespace cube::sim {

Duration World::some(Duration least, Duration most) {
  const auto span = static_cast<std::uint64_t>((most - least).count());
  return least + Duration(static_cast<std::int64_t>(faults_.below(span + 1)));
}

CrashAt World::crash_point() {
  static constexpr CrashAt points[] = {CrashAt::before_commit, CrashAt::after_commit,
                                       CrashAt::after_answers};
  return points[faults_.below(3)];
}

void World::next_fault() {
  sim_.timeline.after(some(1ms, 2 * sim_.options.fault_every), [this] {
    if (sim_.calm) return;
    const auto fault = static_cast<Fault>(faults_.below(fault_kinds - ingress_fault_kinds));
    if (sim_.options.has(fault)) {
      sim_.story.mix(name(fault));
      strike(fault);
    }
    next_fault();
  });
}

void World::next_ingress_fault() {
  const auto draw = [this](std::int64_t most_ms) {
    return static_cast<std::int64_t>(
               ingress_faults_.below(static_cast<std::uint64_t>(most_ms) + 1)) *
           1ms;
  };
  sim_.timeline.after(draw(30'000), [this, draw] {
    if (sim_.calm) return;
    IngressHost& ingress = *ingresses_[ingress_faults_.below(ingresses_.size())];
    const bool is_cut = ingress_faults_.below(2) == 0;
    const Duration span = draw(ingress_faults_.below(3) == 0 ? 60'000 : 8'000);
    if (is_cut && sim_.options.has(Fault::ingress_cut)) {
      sim_.story.tell("fault: ingress {} is cut off for {} ms", ingress.name(), span / 1ms);
      ingress.cut_until(sim_.timeline.now() + span);
    } else if (!is_cut && sim_.options.has(Fault::ingress_crash)) {
      ingress.crash();
      sim_.timeline.after(span, [&ingress] { ingress.start(); });
    }
    next_ingress_fault();
  });
}

void World::strike(Fault fault) {
  switch (fault) {
    case Fault::manager_crash:
    case Fault::manager_pause:
    case Fault::manager_no_space:
    case Fault::manager_io_error:
      return strike_manager(fault);
    case Fault::worker_crash:
    case Fault::worker_pause:
    case Fault::worker_no_space:
    case Fault::worker_io_error:
    case Fault::guard_kill:
      return strike_worker(fault);
    case Fault::cut:
      return cut(any_worker());
    case Fault::slow_way:
      return slow_down(any_worker());
    case Fault::cut_most:
      return cut_most();
    case Fault::forget_node:
      return forget_a_node();
    case Fault::container_exit:
    case Fault::container_silent:
    case Fault::container_signal:
    case Fault::container_removed:
    case Fault::images_removed:
    case Fault::port_taken:
      return any_machine().misfortune(fault);
    case Fault::reboot:
    case Fault::engine_kill:
    case Fault::engine_term:
    case Fault::engine_hang:
    case Fault::engine_stream:
    case Fault::clock_jump:
      return strike_machine(fault);
    case Fault::ingress_crash:
    case Fault::ingress_cut:
      return;  // next_ingress_fault()
  }
}

void World::strike_manager(Fault fault) {
  auto& process = manager_->process();
  const Duration span = some(100ms, faults_.below(3) == 0 ? 60s : 8s);
  sim_.story.tell("fault: {} for {} ms", name(fault), span / 1ms);
  switch (fault) {
    case Fault::manager_crash:
      // What ends a manager may take a part of the network with it.
      if (sim_.options.has(Fault::cut) && faults_.below(3) == 0) {
        cut_both_ways(any_worker(), some(15s, 60s));
      }
      if (faults_.below(3) == 0) return process.crash_at(crash_point());
      process.crash();
      sim_.timeline.after(span, [&process] { process.start(); });
      return;
    case Fault::manager_pause:
      return process.pause_until(sim_.timeline.now() + span);
    case Fault::manager_no_space:
      process.disk().fill(true);
      sim_.timeline.after(span, [&process] { process.disk().fill(false); });
      return;
    default:
      return process.disk().break_next();
  }
}

void World::strike_worker(Fault fault) {
  WorkerHost& w = any_worker();
  auto& process = w.process();
  Duration span = some(100ms, faults_.below(3) == 0 ? 60s : 8s);
  // Not the worker and its guard at once: an exclusive task rests on that (docs/exclusive.md).
  if (fault == Fault::guard_kill) {
    const bool stands_still = faults_.below(3) == 0;
    if (process.is_safe() && w.guard().lives()) w.guard().kill(stands_still);
    return;
  }
  if (w.guard().is_wanted() && !w.guard().lives() && fault != Fault::worker_no_space) return;
  sim_.story.tell("fault: {} {} for {} ms", name(fault), w.name(), span / 1ms);
  switch (fault) {
    case Fault::worker_crash:
      if (faults_.below(3) == 0) return process.crash_at(crash_point());
      process.crash();
      w.machine().unwatch(w.name());
      sim_.timeline.after(span, [&process] { process.start(); });
      return;
    case Fault::worker_pause:
      return process.pause_until(sim_.timeline.now() + span);
    case Fault::worker_no_space:
      process.disk().fill(true);
      if (sim_.options.has(Fault::cut) && faults_.below(3) == 0) {  // and nobody there to see it
        span = some(20s, 60s);
        cut_both_ways(w, span);
      }
      sim_.timeline.after(span, [&process] { process.disk().fill(false); });
      return;
    default:
      return process.disk().break_next();
  }
}

void World::strike_machine(Fault fault) {
  Machine& m = any_machine();
  const Duration span = some(100ms, faults_.below(3) == 0 ? 60s : 8s);
  switch (fault) {
    case Fault::engine_kill:
      m.engine_killed();
      break;
    case Fault::engine_term:
      m.engine_terminated();
      break;
    case Fault::engine_hang:
      return m.engine_hangs(span);
    case Fault::engine_stream:
      return m.stream_breaks();
    case Fault::clock_jump: {
      const Duration to = some(0s, 22h) - 11h;
      sim_.story.tell("fault: a calendar jumps to {} s from the true one", to / 1s);
      if (faults_.below(2) == 0) return manager_->jump_clock(to);
      return m.jump_clock(to);
    }
    default: {  // a reboot: the workers go with it
      for (auto& w : workers_) {
        if (&w->machine() != &m) continue;
        w->process().crash();
        w->guard().machine_rebooted();
        auto& process = w->process();
        sim_.timeline.after(span + 1s, [&process] { process.start(); });
      }
      m.reboot();
      break;
    }
  }
  sim_.timeline.after(span, [&m] { m.engine_up(); });
}

void World::cut(WorkerHost& w) {
  const Instant until = sim_.timeline.now() + some(500ms, faults_.below(3) == 0 ? 90s : 15s);
  const std::uint64_t how = faults_.below(4);
  sim_.story.tell("fault: {} is cut off ({}) until {} ms", w.name(),
                  how == 0   ? "the way there"
                  : how == 1 ? "the way back"
                             : "both ways",
                  until.us / 1000 - 1'000'000);
  Way& way = manager_->way(w.name());
  if (how != 1) way.out_cut_until = std::max(way.out_cut_until, until);
  if (how != 0) way.back_cut_until = std::max(way.back_cut_until, until);
}

void World::cut_both_ways(WorkerHost& w, Duration span) {
  Way& way = manager_->way(w.name());
  way.out_cut_until = way.back_cut_until = sim_.timeline.now() + span;
  sim_.story.tell("fault: {} is cut off for {} ms", w.name(), span / 1ms);
}

void World::slow_down(WorkerHost& w) {
  Way& way = manager_->way(w.name());
  way.slow_until = sim_.timeline.now() + some(5s, 60s);
  way.slow_by = some(1s, 12s);
  sim_.story.tell("fault: all that goes to {} or comes from there takes {} ms longer", w.name(),
                  way.slow_by / 1ms);
}

void World::cut_most() {
  const Instant until = sim_.timeline.now() + some(5s, 60s);
  sim_.story.tell("fault: most nodes are cut off");
  for (auto& w : workers_) {
    if (faults_.below(5) == 0) continue;
    Way& way = manager_->way(w->name());
    way.out_cut_until = way.back_cut_until = std::max(way.back_cut_until, until);
  }
}

// An operator gives a node up. It makes itself known again, if it announces itself.
void World::forget_a_node() {
  auto& process = manager_->process();
  const std::string node = any_worker().name();
  if (!sim_.options.workers_join || !process.is_up()) return;
  process.ask(
      [&](manager::Token token) -> manager::Input {
        return manager::ForgetNode{token, node};
      },
      [](const auto*) {});
}

}  // namespace cube::sim
