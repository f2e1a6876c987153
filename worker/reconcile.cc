#include "worker/reconcile.h"

#include "base/assert.h"

namespace cube::worker {
namespace {

constexpr Next nothing{};

// Must this container not live (any longer)?
bool must_stop(const Attempt& a, std::uint32_t restart, const Seen& seen) {
  if (!is_live(seen.state)) return false;
  if (a.want == Want::gone || a.want == Want::keep) return true;
  if (a.want == Want::hold) return a.backoff.stop_for == StopFor::lease;
  return restart != a.status.restart || a.status.final || a.backoff.stop_for != StopFor::nothing;
}

// Is this dead container of no more use? The newest that ran is kept for its logs until the next
// one exists; one that never ran is no use to anybody.
bool is_leftover(const Attempt& a, std::uint32_t restart, const Seen& seen) {
  if (is_live(seen.state)) return false;
  if (a.want == Want::gone || seen.broken) return true;
  if (a.want == Want::hold) return false;
  const bool never_ran = seen.state == runtime::ContainerState::created;
  if (never_ran && (restart != a.status.restart || a.status.final || a.want == Want::keep)) {
    return true;
  }
  return restart < a.containers.rbegin()->first;
}

Next first_leftover(const Attempt& a, Instant now) {
  for (const auto& [restart, seen] : a.containers) {
    if (is_leftover(a, restart, seen) && seen.remove_at <= now) return {Verb::remove, restart};
  }
  return nothing;
}

// The way to a running container of the present restart.
Next towards_running(const Attempt& a, Instant now, bool blocked) {
  if (a.want != Want::run || a.status.final || blocked || a.due > now) return nothing;
  if (a.held_end) return nothing;  // it has ended; what follows is said with the end
  const std::uint32_t restart = a.status.restart;
  const auto current = a.containers.find(restart);
  if (current == a.containers.end()) {
    return {a.needs_pull ? Verb::pull : Verb::create, restart};
  }
  if (current->second.broken) {
    return current->second.remove_at <= now ? Next{Verb::remove, restart} : nothing;
  }
  if (current->second.state == runtime::ContainerState::created) return {Verb::start, restart};
  return nothing;  // it runs, or its end is about to be recorded
}

}  // namespace

bool is_live(runtime::ContainerState state) {
  using enum runtime::ContainerState;
  switch (state) {
    case running:
    case paused:
    case restarting:
      return true;
    case created:
    case removing:
    case exited:
    case dead:
      return false;
  }
  CUBE_UNREACHABLE();
}

bool has_live_container(const Attempt& a) {
  for (const auto& [restart, seen] : a.containers) {
    if (is_live(seen.state)) return true;
  }
  return false;
}

Next next_operation(const Attempt& a, Instant now, bool blocked) {
  if (a.doing || !a.pulling.empty() || a.retry_at > now) return nothing;
  // First know: a create whose answer was lost, a container that changed behind our back.
  if (a.unsure) return {Verb::inspect, a.status.restart};
  if (a.want != Want::gone) {
    for (const auto& [restart, seen] : a.containers) {
      if (seen.stale) return {Verb::inspect, restart};
    }
  }
  // Then end what must not live, before anything new is made.
  for (const auto& [restart, seen] : a.containers) {
    if (must_stop(a, restart, seen)) return {Verb::stop, restart};
  }
  // Then run what should, and tidy up last: it is in nobody's way.
  const Next next = towards_running(a, now, blocked);
  if (next.verb != Verb::nothing) return next;
  return first_leftover(a, now);
}

}  // namespace cube::worker
