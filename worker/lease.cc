// The lease: exclusive tasks run only while it is held.
//
// Each poll of the manager renews it, counted from when this worker made the report that the poll
// answers. The manager places such a task elsewhere only when the lease is over for certain, so all
// that is decided here errs on the side of having none: a poll of another session or process, a
// report of unknown time renew nothing, and nothing of it is taken from the store. What a process
// before held is handed in by the shell, which keeps it beside the guard. docs/exclusive.md

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "base/text.h"
#include "worker/impl.h"

namespace cube::worker {

void Worker::Impl::renew_lease(const PollReport& in) {
  const bool ours = in.incarnation == incarnation && node.accepted &&
                    in.epoch == node.fence.epoch && in.session == node.fence.session;
  if (!ours || in.lease.stamp == 0 || !config.keeps_lease) return;
  const auto now_us = static_cast<std::uint64_t>(now.lease_clock().us);
  if (in.lease.stamp > now_us) return;  // nothing of ours
  Instant sent{static_cast<std::int64_t>(in.lease.stamp)};
  if (CUBE_PLANTED("lease-from-the-poll")) sent = now.lease_clock();
  const Instant until = sent + std::clamp<Duration>(in.lease.ttl, 0s, limits::lease_ttl_max);
  if (until <= lease_until || until <= now.lease_clock()) return;  // late: it renews nothing
  watch_lease();  // should it have run out just now, that is told before
  lease_until = until;
  effects->lease_until = until;
}

// Each step: has it run out, or is it back?
void Worker::Impl::watch_lease() {
  const bool held = lease_held();
  if (held == lease_was_held && !lapse_from.is_zero()) return;
  const WallTime ran_out = now.wall + (lease_until - now.lease_clock());
  if (!held) lapse_from = lease_until.us == 0 ? WallTime{1} : ran_out;
  if (held && !lease_was_held) lapse_until = now.wall;
  if (held && lapse_from.is_zero()) lapse_from = lapse_until = WallTime{1};  // none so far
  if (held != lease_was_held && !exclusive.empty()) {
    note(held ? "lease.held" : "lease.over",
         held ? "exclusive tasks may run"
              : fmt::format("no word of the manager for {}: exclusive tasks are stopped",
                            format_duration(limits::lease_ttl)),
         !held);
  }
  lease_was_held = held;
  dirty.insert(exclusive.begin(), exclusive.end());
}

// What lives without a lease is to be stopped; unless the lease is back before that began. Once
// begun it is carried through: the container may have had its signal, whatever the engine answered.
void Worker::Impl::obey_lease(Attempt& a) {
  if (!a.spec.exclusive || !has_live_container(a)) return;
  const bool is_stopping =
      a.status.observed == Observed::stopping || (a.doing && a.doing->verb == Verb::stop);
  if (CUBE_PLANTED("keep-without-a-lease")) return;
  if (!lease_held() && a.backoff.stop_for == StopFor::nothing) {
    a.backoff.stop_for = StopFor::lease;
    a.backoff.stop_reason = "stopped: its lease of the manager ran out";
  } else if (lease_held() && a.backoff.stop_for == StopFor::lease && !is_stopping) {
    a.backoff.stop_for = StopFor::nothing;
    a.backoff.stop_reason.clear();
  }
}

// Did it end while there was no lease? Then the guard stopped it, or may have: an end of its own is
// told by its time, before the lease ran out.
bool Worker::Impl::lease_ended(const Attempt& a, const runtime::Container& c) const {
  if (!a.spec.exclusive || (lease_held() && lapse_until.us <= 1)) return false;
  if (c.finished.is_zero()) return !lease_held();
  if (lease_held() && c.started >= lapse_until) return false;
  return c.finished >= lapse_from && (!lease_held() || c.finished <= lapse_until);
}

// A timer stands still in suspend and the lease does not, so it is looked at every second.
Instant Worker::Impl::next_lease_look() const {
  if (exclusive.empty() || !lease_held()) return Instant::never();
  return now.mono + std::min<Duration>(lease_until - now.lease_clock(), limits::lease_look_every);
}

// Without its guard nobody would stop what is exclusive when this process dies: nothing more is
// started, and the lease is let run out, by giving the manager nothing to renew it with.
void Worker::Impl::on(GuardChanged& in) {
  if (config.keeps_lease == in.lives && config.guard_lives == in.lives) return;
  config.keeps_lease = config.guard_lives = in.lives;
  dirty.insert(exclusive.begin(), exclusive.end());
  note(in.lives ? "guard.lives" : "guard.gone",
       in.lives ? "leases are kept" : "no lease is kept until it is back", !in.lives);
}

}  // namespace cube::worker
