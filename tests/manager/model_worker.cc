#include "tests/manager/model_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace cube::test {
namespace {

constexpr Duration restart_wait = 1s;

bool is_over(const AttemptStatus& s) {
  return s.observed == Observed::exited && s.final;
}

}  // namespace

bool ModelWorker::is_alive(const Container& c) {
  return c.status.observed == Observed::starting || c.status.observed == Observed::running ||
         c.status.observed == Observed::stopping;
}

bool ModelWorker::may_run(const Container& c) const {
  return !c.spec.exclusive || clock < lease_until;
}

bool ModelWorker::renew(const manager::PollFrom& poll) {
  const bool ours =
      poll.incarnation == incarnation && poll.epoch == fence.epoch && poll.session == fence.session;
  if (!ours || poll.lease.stamp == 0) return false;
  const Instant until = Instant{static_cast<std::int64_t>(poll.lease.stamp)} + poll.lease.ttl;
  lease_until = std::max(lease_until, until);
  const std::uint64_t before = change;
  obey_lease();
  return change != before;
}

// Stops what may not run; starts what waited for a lease.
void ModelWorker::obey_lease() {
  for (auto& [key, c] : containers) {
    if (!c.spec.exclusive) continue;
    AttemptStatus& s = c.status;
    if (!may_run(c) && (s.observed == Observed::starting || s.observed == Observed::running)) {
      s.observed = Observed::waiting;
      s.reason = "stopped: its lease ran out";
      c.due = Instant::never();
      ++s.restart;
      touch(c);
    }
    const auto wanted = assigned.find(key);
    if (may_run(c) && s.observed == Observed::waiting && c.due.is_never() && process_up &&
        wanted != assigned.end() && wanted->second) {
      s.observed = Observed::starting;
      s.reason.clear();
      c.due = clock + start_takes;
      touch(c);
    }
  }
}

std::optional<std::string> ModelWorker::put(const api::Assignment& a, Instant now) {
  if (!manager.is_nil() && manager != a.manager) return "this worker belongs to another manager";
  if (a.fence < fence) return "an older assignment";
  clock = now;
  const bool held = fence == api::Fence{a.fence.epoch, a.fence.session, a.base};
  if (a.base != 0 && !held) return std::nullopt;  // the report tells
  manager = a.manager;
  fence = a.fence;
  if (a.base == 0) assigned.clear();
  for (const TaskId& dropped : a.dropped) {
    std::erase_if(assigned, [&](const auto& item) { return item.first.task == dropped; });
  }
  for (const api::AssignedTask& t : a.tasks) {
    const AttemptKey key{t.id, t.attempt};
    std::erase_if(assigned, [&](const auto& item) { return item.first.task == t.id; });
    assigned[key] = t.run;
    if (t.run && !containers.contains(key)) begin(key, t.spec, now);
  }
  for (auto& [key, c] : containers) {
    if (assigned.contains(key) || c.status.observed == Observed::stopping) continue;
    const bool lives = is_alive(c);
    c.due = lives ? now + stop_takes : now;
    c.status.observed = lives ? Observed::stopping : Observed::exited;
    c.status.final |= !lives;
    touch(c);
  }
  tick(now);
  return std::nullopt;
}

api::Report ModelWorker::answer_to(const api::Assignment& a) const {
  return report(a.incarnation == incarnation && a.change <= change ? a.change : 0);
}

bool ModelWorker::refuses_poll(std::uint64_t epoch, std::uint64_t session) const {
  return std::pair(epoch, session) < std::pair(fence.epoch, fence.session);
}

std::optional<api::Report> ModelWorker::news(std::uint64_t known_incarnation,
                                             std::uint64_t known_change) const {
  if (known_incarnation != incarnation) return report(0);
  if (known_change >= change) return std::nullopt;
  return report(known_change);
}

api::Report ModelWorker::report(std::uint64_t base) const {
  api::Report r;
  r.node.worker = id;
  r.node.name = name;
  r.node.machine = "machine of " + name;
  r.node.platform = "linux/amd64";
  r.node.engine_ready = engine_ready;
  if (!engine_ready) r.node.engine_reason = "the engine does not answer";
  r.node.capacity = capacity;
  r.node.labels = labels;
  r.fence = fence;
  r.incarnation = incarnation;
  r.takes_changes = takes_changes;
  r.base = base;
  r.change = change;
  r.node.keeps_lease = keeps_lease;
  if (keeps_lease) r.lease_stamp = static_cast<std::uint64_t>(clock.us);
  for (const auto& [key, c] : containers) {
    if (c.changed > base || base == 0) r.attempts.push_back(c.status);
  }
  for (const auto& [key, c] : containers) {
    if (cpu_percent && c.status.observed == Observed::running) {
      r.usage.push_back({key.task, cpu_percent(c.spec), 0});
    }
  }
  for (const auto& [key, at] : gone) {
    if (base != 0 && at > base) r.gone.push_back(key);
  }
  return r;
}

void ModelWorker::touch(Container& c) {
  c.changed = ++change;
}

void ModelWorker::begin(const AttemptKey& key, const TaskSpec& spec, Instant now) {
  Container c;
  c.spec = spec;
  c.status.key = key;
  c.status.observed = Observed::starting;
  c.status.container_id = fmt::format("c-{}-a{}", spec.name, key.attempt);
  c.due = now + start_takes;
  if (!may_run(c)) {
    c.status.observed = Observed::waiting;
    c.status.reason = "waits for a lease";
    c.due = Instant::never();
  }
  gone.erase(key);
  touch(containers[key] = std::move(c));
}

void ModelWorker::end_start(Container& c, Instant now) {
  if (!cannot_start.empty()) {
    c.status.observed = Observed::exited;
    c.status.final = true;
    c.status.failure = Failure::node;
    c.status.reason = cannot_start;
    c.due = Instant::never();
  } else if (c.spec.image == "bad") {
    return exits(c, 1, Failure::exit, "exit code 1", now);
  } else {
    c.status.observed = Observed::running;
    c.status.health = Health::unknown;
    c.status.reason.clear();
    c.status.started = WallTime{now.us};
    c.due = Instant::never();
    if (c.spec.health.kind != HealthCheck::Kind::none) c.due = now + healthy_takes;
    if (c.spec.image == "brief") c.due = now + brief_run;
    c.status.host_ports.clear();
    for (const PortBinding& p : c.spec.ports) {
      const std::uint16_t chosen = p.host_port != 0 ? p.host_port : next_port++;
      c.status.host_ports.push_back({p.container, "0.0.0.0", chosen});
    }
  }
  touch(c);
}

void ModelWorker::become_healthy(Container& c) {
  c.due = Instant::never();
  if (c.spec.health.kind == HealthCheck::Kind::none) return;
  c.status.health = c.spec.image == "sick" ? Health::unhealthy : Health::healthy;
  touch(c);
}

void ModelWorker::tick(Instant now) {
  clock = now;
  obey_lease();
  std::vector<AttemptKey> removed;
  for (auto& [key, c] : containers) {
    if (c.due > now) continue;
    switch (c.status.observed) {
      case Observed::starting:
        end_start(c, now);
        break;
      case Observed::waiting:
        if (!may_run(c)) {
          c.due = Instant::never();
          break;
        }
        c.status.observed = Observed::starting;
        c.due = now + start_takes;
        touch(c);
        break;
      case Observed::stopping:
      case Observed::exited:
        removed.push_back(key);
        break;
      case Observed::running:
        if (c.spec.image == "brief") {
          exits(c, 7, Failure::exit, "exit code 7", now);
        } else {
          become_healthy(c);
        }
        break;
      case Observed::placed:
      case Observed::pulling:
      case Observed::creating:
      case Observed::lost:
        c.due = Instant::never();
        break;
    }
  }
  for (const AttemptKey& key : removed) {
    containers.erase(key);
    gone[key] = ++change;
  }
}

Instant ModelWorker::next_tick() const {
  Instant next = Instant::never();
  for (const auto& [key, c] : containers) {
    next = std::min(next, c.due);
    const bool up =
        c.status.observed == Observed::starting || c.status.observed == Observed::running;
    if (c.spec.exclusive && up) next = std::min(next, lease_until);
  }
  return next;
}

void ModelWorker::restart_process() {
  process_up = true;
  ++incarnation;
  change = 1;
  gone.clear();
  for (auto& [key, c] : containers) c.changed = 1;
}

void ModelWorker::lose_store(WorkerId new_id) {
  id = new_id;
  manager = {};
  fence = {};
  assigned.clear();
  containers.clear();
  restart_process();
}

ModelWorker::Container* ModelWorker::running(const TaskId& task) {
  for (auto& [key, c] : containers) {
    if (key.task == task && c.status.observed == Observed::running) return &c;
  }
  return nullptr;
}

void ModelWorker::exits(Container& c, int code, Failure failure, std::string reason, Instant now) {
  AttemptStatus& s = c.status;
  s.failure = failure;
  s.exit_code = code;
  s.failures = failure == Failure::none ? 0 : s.failures + 1;
  s.health = failure == Failure::unhealthy ? Health::unhealthy : Health::unknown;
  s.finished = WallTime{now.us};
  const auto most = c.spec.restart.max_in_a_row();
  s.final =
      !c.spec.restart.restarts_after(failure == Failure::none) || (most && s.failures > *most);
  s.observed = s.final ? Observed::exited : Observed::waiting;
  if (!s.final) ++s.restart;  // what waits is the next container
  s.reason = std::move(reason);
  c.due = s.final ? Instant::never() : now + restart_wait;
  touch(c);
}

Resources ModelWorker::in_use() const {
  Resources sum;
  for (const auto& [key, c] : containers) {
    if (is_over(c.status)) continue;
    sum += {c.spec.cpu_milli, c.spec.memory_bytes, c.spec.disk_bytes};
  }
  return sum;
}

}  // namespace cube::test
