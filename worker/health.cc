// Health checks of running containers.

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "worker/impl.h"

namespace cube::worker {

// A container was seen running: its probing begins, unless it goes on already.
void Worker::Impl::watch_health(Attempt& a, WallTime started) {
  if (a.spec.health.kind == HealthCheck::Kind::none) return;
  if (a.probing.container_id == a.status.container_id) return;
  a.probing = {};
  a.probing.container_id = a.status.container_id;
  // An adopted container has been up for a while; the calendar only helps its start period.
  const Duration up = started.is_zero() ? Duration::zero() : now.wall - started;
  a.probing.started = now.mono - std::clamp<Duration>(up, 0s, a.spec.health.start_period);
  a.probing.succeeded = a.status.health == Health::healthy;  // as an earlier process saw it
  if (!a.probing.succeeded) a.status.health = Health::starting;
}

bool Worker::Impl::is_probed(const Attempt& a) const {
  return a.want == Want::run && a.status.observed == Observed::running &&
         engine.state == Engine::State::ready;
}

// Sends the next probe when it is due. At most one is under way per container.
void Worker::Impl::probe(Attempt& a) {
  if (!is_probed(a) || next_probe(a.spec.health, a.probing) > now.mono) return;
  ++counters.probes;
  a.probing.began = now.mono;
  a.probing.probed = true;
  a.probing.under_way = true;
  const OpId op = ++last_op;
  a.probing.op = op;
  probes.emplace(op, a.key);
  const auto target = probe_target(a.spec, a.status);
  if (!target) {
    ProbeDone failed{op, false, "the container has no address and publishes no such port"};
    return on(failed);
  }
  const HealthCheck& check = a.spec.health;
  effects->probes.push_back({op, check.kind, a.status.container_id, target->host, target->port,
                             check.path, check.command, check.timeout});
}

void Worker::Impl::on(ProbeDone& in) {
  const auto found = probes.find(in.op);
  if (found == probes.end()) return;
  Attempt* a = find(found->second);
  probes.erase(found);
  if (a == nullptr) return;
  mark(*a);
  if (!in.ok) ++counters.probe_failures;
  if (a->probing.op != in.op) return;  // of a container that is over
  a->probing.under_way = false;
  if (!is_probed(*a)) return;  // it is being stopped, or nobody can tell

  const Health before = a->status.health;
  a->status.health = judge(a->spec.health, a->probing, in.ok, now.mono);
  if (a->status.health == Health::healthy) a->status.reason.clear();
  if (a->status.health != Health::unhealthy) return;
  const std::string why = fmt::format("unhealthy: {}: {}, {} times in a row",
                                      probe_in_words(a->spec), in.detail, a->probing.failures);
  if (before != Health::unhealthy) note("task.unhealthy", a->spec.name + ": " + why, true);
  a->status.reason = why;
  if (a->spec.restart.kind == RestartPolicy::Kind::no) return;  // it is shown, and runs on
  a->backoff.stop_for = StopFor::unhealthy;
  a->backoff.stop_reason = why;
}

}  // namespace cube::worker
