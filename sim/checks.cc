#include "sim/checks.h"

#include <algorithm>

#include "manager/records.h"
#include "worker/attempt.h"
#include "worker/engine.h"
#include "worker/records.h"

namespace cube::sim {
namespace {

constexpr std::size_t findings_max = 10;
constexpr std::size_t small_world_nodes = 50;  // larger ones are audited now and then
constexpr std::uint64_t audit_every_steps = 2000;
// What the engine may take of a lease's margin.
constexpr Duration engine_stops_within = 3s;
// After so long nothing of the time before matters: a lease's margin, and the longest grace.
constexpr Duration engine_back_for = 20s;

bool has_run(Observed o) {
  return o == Observed::running || o == Observed::stopping || o == Observed::exited;
}

std::string label(const std::map<std::string, std::string>& labels, std::string_view name) {
  const auto found = labels.find(std::string(name));
  return found == labels.end() ? std::string() : found->second;
}

std::string in_words(const AttemptKey& key) {
  return fmt::format("{} a{}", key.task.str().substr(0, 8), key.attempt);
}

std::string in_words(const api::Fence& f) {
  return fmt::format("{}.{}.{}", f.epoch, f.session, f.generation);
}

}  // namespace

void Checks::add(std::string what) {
  story_.tell("*** {}", what);
  if (findings_.size() < findings_max) findings_.push_back(std::move(what));
}

// --- The manager ------------------------------------------------------------------------------

void Checks::manager_committed(std::span<const store::Write> writes) {
  // What happened to nodes explains what is said of tasks.
  for (const store::Write& w : writes) {
    if (w.key.front() == static_cast<char>(manager::Table::event) &&
        w.kind == store::Write::Kind::put) {
      event_committed(w.value);
    }
  }
  for (const store::Write& w : writes) {
    story_.mix(w.key);
    story_.mix(w.value);
    switch (static_cast<manager::Table>(w.key.front())) {
      case manager::Table::meta: {
        const auto meta = manager::read_meta(w.value);
        if (!meta.ok() || meta->epoch < epoch_) fail("the epoch fell below {}", epoch_);
        if (meta.ok()) epoch_ = meta->epoch;
        break;
      }
      case manager::Table::task:
        if (w.kind == store::Write::Kind::put) {
          task_committed(w.value);
        } else {
          fail("a task was forgotten");
        }
        break;
      case manager::Table::task_by_id:
        fail("a task's record is where earlier versions put it");
        break;
      case manager::Table::node:
      case manager::Table::service:
      case manager::Table::event:
      case manager::Table::key:
        break;
    }
  }
  for (const std::string& node : std::exchange(heard_, {})) unheard_.erase(node);
}

void Checks::event_committed(const std::string& record) {
  const auto event = decode_event(record);
  if (!event.ok()) return fail("an event that cannot be read");
  if (event->revision <= revision_) fail("revision {} after {}", event->revision, revision_);
  revision_ = event->revision;
  story_.tell("  event {} {} {} {}: {}", event->revision, event->kind, event->name, event->node,
              event->text);
  const std::pair<std::string_view, Hit> known[] = {
      {"node.lost", Hit::node_lost},
      {"node.returned", Hit::node_returned},
      {"node.forgotten", Hit::forgotten},
      {"replacement.paused", Hit::paused},
      {"task.moved", Hit::moved},
      {"task.stopped", Hit::stopped},
      {"task.restarting", Hit::restarted},
      {"task.waiting", Hit::waited},
      {"task.unhealthy", Hit::unhealthy},
      {"service.stable", Hit::updated},
      {"service.update-failed", Hit::update_failed},
      {"service.rolled-back", Hit::rolled_back},
  };
  for (const auto& [kind, hit] : known) {
    if (event->kind == kind) hits_(hit);
  }
  if (event->kind == "task.waiting" && event->text.starts_with("exclusive: ")) {
    hits_(Hit::exclusive_waited);
  }
  if (event->kind == "task.placed" && event->text.find(" failed: ") != std::string::npos) {
    hits_(Hit::relocated);
  }
  if (event->kind == "task.stopped" && event->text.find("is lost") != std::string::npos) {
    hits_(Hit::stopped_on_lost);
  }
  if (event->kind == "service.autoscaled") {
    const std::string& text = event->text;  // "from 2 to 3: ..."
    const bool up = std::stoul(text.substr(text.find("to ") + 3)) > std::stoul(text.substr(5));
    hits_(up ? Hit::scaled_up : Hit::scaled_down);
  }
  if (event->kind == "node.availability" && event->text == "drain") hits_(Hit::node_emptied);
  if (event->kind == "node.lost" || event->kind == "node.forgotten") {
    unheard_.insert(event->node);
  }
  if (event->kind == "node.ready" || event->kind == "node.engine-down") {
    heard_.push_back(event->node);  // after what else this transaction says
  }
}

void Checks::task_committed(const std::string& record) {
  manager::Kinds kinds;  // for this one
  const auto read = manager::read_task(record, kinds);
  if (!read.ok()) return fail("a task that cannot be read: {}", read.error().message);
  const Task& task = read->task;
  const auto [at, is_new] = tasks_.try_emplace(task.id, task);
  if (is_new && task.of.service.is_nil()) {  // replicas have the name of their slot
    const auto [named, first] = by_name_.try_emplace(task.spec->name, task.id);
    if (!first) fail("one request made two tasks named {}", task.spec->name);
  } else if (!is_new) {
    check_forward(at->second, task);
  }
  const bool ends = task.is_terminal() && (is_new || !at->second.is_terminal());
  if (!is_new) at->second = task;
  if (ends && task.desired == Desired::stop) check_stopped(task);
}

void Checks::check_forward(const Task& before, const Task& now) {
  const std::string who = fmt::format("{} {}", now.spec->name, now.id.str().substr(0, 8));
  if (!(before.spec == now.spec)) fail("{}: its spec changed", who);
  if (now.attempt < before.attempt) {
    fail("{}: attempt {} after {}", who, now.attempt, before.attempt);
  }
  if (now.restart_count() < before.restart_count()) {
    fail("{}: {} restarts after {}", who, now.restart_count(), before.restart_count());
  }
  if (before.desired == Desired::stop && now.desired != Desired::stop) {
    fail("{}: its stop was taken back", who);
  }
  if (before.is_terminal() && !now.is_terminal()) fail("{}: was over, and is not", who);
  if (now.revision < before.revision) fail("{}: its revision fell", who);
  const AttemptStatus& a = before.status;
  const AttemptStatus& b = now.status;
  const bool same = before.attempt == now.attempt && a.restart == b.restart && !now.node.empty();
  if (!same || a.observed == Observed::lost || b.observed == Observed::lost) return;
  if (before.desired != now.desired) return;
  if (has_run(a.observed) && b.observed < a.observed) {
    fail("{}: attempt {} restart {} was {} and is {}", who, now.attempt, b.restart,
         name(a.observed), name(b.observed));
  }
}

// Stopped means gone everywhere; except from a node that nobody has heard of since.
void Checks::check_stopped(const Task& task) {
  for (const Live& c : live(task.id)) {
    if (c.late || unheard_.contains(c.node)) continue;
    fail("{} is stopped, and its container {} still runs on {}", task.spec->name, c.id, c.node);
  }
}

void Checks::manager_loaded(const manager::Manager& m) {
  std::set<TaskId> present;
  for (const Task* t : m.tasks()) present.insert(t->id);
  for (const TaskId& id : acknowledged_) {
    if (!present.contains(id)) fail("the acknowledged task {} is gone", id.str());
  }
}

void Checks::manager_stepped(const manager::Manager& m, const manager::Effects& effects) {
  ++steps_;
  if (m.counters().sweeps_with_findings != 0) fail("the manager's sweep found something");
  const bool small = capacity_.size() <= small_world_nodes;
  const auto every = std::max<std::uint64_t>(audit_every_steps, capacity_.size());
  if (small ? effects.writes.empty() : steps_ % every != 0) return;
  for (const std::string& finding : m.audit()) fail("audit: {}", finding);
}

void Checks::submission_answered(const std::string& key, const std::vector<Task>& tasks) {
  std::vector<TaskId> ids;
  for (const Task& t : tasks) {
    ids.push_back(t.id);
    acknowledged_.insert(t.id);
    if (!tasks_.contains(t.id)) fail("{} is acknowledged and not committed", t.spec->name);
  }
  if (key.empty()) return;
  const auto [at, is_new] = keys_.try_emplace(key, ids);
  if (at->second != ids) fail("key {} made other tasks than before", key);
  if (!is_new) hits_(Hit::key_repeated);
}

void Checks::stop_answered(const TaskId& id) {
  stopped_.insert(id);
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return fail("a stop of an unknown task is acknowledged");
  const Task& t = found->second;
  if (t.desired != Desired::stop && !t.is_terminal()) {
    fail("the stop of {} is acknowledged and not committed", t.spec->name);
  }
}

void Checks::assignment_sent(const std::string& address, const api::Assignment& a) {
  api::Fence& last = sent_[address];
  if (a.fence < last) {
    fail("{} is sent {} after {}", address, in_words(a.fence), in_words(last));
  }
  last = a.fence;
}

// --- A worker ---------------------------------------------------------------------------------

void Checks::worker_committed(const std::string& node, std::span<const store::Write> writes) {
  for (const store::Write& w : writes) {
    story_.mix(w.key);
    story_.mix(w.value);
    if (w.key.front() == worker::table_node && w.kind == store::Write::Kind::put) {
      const auto record = worker::decode_node(w.value);
      if (!record.ok()) return fail("{}: a node record that cannot be read", node);
      api::Fence& last = accepted_[node];
      if (record->fence < last) {
        fail("{} obeys {} after {}", node, in_words(record->fence), in_words(last));
      }
      last = record->fence;
    }
    if (w.key.front() != worker::table_observed) continue;
    if (w.kind == store::Write::Kind::erase) {  // forgotten; what the engine makes late is new
      restarts_.erase(node + w.key);
      continue;
    }
    worker::Attempt a;
    if (!worker::decode_observed(w.value, a).ok()) return fail("{}: a damaged record", node);
    std::uint32_t& last = restarts_[node + w.key];
    if (a.status.restart < last) {
      fail("{}: restart {} after {}", node, a.status.restart, last);
    }
    last = a.status.restart;
  }
}

// --- What runs --------------------------------------------------------------------------------

std::vector<Live> Checks::live(const TaskId& task) const {
  std::vector<Live> out;
  for (auto at = live_by_attempt_.lower_bound({task, 0});
       at != live_by_attempt_.end() && at->first.task == task; ++at) {
    for (const std::string& id : at->second) out.push_back(live_.at(id));
  }
  return out;
}

void Checks::container(const std::string& machine, EngineModel::Change change,
                       const runtime::Container& c, const TaskSpec& spec, bool late) {
  const auto key = worker::container_key(c.labels);
  if (!key) return;
  switch (change) {
    case EngineModel::Change::created:
    case EngineModel::Change::removed:
      return;
    case EngineModel::Change::started: {
      Live now;
      now.id = c.id;
      now.node = label(c.labels, worker::label_node);
      now.attempt = key->attempt;
      now.restart = key->restart;
      now.takes = {spec.cpu_milli, spec.memory_bytes, spec.disk_bytes};
      now.since = timeline_.now();
      now.machine = machine;
      now.grace = spec.stop_grace;
      now.late = late;
      return started(std::move(now), spec);
    }
    case EngineModel::Change::ended: {
      const auto found = live_.find(c.id);
      if (found == live_.end()) return;
      const Live& was = found->second;
      if (!was.late) used_[was.node] -= was.takes;
      live_by_attempt_[was.attempt].erase(c.id);
      live_.erase(found);
      return;
    }
  }
}

void Checks::started(Live now, const TaskSpec& spec) {
  Runs& runs = runs_[{now.attempt, now.restart}];
  runs.late |= now.late;
  ++runs.count;
  // What the engine does long after everybody gave up is not the worker's; it must undo it, and
  // the end's checks see that it did.
  if (runs.count > 1 && !runs.late) {
    fail("{} r{} was started twice", in_words(now.attempt), now.restart);
  }
  auto& others = live_by_attempt_[now.attempt];
  for (const std::string& id : others) {
    if (now.late || live_.at(id).late) continue;
    fail("{}: {} and {} run at once", in_words(now.attempt), id, now.id);
  }
  if (spec.exclusive) check_alone(now);
  others.insert(now.id);
  if (!now.late) {
    Resources& used = used_[now.node];
    used += now.takes;
    if (!used.fits_in(capacity_[now.node])) {
      fail("{} runs more than it has: {} of {} thousandths of a core", now.node, used.cpu_milli,
           capacity_[now.node].cpu_milli);
    }
  }
  const std::string id = now.id;
  live_.emplace(id, std::move(now));
}

// Never two containers of an exclusive task, of whichever attempts, on whichever nodes.
void Checks::check_alone(const Live& now) {
  for (const Live& other : live(now.attempt.task)) {
    if (now.late || is_excused(other)) continue;
    fail("exclusive {}: {} (a{} r{} on {}) starts, and {} (a{} r{} on {}) lives",
         now.attempt.task.str().substr(0, 8), now.id, now.attempt.attempt, now.restart, now.node,
         other.id, other.attempt.attempt, other.restart, other.node);
  }
  std::string& where = exclusive_on_[now.attempt.task];
  if (!where.empty() && where != now.node) hits_(Hit::exclusive_again);
  where = now.node;
}

// It lives only because its engine did not do what was asked in time.
bool Checks::is_excused(const Live& c) const {
  const Instant now = timeline_.now();
  if (c.late) return true;
  if (c.stop_asked && now > *c.stop_asked + c.grace + engine_stops_within) return true;
  const auto out = engine_out_until_.find(c.machine);
  return out != engine_out_until_.end() &&
         (out->second.is_never() || now < out->second + engine_back_for);
}

void Checks::stop_asked(const std::string& container_id) {
  const auto found = live_.find(container_id);
  if (found == live_.end() || found->second.stop_asked) return;
  found->second.stop_asked = timeline_.now();
}

void Checks::engine_out(const std::string& machine, Instant until) {
  engine_out_until_[machine] = until;
}

void Checks::touches(const std::string& node, const std::map<std::string, std::string>& labels,
                     std::string_view what) {
  if (label(labels, worker::label_node) == node && label(labels, worker::label_cluster) == "sim") {
    return;
  }
  fail("{} does {} to somebody else's container", node, what);
}

}  // namespace cube::sim
