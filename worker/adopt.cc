// What the engine shows: lists are compared with what is known, containers are taken over.

#include <fmt/format.h>

#include "base/assert.h"
#include "base/planted.h"
#include "worker/engine.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

constexpr Duration list_again_after = 1s;

}  // namespace

// The answer to a list: adopts what is there, finds what is not. What changed since the list was
// sent is left to the answers and events that changed it.
void Worker::Impl::listed(OperationOutcome& outcome) {
  engine.list_op = 0;
  if (const auto* error = std::get_if<runtime::EngineError>(&outcome)) {
    engine.list_at = now.mono + list_again_after;
    if (engine.state == Engine::State::listing) {
      engine.reason = "cannot list containers: " + error->message;
    }
    return;
  }
  const bool first_since_connect = engine.state == Engine::State::listing;
  if (first_since_connect) engine.away_until = now.wall;
  engine.list_at = now.mono + limits::engine_relist_every;

  bool found_anything = false;
  std::set<std::string> present;
  for (const runtime::Container& c : std::get<std::vector<runtime::Container>>(outcome)) {
    if (!is_ours(c.labels)) continue;
    if (CUBE_PLANTED("start-without-looking")) continue;
    present.insert(c.id);
    found_anything |= adopt_listed(c);
  }
  for (auto& [key, a] : attempts) found_anything |= find_missing(a, present);
  if (engine.list_is_sweep && found_anything) ++counters.sweeps_with_findings;
  if (first_since_connect) {
    engine.state = Engine::State::ready;
    engine.reason.clear();
    note("engine.ready", fmt::format("engine {} answers; containers of ours: {}",
                                     engine.info.version, present.size()));
    for (auto& [key, a] : attempts) {
      a.retry_at = Instant{0};
      for (auto& [restart, seen] : a.containers) seen.remove_at = Instant{0};
      if (!a.doing) a.unsure = false;  // the list has told
      // What went on while the list was made has the last word, once it has been looked up.
      const auto current = a.containers.find(a.status.restart);
      if (a.doing && current != a.containers.end()) current->second.stale = true;
    }
    mark_all();
  }
  engine.listed_before = true;
}

// Takes one listed container in. True when it was not known so.
bool Worker::Impl::adopt_listed(const runtime::Container& c) {
  const auto about = container_key(c.labels);
  if (!about) return false;  // damaged labels: left alone
  Attempt* a = find(about->attempt);
  if (a == nullptr) {
    adopt_unknown(about->attempt, about->restart, c);
    return true;
  }
  if (a->doing || a->touched >= engine.list_sent) return false;  // newer things are known
  if (about->restart > a->status.restart && a->want != Want::gone) {
    // The store is older than the engine (a backup was put back): the engine is right.
    a->status.restart = about->restart;
    a->status.observed = Observed::placed;
    a->status.final = false;
  }
  const auto [it, is_new] = a->containers.try_emplace(about->restart);
  Seen& seen = it->second;
  const bool changed = is_new || is_live(seen.state) != is_live(c.state) || seen.id != c.id;
  if (is_new && is_live(c.state)) ++counters.containers_adopted;
  seen.id = c.id;
  seen.state = c.state;
  // After a connect addresses and PIDs may have changed too.
  const bool of_interest = about->restart == a->status.restart && !a->status.final;
  seen.stale |= of_interest && (changed || engine.state == Engine::State::listing);
  seen.engine_died |= boot_changed && !engine.listed_before && !is_live(c.state) && of_interest &&
                      c.state != runtime::ContainerState::created;
  if (changed) mark(*a);
  return changed;
}

// A container of ours of an attempt that nobody told us of.
void Worker::Impl::adopt_unknown(const AttemptKey& key, std::uint32_t restart,
                                 const runtime::Container& c) {
  const auto label = [&](std::string_view name) {
    const auto it = c.labels.find(std::string(name));
    return it == c.labels.end() ? std::string() : it->second;
  };
  const bool is_local = label(label_origin) == name(Origin::local);
  Attempt& a = add(key, is_local ? Origin::local : Origin::manager);
  // With a store that knows all there should be, it should not be. With a lost one nobody knows:
  // it is shown under its labels, and the next assignment decides.
  const bool store_knows_all = is_local ? !fresh : node.accepted;
  a.want = store_knows_all ? Want::gone : Want::hold;
  a.spec.name = label(label_name);
  a.spec.exclusive = label(label_exclusive) == "true";
  a.status.restart = restart;
  Seen seen;
  seen.id = c.id;
  seen.state = c.state;
  seen.stale = true;
  a.containers.emplace(restart, std::move(seen));
  a.status.container_id = c.id;
  write_asked(a);
  note("container.unknown", fmt::format("{}: {}", c.name,
                                        store_knows_all ? "not asked for, is removed"
                                                        : "kept until the manager decides"));
}

// Containers that should be there and are not listed. True when there was one.
bool Worker::Impl::find_missing(Attempt& a, const std::set<std::string>& present) {
  if (a.doing || a.touched >= engine.list_sent) return false;
  std::vector<std::uint32_t> missing;
  for (const auto& [restart, seen] : a.containers) {
    if (!present.contains(seen.id)) missing.push_back(restart);
  }
  for (const std::uint32_t restart : missing) vanished(a, restart);
  // Recorded as started by an earlier process of ours, and not there.
  const bool ran = may_have_run(a.status.observed) && !a.status.final;
  const bool lost = missing.empty() && ran && !a.containers.contains(a.status.restart);
  if (lost) vanished(a, a.status.restart);
  if (missing.empty() && !lost) return false;
  mark(a);
  return true;
}

// --- One container, inspected -----------------------------------------------------------------

void Worker::Impl::absorb(Attempt& a, std::uint32_t restart, const runtime::Container& c) {
  using enum runtime::ContainerState;
  Seen& seen = a.containers[restart];
  seen.id = c.id;
  seen.state = c.state;
  seen.pid = c.pid;
  seen.stale = false;
  if (restart != a.status.restart) return;
  a.status.container_id = c.id;
  switch (c.state) {
    case created:
      seen.broken = !c.error.empty();
      return;
    case running:
    case paused:
    case restarting:
      if (!a.status.final) absorb_running(a, c);
      return;
    case removing:
      return;  // its end follows
    case exited:
    case dead:
      seen.pid = 0;
      container_ended(a, restart, c);
      return;
  }
  CUBE_UNREACHABLE();
}

void Worker::Impl::absorb_running(Attempt& a, const runtime::Container& c) {
  const bool is_new = a.status.observed < Observed::running;
  // An engine on its way out may still start a successor of what it has just ended.
  if (a.recent_end && !a.recent_end->signalled) a.recent_end.reset();
  a.status.started = c.started;
  a.status.finished = {};
  a.status.container_ip = c.ip;
  a.status.host_ports = c.ports;
  std::string reason;
  if (c.state == runtime::ContainerState::paused) reason = "paused by someone else";
  if (a.status.health == Health::unhealthy) reason = a.status.reason;
  if (a.status.observed != Observed::stopping) observe(a, Observed::running, std::move(reason));
  if (is_new) note("task.running", fmt::format("{} runs in {}", a.spec.name, c.name));
  watch_health(a, c.started);
}

// Once every container of the boot before has been looked at, this boot is the known one.
void Worker::Impl::settle_boot() {
  if (!engine.listed_before || node.boot_id == config.boot_id) return;
  for (const auto& [key, a] : attempts) {
    for (const auto& [restart, seen] : a.containers) {
      if (seen.engine_died && seen.stale) return;
    }
  }
  node.boot_id = config.boot_id;
  boot_changed = false;
}

}  // namespace cube::worker
