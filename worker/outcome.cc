// What engine operations came back with.

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "worker/engine.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

constexpr std::uint32_t tries_max = 3;  // again, after a failure for no known reason
// A registry may be away for longer: for a task that nothing else ever gives up.
constexpr std::uint32_t registry_tries_max = 7;
constexpr Duration try_again_first = 1s;
constexpr Duration try_again_max = 1min;
constexpr Duration engine_try_again = 1s;
constexpr Duration progress_told_every = 500ms;

std::uint32_t tries_allowed(const RestartPolicy& policy, runtime::EngineError::Kind kind) {
  const bool patient =
      kind == runtime::EngineError::Kind::no_registry && !policy.max_in_a_row().has_value();
  return patient ? registry_tries_max : tries_max;
}

Duration try_again_after(std::uint32_t tries) {
  Duration pause = try_again_first;
  for (std::uint32_t n = 1; n < tries && pause < try_again_max; ++n) pause *= 2;
  return std::min<Duration>(pause, try_again_max);
}

}  // namespace

void Worker::Impl::on(OperationDone& in) {
  if (std::holds_alternative<runtime::EngineError>(in.outcome)) ++counters.operation_errors;
  if (in.op == engine.list_op) return listed(in.outcome);
  for (auto it = pulls.begin(); it != pulls.end(); ++it) {
    if (it->second.op != in.op) continue;
    Pull pull = std::move(it->second);
    pulls.erase(it);
    --pulls_under_way;
    pulled(std::move(pull), in.outcome);
    return send_pulls();
  }
  const auto found = operations.find(in.op);
  if (found == operations.end()) return;  // a list from before a reconnect
  const auto [key, slot] = found->second;
  operations.erase(found);
  release_slot(slot);
  Attempt& a = attempts.at(key);  // never erased while an operation is under way
  const Doing was = *a.doing;
  a.doing.reset();
  a.touched = step_no;
  if (const auto* error = std::get_if<runtime::EngineError>(&in.outcome)) {
    failed(a, was, *error);
  } else {
    succeeded(a, was, in.outcome);
  }
  if (std::exchange(a.news, false)) {
    // Of whichever of its containers: one may have ended while its predecessor was being removed.
    for (auto& [restart, seen] : a.containers) seen.stale |= is_live(seen.state);
  }
  mark(a);
}

void Worker::Impl::succeeded(Attempt& a, const Doing& was, OperationOutcome& outcome) {
  switch (was.verb) {
    case Verb::nothing:
    case Verb::pull:
      CUBE_UNREACHABLE();
    case Verb::inspect:
    case Verb::start: {
      const auto& container = std::get<runtime::Container>(outcome);
      const auto labelled = container_key(container.labels);
      if (!is_ours(container.labels) || !labelled || labelled->attempt != a.key) {
        a.unsure = false;
        return could_not_start(a, Failure::node,
                               fmt::format("the container name {} is taken by someone else's "
                                           "container",
                                           container.name));
      }
      if (was.verb == Verb::start) ++counters.containers_started;
      if (was.restart == a.status.restart) a.unsure = false;
      if (was.verb == Verb::start) {
        a.forget_tries();
        a.renewed = false;
      }
      return absorb(a, was.restart, container);
    }
    case Verb::create: {
      a.forget_tries();
      a.pulled = false;  // the image may be removed again before the next restart
      Seen seen;
      seen.id = std::get<std::string>(outcome);
      a.containers[was.restart] = std::move(seen);
      return;
    }
    case Verb::stop: {
      a.forget_tries();
      const auto seen = a.containers.find(was.restart);
      if (seen == a.containers.end()) return;
      seen->second.state = runtime::ContainerState::exited;
      seen->second.stale = true;  // how it ended is to be looked up
      return;
    }
    case Verb::remove:
      a.forget_tries();
      if (a.containers.at(was.restart).id == a.status.container_id) a.status.container_id.clear();
      a.containers.erase(was.restart);
      return;
  }
  CUBE_UNREACHABLE();
}

void Worker::Impl::failed(Attempt& a, const Doing& was, const runtime::EngineError& error) {
  using enum runtime::EngineError::Kind;
  const bool makes = was.verb == Verb::create || was.verb == Verb::start;
  switch (error.kind) {
    case unavailable:
      return engine_was_away(a, was, error.message);
    case not_found:
      return not_found_by(a, was, error.message);
    case no_image:
      if (was.verb != Verb::create) break;
      if (a.spec.pull == TaskSpec::Pull::never) {
        return could_not_start(
            a, Failure::node,
            fmt::format("image {} is not on this node (PullPolicy never)", a.spec.image));
      }
      if (a.pulled) break;  // pulled, and yet not there: strange enough to try a few times
      a.needs_pull = true;
      return;
    case name_in_use:
      // Ours, when the answer of an earlier create was lost; its labels will tell.
      if (was.verb != Verb::create) break;
      a.unsure = true;
      if (a.tries > 0) break;
      ++a.tries;
      return;
    case port_in_use:
    case no_space:
      if (makes) return could_not_start(a, Failure::node, error.message);
      break;
    case bad_spec:
      if (makes) return could_not_start(a, Failure::spec, error.message);
      break;
    case no_registry:
      break;
    case other:
      if (was.verb == Verb::start && a.tries > 0 && !a.renewed) return renew(a, was, error);
      break;
  }
  try_again(a, was, error);
}

// An engine that was killed in the middle of a start can refuse to start that container for ever
// ("task ...: already exists"). A new one in its place has nothing to do with that; once, since
// what fails then fails for another reason.
void Worker::Impl::renew(Attempt& a, const Doing& was, const runtime::EngineError& error) {
  const auto seen = a.containers.find(was.restart);
  if (seen == a.containers.end()) return try_again(a, was, error);
  a.renewed = true;
  seen->second.broken = true;
  a.status.reason = fmt::format("{}; trying again in a new container", error.message);
  note("container.renewed", fmt::format("{}: {}", a.spec.name, error.message), true);
}

// The engine did not answer: nobody's failure. The effect is unknown, so look before going on.
void Worker::Impl::engine_was_away(Attempt& a, const Doing& was, const std::string& message) {
  if (was.verb == Verb::create) a.unsure = true;
  const auto seen = a.containers.find(was.restart);
  if (seen != a.containers.end()) seen->second.stale = true;
  a.retry_at = now.mono + engine_try_again;
  if (a.status.observed != Observed::running && a.due <= now.mono) {
    a.status.reason = "engine away: " + message;
  }
}

void Worker::Impl::not_found_by(Attempt& a, const Doing& was, const std::string& message) {
  if (was.verb == Verb::create)
    return try_again(a, was, {runtime::EngineError::Kind::not_found, message});
  if (was.restart == a.status.restart) a.unsure = false;  // so the create had no effect
  if (a.containers.contains(was.restart)) vanished(a, was.restart);
}

// The engine keeps a container that is of no use (a busy mount, a `dead` one): it is tried again
// for ever, but an attempt that has to run goes on in a container of another name.
void Worker::Impl::remove_again(Attempt& a, const Doing& was, const runtime::EngineError& error) {
  Seen& seen = a.containers.at(was.restart);
  const Duration pause = try_again_after(++seen.remove_tries);
  seen.remove_at = now.mono + pause;
  const bool in_the_way =
      was.restart == a.status.restart && seen.broken && a.want == Want::run && !a.status.final;
  if (in_the_way && seen.remove_tries >= tries_max) {
    note("container.stuck",
         fmt::format("{}: the engine does not remove container {}: {}", a.spec.name,
                     seen.id.substr(0, 12), error.message),
         true);
    a.backoff.delay = Duration::zero();
    return next_restart(a, {.reason = "its container cannot be removed: " + error.message});
  }
  if (in_the_way || a.want == Want::gone) {
    a.status.reason = fmt::format("{}; trying again in {}", error.message, pause_in_words(pause));
  }
}

// A failure that may pass: again after a pause; what starts gives up after a few times, what
// stops never does.
void Worker::Impl::try_again(Attempt& a, const Doing& was, const runtime::EngineError& error) {
  if (was.verb == Verb::remove) return remove_again(a, was, error);
  ++a.tries;
  const bool starts = was.verb == Verb::pull || was.verb == Verb::create || was.verb == Verb::start;
  if (starts && a.want == Want::run && !a.status.final &&
      a.tries > tries_allowed(a.spec.restart, error.kind)) {
    a.unsure = false;
    return could_not_start(a, Failure::node, error.message);
  }
  if (starts) {
    ++a.status.failures;
    ++a.failed_tries;
  }
  // Without a lease it must not live, however often the engine fails to stop it.
  const Duration pause = lacks_lease(a) ? engine_try_again : try_again_after(a.tries);
  a.retry_at = now.mono + pause;
  if (a.status.observed != Observed::running) {
    a.status.reason = fmt::format("{}; trying again in {}", error.message, pause_in_words(pause));
  }
}

// --- Pulls ------------------------------------------------------------------------------------

void Worker::Impl::on(PullProgress& in) {
  for (auto& [key, pull] : pulls) {
    if (pull.op != in.op) continue;
    if (now.mono - pull.told < progress_told_every) return;
    pull.told = now.mono;
    for (const AttemptKey& waiter : pull.waiters) {
      Attempt& a = attempts.at(waiter);
      a.status.reason = fmt::format("pulling image {}: {}", pull.image, in.text);
      mark(a);
    }
    return;
  }
}

void Worker::Impl::pulled(Pull pull, const OperationOutcome& outcome) {
  using enum runtime::EngineError::Kind;
  const auto* error = std::get_if<runtime::EngineError>(&outcome);
  for (const AttemptKey& waiter : pull.waiters) {
    Attempt& a = attempts.at(waiter);
    a.pulling.clear();
    a.touched = step_no;
    mark(a);
    if (error == nullptr) {
      a.pulled = true;
      a.needs_pull = false;
      a.forget_tries();
    } else if (error->kind == unavailable) {
      engine_was_away(a, {0, Verb::pull, a.status.restart}, error->message);
    } else if (error->kind == other || error->kind == not_found || error->kind == no_registry) {
      try_again(a, {0, Verb::pull, a.status.restart},
                {error->kind, fmt::format("image {}: {}", pull.image, error->message)});
    } else {
      could_not_start(a, Failure::node, fmt::format("image {}: {}", pull.image, error->message));
    }
  }
}

}  // namespace cube::worker
