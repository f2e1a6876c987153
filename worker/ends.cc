// How containers end, and what follows: restart, or final.

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "worker/backoff.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

// An end so shortly before the engine went away was most likely its going: an engine that is told
// to end gives its containers up to 15 s.
constexpr Duration engine_going = 20s;
// A last end that may be the engine's going is said this much later,
constexpr Duration last_end_held_for = 2s;
// and a signal is remembered this long: the engine may be back only minutes after it sent it.
constexpr Duration signal_remembered_for = 10min;
constexpr Duration stopped_local_kept_for = 1h;

bool counts_against_maximum(Failure failure) {
  switch (failure) {
    case Failure::exit:
    case Failure::oom:
    case Failure::node:
      return true;
    case Failure::none:
    case Failure::unhealthy:
    case Failure::spec:
    case Failure::engine:
      return false;
  }
  CUBE_UNREACHABLE();
}

// Does a restart follow this end? `counted`: failures in a row against the maximum, this included.
bool restart_follows(const RestartPolicy& policy, Origin origin, const End& end,
                     std::uint32_t counted) {
  switch (end.failure) {
    case Failure::engine:
      return true;
    case Failure::spec:
      return false;  // it can never start
    case Failure::unhealthy:
      return policy.kind != RestartPolicy::Kind::no;
    case Failure::node:
      if (!end.ran && origin == Origin::manager) return false;  // the manager looks elsewhere
      break;
    case Failure::none:
    case Failure::exit:
    case Failure::oom:
      break;
  }
  if (!policy.restarts_after(end.failure == Failure::none)) return false;
  const auto max = policy.max_in_a_row();
  return !max || counted <= *max;
}

// Stopped, and meant to go on when it may: neither a failure of the task nor an end of its work.
bool is_wish(StopFor stop_for) {
  return stop_for == StopFor::request || stop_for == StopFor::lease;
}

// The counts of an attempt as an end leaves them.
struct Tally {
  Backoff backoff;
  std::uint32_t failures = 0;  // in a row, for people
};

Tally tally(const Attempt& a, const End& end) {
  Tally out{a.backoff, a.status.failures};
  if (end.failure == Failure::engine) return out;  // nobody's fault
  // Of what fell ill the healthy part counts: what never was healthy that long runs no good run.
  const Duration good = end.failure == Failure::unhealthy ? end.healthy_for : end.ran_for;
  if (good >= limits::restart_good_run) out = {};
  ++out.backoff.ends;
  if (end.failure == Failure::none) {
    out.failures = out.backoff.counted = 0;
  } else {
    ++out.failures;
    if (counts_against_maximum(end.failure)) ++out.backoff.counted;
  }
  return out;
}

}  // namespace

// States of one container only go forward; what would go back only changes the words.
void Worker::Impl::observe(Attempt& a, Observed to, std::string reason) {
  if (move_allowed(Actor::worker, a.status.observed, to)) a.status.observed = to;
  a.status.reason = std::move(reason);
}

// The engine shows the container as over, inspected. Counted once: the restart number moves on, or
// the attempt is final.
void Worker::Impl::container_ended(Attempt& a, std::uint32_t restart, const runtime::Container& c) {
  if (restart != a.status.restart || a.status.final || a.held_end) return;
  const Seen& seen = a.containers.at(restart);
  End end = end_of(c, a.spec, seen.oom);
  end.signalled = was_signalled(c);
  if (a.backoff.stop_for == StopFor::nothing && lease_ended(a, c)) {
    a.backoff.stop_for = StopFor::lease;
    a.backoff.stop_reason = "stopped by the guard: its lease ran out";
  }
  if (a.backoff.stop_for == StopFor::unhealthy) {
    end.failure = Failure::unhealthy;
    end.healthy_for = a.probing.good_until - a.probing.good_since;
    end.reason = a.backoff.stop_reason;
  } else if (was_engines_doing(a, seen, c)) {
    end.failure = Failure::engine;
    end.reason =
        seen.engine_died ? "the machine was restarted" : "the container engine was restarted";
  }
  engine.signalled.erase(c.id);
  if (end.signalled && a.want == Want::run && is_last(a, end)) return hold(a, std::move(end));
  ended(a, std::move(end));
}

bool Worker::Impl::was_engines_doing(const Attempt& a, const Seen& seen,
                                     const runtime::Container& c) const {
  if (a.want != Want::run) return false;
  if (seen.engine_died) return true;
  if (engine.info.live_restore || engine.away_from.is_zero()) return false;
  // A success just before is more likely the task's own, unless a signal made it end.
  const bool own = c.exit_code == 0 && !was_signalled(c);
  const Duration before = own ? Duration::zero() : engine_going;
  return c.finished.is_zero() ||
         (c.finished + before >= engine.away_from && c.finished <= engine.away_until);
}

// --- Ends after a signal of somebody else -----------------------------------------------------

// An engine that goes down signals every container before it ends itself; so does a person.
void Worker::Impl::killed(const Attempt& a, const Seen& seen) {
  const bool ours = a.doing && (a.doing->verb == Verb::stop || a.doing->verb == Verb::remove);
  if (ours || !is_live(seen.state)) return;
  std::erase_if(engine.signalled,
                [&](const auto& entry) { return entry.second + signal_remembered_for < now.wall; });
  engine.signalled[seen.id] = now.wall;
}

bool Worker::Impl::was_signalled(const runtime::Container& c) const {
  const auto found = engine.signalled.find(c.id);
  return found != engine.signalled.end() && c.finished <= found->second + engine_going;
}

// Has a container that was signalled lately not ended yet? The engine waits for it, too.
bool Worker::Impl::engine_may_be_going() const {
  return std::any_of(engine.signalled.begin(), engine.signalled.end(),
                     [&](const auto& entry) { return entry.second + engine_going >= now.wall; });
}

// Would this end be the attempt's last, as things stand?
bool Worker::Impl::is_last(const Attempt& a, const End& end) const {
  if (is_wish(a.backoff.stop_for)) return false;
  return !restart_follows(a.spec.restart, a.origin, end, tally(a, end).backoff.counted);
}

// A last end is for ever, in the manager's books as well: when it may turn out to have been the
// engine's doing it is said a little later. A restart waits for nothing.
void Worker::Impl::hold(Attempt& a, End end) {
  a.status.reason = "ended after a signal from outside; waiting for the engine";
  a.held_end = HeldEnd{std::move(end), now.mono, now.mono + last_end_held_for};
  a.probing = {};
  mark(a);
}

// Says a held end once it is known to have been no doing of the engine, or does not matter.
void Worker::Impl::release_held(Attempt& a) {
  if (!a.held_end) return;
  const bool waits = a.want == Want::run && a.backoff.stop_for == StopFor::nothing;
  if (waits && a.held_end->until > now.mono) return;
  if (waits && engine_may_be_going() && now.mono < a.held_end->since + engine_going) {
    a.held_end->until = now.mono + last_end_held_for;
    return;
  }
  End end = std::move(a.held_end->end);
  a.held_end.reset();
  ended(a, std::move(end));
}

// The engine went away while the end was held: it was the engine's doing.
void Worker::Impl::engine_took_held(Attempt& a) {
  End end = std::move(a.held_end->end);
  a.held_end.reset();
  end.failure = Failure::engine;
  end.reason = "the container engine was restarted";
  ended(a, std::move(end));
}

// --- What follows -----------------------------------------------------------------------------

// A container that was there is not: somebody removed it. One that was not started is made again.
void Worker::Impl::vanished(Attempt& a, std::uint32_t restart) {
  a.containers.erase(restart);
  if (restart != a.status.restart || a.status.final || a.held_end) return;
  if (!may_have_run(a.status.observed)) return;
  End end;
  if (a.status.observed == Observed::starting) {
    // Nobody saw it run, but it may have: the next one gets a number of its own, and nobody a
    // blame.
    end.failure = Failure::engine;
    end.reason = "the container was gone before it was seen running";
    return ended(a, std::move(end));
  }
  end.ran = true;
  end.started = a.status.started;
  end.finished = now.wall;
  end.ran_for = std::max(Duration::zero(), now.wall - a.status.started);
  if (a.backoff.stop_for == StopFor::unhealthy) {
    end.failure = Failure::unhealthy;
    end.healthy_for = a.probing.good_until - a.probing.good_since;
    end.reason = a.backoff.stop_reason;
  } else if (boot_changed) {
    end.failure = Failure::engine;
    end.reason = "the machine was restarted";
  } else {
    end.failure = Failure::exit;
    end.reason = "container was removed by someone else";
  }
  ended(a, std::move(end));
  a.recent_end.reset();  // somebody's doing, not the engine's
}

void Worker::Impl::could_not_start(Attempt& a, Failure failure, const std::string& reason) {
  End end;
  end.failure = failure;
  end.reason = "could not start: " + reason;
  end.finished = now.wall;
  ended(a, std::move(end));
}

void Worker::Impl::ended(Attempt& a, End end) {
  a.forget_tries();
  const auto found = a.containers.find(a.status.restart);
  if (found != a.containers.end()) {
    found->second.stale = false;
    found->second.broken = !end.ran;
  }
  if (end.ran) ++counters.containers_exited;
  if (!a.recent_end || now.mono - a.recent_end->at > engine_going) {
    a.recent_end = RecentEnd{now.mono, end.finished, a.backoff, a.status.failures, end.signalled};
  }
  a.probing = {};
  a.renewed = false;
  a.retry_at = Instant{0};
  a.status.health = Health::unknown;
  a.status.exit_code = end.exit_code;
  if (!end.started.is_zero()) a.status.started = end.started;
  a.status.finished = end.finished.is_zero() ? now.wall : end.finished;

  const StopFor stop_for = std::exchange(a.backoff.stop_for, StopFor::nothing);
  const bool asked = a.want == Want::keep || a.want == Want::gone || is_wish(stop_for);
  if (asked) {
    end.failure = Failure::none;
    end.reason = is_wish(stop_for) ? a.backoff.stop_reason : "stopped on request";
  }
  a.backoff.stop_reason.clear();
  a.status.failure = end.failure;
  if (a.want != Want::run) return make_final(a, end);
  if (is_wish(stop_for)) {
    a.backoff.delay = Duration::zero();
    return next_restart(a, end);
  }
  Tally counts = tally(a, end);
  a.backoff = std::move(counts.backoff);
  a.status.failures = counts.failures;
  if (!restart_follows(a.spec.restart, a.origin, end, a.backoff.counted)) return make_final(a, end);
  a.backoff.delay = end.failure == Failure::engine
                        ? Duration::zero()
                        : restart_delay(a.backoff.ends, chance.below(backoff_chance_max + 1));
  next_restart(a, end);
}

void Worker::Impl::next_restart(Attempt& a, const End& end) {
  ++counters.restarts;
  if (!CUBE_PLANTED("reuse-the-restart")) ++a.status.restart;
  a.status.observed = Observed::waiting;
  a.status.container_ip.clear();
  a.status.host_ports.clear();
  a.backoff.decided = now.wall;
  a.due = now.mono + a.backoff.delay;
  const std::string pause =
      a.backoff.delay > Duration::zero() ? " in " + pause_in_words(a.backoff.delay) : std::string();
  a.status.reason = fmt::format("restart {}{}; last: {}", a.status.restart, pause, end.reason);
  note("task.restarting", fmt::format("{}: {}", a.spec.name, a.status.reason));
  mark(a);
}

void Worker::Impl::make_final(Attempt& a, const End& end) {
  a.status.observed = Observed::exited;
  a.status.final = true;
  a.status.container_ip.clear();
  a.status.host_ports.clear();
  if (a.status.finished.is_zero()) a.status.finished = now.wall;
  a.status.failure = end.failure;
  a.status.reason = end.reason;
  const auto max = a.spec.restart.max_in_a_row();
  if (max && *max > 0 && a.backoff.counted > *max) {
    a.status.reason += fmt::format("; failed {} times in a row, its policy allows {} restarts",
                                   a.backoff.counted, *max);
  }
  note(end.failure == Failure::none ? "task.exited" : "task.failed",
       fmt::format("{}: {}", a.spec.name, a.status.reason), end.failure != Failure::none);
  mark(a);
}

// The engine is away. Failures of the last moments, and what ended after a signal, were its going:
// they are taken back as long as nothing runs because of them.
void Worker::Impl::forgive_recent_ends() {
  for (auto& [key, a] : attempts) {
    if (a.held_end && !engine.info.live_restore) engine_took_held(a);
    if (!a.recent_end || now.mono - a.recent_end->at > engine_going) continue;
    // What the manager was told as the last end is the last: it may have given the room away.
    const bool is_told = a.status.final && a.origin == Origin::manager && a.change <= told;
    if (is_told) continue;
    const RecentEnd recent = *a.recent_end;
    a.recent_end.reset();
    const bool may_be_its_going =
        recent.signalled || a.status.failure == Failure::exit || a.status.failure == Failure::oom;
    const bool nothing_runs = a.status.final || a.status.observed < Observed::running;
    if (engine.info.live_restore || a.want != Want::run || !may_be_its_going ||
        recent.finished + engine_going < now.wall) {
      continue;
    }
    if (!nothing_runs) {  // its successor ends with the engine: only the count is taken back
      if (!recent.signalled) continue;
      a.backoff.ends = recent.backoff_before.ends;
      a.backoff.counted = recent.backoff_before.counted;
      a.status.failures = recent.failures_before;
      mark(a);
      continue;
    }
    const bool was_final = std::exchange(a.status.final, false);
    const bool under_way = !was_final && a.status.observed != Observed::waiting;
    a.backoff = recent.backoff_before;
    a.backoff.delay = Duration::zero();
    a.backoff.decided = now.wall;
    a.status.failures = recent.failures_before;
    a.status.failure = Failure::engine;
    if (was_final) ++a.status.restart;
    if (!under_way) a.status.observed = Observed::waiting;
    a.status.reason =
        fmt::format("restart {}; last: the container engine was restarted", a.status.restart);
    a.due = now.mono;
    mark(a);
  }
}

// Nothing is left to do for an attempt that should not run: say so, or forget it.
void Worker::Impl::settle(Attempt& a) {
  if (a.want == Want::run || a.want == Want::hold || a.doing || a.unsure) return;
  if (engine.state != Engine::State::ready && !CUBE_PLANTED("gone-without-looking")) {
    return;  // containers may be there that nobody listed
  }
  if (has_live_container(a)) return;
  if (a.want == Want::keep) {
    const bool never_ran = a.containers.empty();
    if (!a.status.final && !a.containers.contains(a.status.restart)) {
      make_final(a, {.reason = never_ran ? "stopped before it ran" : "stopped on request"});
    }
    return;
  }
  if (!a.containers.empty()) return;
  if (a.origin == Origin::manager) return erase(a.key);
  if (!a.expires.is_never()) return;  // told already
  if (!a.status.final) make_final(a, {.reason = "stopped on request"});
  a.status.container_id.clear();
  a.expires = now.mono + stopped_local_kept_for;
}

}  // namespace cube::worker
