// From what a service asks to tasks: what is there, what the rollout decides, and doing it.

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "base/text.h"
#include "manager/impl.h"
#include "manager/records.h"
#include "task/exit_words.h"

namespace cube::manager {
namespace {

using service::Stage;
using service::State;
using service::UpdatePolicy;

constexpr Duration slot_pause_first = 5s, slot_pause_most = 5min;
// What has no health check proves itself by running so long, or for the update's monitor.
constexpr Duration proof_most = 5s;
constexpr std::string_view rolling_back = "rolling back: ";  // and why

bool is_updating(State state) {
  return state == State::updating || state == State::rolling_back;
}

// It ended well, and its policy asks for no more.
bool ended_for_good(const Task& task) {
  using Kind = RestartPolicy::Kind;
  const Kind kind = task.spec->restart.kind;
  return task.is_terminal() && task.desired == Desired::run &&
         task.status.failure == Failure::none && (kind == Kind::no || kind == Kind::on_failure);
}

}  // namespace

// --- Told by the core ---------------------------------------------------------------------------

void Services::touch(ServiceEntry& s) {
  if (s.touched) return;
  s.touched = true;
  touched_.push_back(s.id);
}

void Services::touch_all() {
  for (auto& [id, s] : services_) touch(s);
}

void Services::save(ServiceEntry& s) {
  if (s.dirty) return;
  s.dirty = true;
  dirty_.push_back(s.id);
}

void Services::task_changed(TaskEntry& t) {
  if (t.replica != nullptr) touch(*t.replica->service);
}

void Services::task_over(TaskEntry& t) {
  if (t.replica == nullptr) return;
  ServiceEntry& s = *t.replica->service;
  touch(s);
  const std::uint32_t slot = t.task.of.slot;
  if (ended_for_good(t.task) && t.task.of.version == s.task_version) s.done.insert(slot);
  if (t.task.desired == Desired::run && !s.done.contains(slot)) {
    if (t.task.of.version == s.task_version && !t.replica->settled) {
      count_failure(s, t, why_failed(t));
    }
    SlotPause& pause = s.pauses[{slot, t.task.of.version}];
    const bool again = pause.length > Duration{} && !t.replica->settled;
    pause.length = again ? std::min(pause.length * 2, slot_pause_most) : slot_pause_first;
    pause.until = core_.now_.mono + pause.length;
  }
  s.replicas.erase(t.task.id);
  s.samples.usage.erase(t.task.id);
  t.replica.reset();  // the task may outlive its service
}

void Services::node_changed(const NodeEntry& n) {
  for (auto& [id, s] : services_) {
    const bool has_there =
        std::ranges::any_of(s.replicas, [&](const auto& item) { return item.second->node == &n; });
    if (s.spec.global || has_there) touch(s);
  }
}

bool Services::settle() {
  const bool any = !touched_.empty();
  while (!touched_.empty()) {
    const auto touched = std::exchange(touched_, {});
    for (const ServiceId& id : touched) {
      const auto at = services_.find(id);
      if (at == services_.end()) continue;
      at->second.touched = false;
      reconcile(at->second);
    }
  }
  return any;
}

void Services::ring_alarms() {
  for (auto at = alarms_.begin(); at != alarms_.end() && at->first <= core_.now_.mono;) {
    ServiceEntry& s = services_.at(at->second);
    at = alarms_.erase(at);
    s.alarm = Instant::never();
    touch(s);
  }
}

Instant Services::next_wake() const {
  return alarms_.empty() ? Instant::never() : alarms_.begin()->first;
}

void Services::set_alarm(ServiceEntry& s, Instant at) {
  if (at == s.alarm) return;
  if (!s.alarm.is_never()) alarms_.erase({s.alarm, s.id});
  s.alarm = at;
  if (!at.is_never()) alarms_.insert({at, s.id});
}

void Services::flush() {
  for (const ServiceId& id : dirty_) {
    const auto at = services_.find(id);
    if (at == services_.end() || !at->second.dirty) continue;
    at->second.dirty = false;
    core_.fx_->writes.push_back(record_of(at->second));
  }
  dirty_.clear();
}

// --- One service --------------------------------------------------------------------------------

void Services::reconcile(ServiceEntry& s) {
  set_alarm(s, Instant::never());
  if (s.spec.global) set_global_slots(s);
  autoscale(s);
  std::vector<TaskEntry*> replicas;
  for (auto& [id, t] : s.replicas) replicas.push_back(t);
  for (TaskEntry* t : replicas) look_at_replica(s, *t);
  std::vector<TaskEntry*> tasks;
  const service::Situation now = situation(s, tasks);
  const service::Decision decision = service::decide(now);
  carry_out(s, decision, tasks);
  conclude(s, decision.outcome);
  update_routes(s);
  check_drains(s);
  warn(s);
  set_alarm(s, std::min(s.alarm, decision.look_again));
  if (s.removing && s.replicas.empty()) erase(s);
}

Stage Services::stage_of(const TaskEntry& t) const {
  const AttemptStatus& status = t.task.status;
  if (t.task.is_terminal()) return Stage::over;
  switch (status.observed) {
    case Observed::waiting:
      return t.task.attempt == 0 ? Stage::waiting : Stage::failing;
    case Observed::placed:
    case Observed::pulling:
    case Observed::creating:
    case Observed::starting:
      return status.restart > 0 || status.failures > 1 ? Stage::failing : Stage::starting;
    case Observed::running:
      if (t.task.spec->health.kind == HealthCheck::Kind::none) return Stage::ready;
      if (status.health == Health::healthy) return Stage::ready;
      return status.health == Health::unhealthy || status.restart > 0 ? Stage::failing
                                                                      : Stage::starting;
    case Observed::stopping:
    case Observed::exited:
    case Observed::lost:
      return Stage::failing;
  }
  CUBE_UNREACHABLE();
}

void Services::look_at_replica(ServiceEntry& s, TaskEntry& t) {
  ReplicaEntry& r = *t.replica;
  const Instant now = core_.now_.mono;
  const Stage stage = stage_of(t);
  const AttemptStatus& status = t.task.status;
  // Between two reports it may have ended and begun anew.
  const bool same = status.key == r.ready_as;
  const bool anew = r.ready && (!same || status.restart != r.ready_restart);
  if (anew && same && !r.settled && !t.task.draining && t.task.of.version == s.task_version) {
    count_failure(s, t, why_failed(t));
  }
  if (stage == Stage::ready) {
    if (!r.ready || anew) r.ready_since = now;
    r.ready = true;
    r.ready_as = status.key;
    r.ready_restart = status.restart;
    if (now >= r.ready_since + s.spec.update.monitor) {
      r.settled = true;
      s.pauses.erase({t.task.of.slot, t.task.of.version});
    } else {
      set_alarm(s, std::min(s.alarm, r.ready_since + s.spec.update.monitor));
    }
    return;
  }
  r.ready = false;
  if (t.task.draining || r.settled || t.task.of.version != s.task_version) return;
  if (stage == Stage::failing) {
    return count_failure(s, t, why_failed(t));
  }
  const Instant deadline = r.since + s.spec.update.progress_deadline;
  if (now < deadline) return set_alarm(s, std::min(s.alarm, deadline));
  count_failure(
      s, t,
      fmt::format("not ready within {}: {}", format_duration(s.spec.update.progress_deadline),
                  std::string(t.task.reason())));
}

// What it does now, being tried again, is not why it has to be.
std::string Services::why_failed(const TaskEntry& t) const {
  const AttemptStatus& s = t.task.status;
  const bool again = s.observed != Observed::exited && s.health != Health::unhealthy;
  if (std::string end = again ? end_in_words(s) : std::string(); !end.empty()) return end;
  if (!t.task.reason().empty()) return std::string(t.task.reason());
  return std::string(s.health == Health::unhealthy ? name(s.health) : name(s.observed));
}

// Each slot counts once in an update, however often its replica is tried again.
void Services::count_failure(ServiceEntry& s, TaskEntry& t, std::string why) {
  if (t.replica->counted || s.state == State::stable) return;
  if (t.task.draining || t.task.desired == Desired::stop) return;  // somebody's wish
  // The node's trouble is not the new version's.
  const Failure failure = t.task.status.failure;
  if (t.task.status.observed == Observed::lost || failure == Failure::node ||
      failure == Failure::engine) {
    return;
  }
  t.replica->counted = true;
  const bool first = s.failed_slots.insert(t.task.of.slot).second;
  if (first) save(s);
  if (!is_updating(s.state)) return;
  if (first) ++s.failures;
  s.failed = t.task.id;
  s.message = t.task.spec->name + (t.task.node.empty() ? "" : " on " + t.task.node) + ": " + why;
  save(s);
}

service::Situation Services::situation(const ServiceEntry& s,
                                       std::vector<TaskEntry*>& tasks) const {
  service::Situation out;
  out.now = core_.now_.mono;
  out.state = s.state;
  out.target = s.task_version;
  if (past(s, s.stable_version) != nullptr) out.stable = s.stable_version;
  out.policy = s.spec.update;
  out.order = service::order_of(s.spec);
  if (CUBE_PLANTED("ignore-the-parallelism")) out.policy.parallelism = 0;
  out.failures = s.failures;
  out.failed.assign(s.failed_slots.begin(), s.failed_slots.end());
  out.slots.assign(s.slots.begin(), s.slots.end());
  for (const auto& [id, t] : s.replicas) {
    service::Replica r;
    r.slot = t->task.of.slot;
    r.version = t->task.of.version;
    r.stage = stage_of(*t);
    r.retiring = t->task.draining || t->task.desired == Desired::stop;
    r.displaced = t->node != nullptr && t->node->availability == Availability::drain;
    r.ready_since = t->replica->ready_since;
    if (t->task.spec->health.kind == HealthCheck::Kind::none) {
      r.proof = std::min<Duration>(s.spec.update.monitor, proof_most);
    }
    if (CUBE_PLANTED("retire-before-ready") && r.stage == Stage::starting) r.stage = Stage::ready;
    out.replicas.push_back(r);
    tasks.push_back(t);
  }
  for (const std::uint32_t slot : s.done) {
    out.replicas.push_back(
        {.slot = slot, .version = s.task_version, .stage = Stage::over, .done = true});
  }
  return out;
}

void Services::carry_out(ServiceEntry& s, const service::Decision& d,
                         const std::vector<TaskEntry*>& tasks) {
  for (const std::size_t i : d.retire) retire(s, *tasks[i]);
  for (const service::Start& wanted : d.start) {
    const auto pause = s.pauses.find({wanted.slot, wanted.version});
    if (pause != s.pauses.end() && core_.now_.mono < pause->second.until) {
      set_alarm(s, std::min(s.alarm, pause->second.until));
      continue;
    }
    start(s, wanted);
    if (CUBE_PLANTED("two-for-a-slot")) start(s, wanted);
  }
}

void Services::conclude(ServiceEntry& s, service::Outcome outcome) {
  if (s.removing || s.state == State::stable) return;
  if (outcome == service::Outcome::failed) return fail_update(s);
  if (outcome == service::Outcome::incomplete) return end_incomplete(s);
  if (outcome != service::Outcome::done) return;
  const bool back = s.state == State::rolling_back;
  s.state = State::stable;
  s.stable_version = s.task_version;
  s.failures = 0;
  s.failed_slots.clear();
  const PastSpec* before = back ? made_alike(s) : nullptr;
  const bool by_itself = s.message.starts_with(rolling_back);
  const std::string why = by_itself ? ": " + s.message.substr(rolling_back.size()) : "";
  s.message.clear();
  if (before != nullptr)
    s.message = fmt::format("rolled back to version {}{}", before->version, why);
  tell(back ? "service.rolled-back" : "service.stable", s,
       fmt::format("version {}, {} replicas", s.version, s.slots.size()));
  save(s);
}

void Services::fail_update(ServiceEntry& s) {
  const PastSpec* before = past(s, s.stable_version);
  const std::string why = s.message;
  const bool may_go_back = s.state == State::updating && before != nullptr &&
                           s.stable_version != s.task_version &&
                           s.spec.update.on_failure == UpdatePolicy::OnFailure::rollback;
  tell("service.update-failed", s, why);
  if (!may_go_back) {
    s.state = State::paused;
    save(s);
    return;
  }
  service::ServiceSpec spec = before->spec;
  spec.replicas = s.spec.replicas;
  const TaskId failed = s.failed;
  set_spec(s, std::move(spec), State::rolling_back);
  s.failed = failed;
  s.message = std::string(rolling_back) + why;
}

// It went as far as it can get. What failed is tried again on and on; should all of it come good,
// the service is stable.
void Services::end_incomplete(ServiceEntry& s) {
  std::set<std::uint32_t> failed = s.failed_slots;
  for (const auto& [id, t] : s.replicas) {
    if (t->task.of.version == s.task_version && t->replica->settled) failed.erase(t->task.of.slot);
  }
  std::erase_if(failed, [&](std::uint32_t slot) { return !s.slots.contains(slot); });
  s.state = State::paused;
  s.message = fmt::format("{} of {} replicas could not be exchanged; {}", failed.size(),
                          s.slots.size(), s.message);
  tell("service.update-failed", s, s.message);
  save(s);
}

const PastSpec* Services::past(const ServiceEntry& s, std::uint64_t task_version) const {
  for (auto at = s.history.rbegin(); at != s.history.rend(); ++at) {
    if (at->task_version == task_version) return &*at;
  }
  return nullptr;
}

void Services::start(ServiceEntry& s, const service::Start& wanted) {
  const auto [slot, version] = wanted;
  const PastSpec* before = version == s.task_version ? nullptr : past(s, version);
  CUBE_ASSERT(before != nullptr || version == s.task_version);
  const service::ServiceSpec* spec = before != nullptr ? &before->spec : &s.spec;
  TaskSpec task = service::task_of(*spec, slot);
  if (spec->global) {
    const NodeEntry* n = core_.entry(NodeNo{slot});
    if (n == nullptr) return;
    task = service::task_on(*spec, slot, n->name);
  }
  task.labels.emplace(service::label_service, spec->name);
  TaskEntry& t =
      core_.create_task(TaskId(core_.rng_.uuid()), std::move(task), {s.id, slot, version});
  restore(t);
}

void Services::restore(TaskEntry& t) {
  const auto at = services_.find(t.task.of.service);
  if (at == services_.end()) return;
  ServiceEntry& s = at->second;
  if (t.task.is_terminal()) {
    if (ended_for_good(t.task) && t.task.of.version == s.task_version) {
      s.done.insert(t.task.of.slot);
    }
    return;
  }
  t.replica = std::make_unique<ReplicaEntry>();
  t.replica->service = &s;
  t.replica->since = core_.now_.mono;
  t.replica->counted = t.task.id == s.failed;
  s.replicas[t.task.id] = &t;
}

void Services::restored() {
  for (auto& [id, s] : services_) {
    update_routes(s);
    s.warned = !warnings(s).empty();  // by the manager before this one
  }
}

void Services::boot() {
  for (auto& [id, s] : services_) {
    for (auto& [task, t] : s.replicas) t->replica->since = core_.now_.mono;
    // Requests made it grow: a window was under way, and a whole one is measured from here.
    const service::AutoscalePolicy& policy = s.spec.autoscale;
    if (policy.by == service::AutoscalePolicy::By::requests && s.spec.replicas > policy.min)
      s.samples.window = core_.now_.mono;
  }
  touch_all();
}

// --- Global services ----------------------------------------------------------------------------

bool Services::is_wanted_on(const ServiceEntry& s, const NodeEntry& n) const {
  if (n.worker.is_nil() || n.availability == Availability::drain) return false;
  if (n.lost && n.settled) return false;
  if (!s.spec.task.platform.empty() && s.spec.task.platform != n.info.platform) return false;
  const scheduler::Demand demand = scheduler::Demand::of(s.spec.task, 0);
  return std::ranges::all_of(demand.constraints, [&](const scheduler::Constraint& c) {
    return scheduler::meets({.name = n.shown(),
                             .machine = n.info.machine,
                             .platform = n.info.platform,
                             .labels = n.info.labels,
                             .capacity = {}},
                            c);
  });
}

void Services::set_global_slots(ServiceEntry& s) {
  if (s.removing) return;
  std::set<std::uint32_t> slots;
  for (const auto& [no, n] : core_.nodes_) {
    const auto slot = static_cast<std::uint32_t>(no);
    const bool keeps = s.slots.contains(slot) && n.availability != Availability::drain;
    const bool may_begin = n.availability == Availability::active;
    if (is_wanted_on(s, n) && (keeps || may_begin)) slots.insert(slot);
  }
  if (slots == s.slots) return;
  s.slots = std::move(slots);
  save(s);
}

// --- Placement ----------------------------------------------------------------------------------

void Services::avoid(const TaskEntry& t, std::vector<scheduler::Avoided>& avoided) const {
  if (t.replica == nullptr) return;
  const ServiceEntry& s = *t.replica->service;
  if (s.spec.max_per_node == 0) return;
  // A slot counts once: of the two that it holds while one takes the other's place one goes soon.
  // So the one before it does not stand in its way.
  std::map<const NodeEntry*, std::set<std::uint32_t>> slots;
  for (const auto& [id, other] : s.replicas) {
    const std::uint32_t slot = other->task.of.slot;
    if (slot == t.task.of.slot || other->node == nullptr || other->task.draining) continue;
    slots[other->node].insert(slot);
  }
  for (const auto& [n, held] : slots) {
    if (held.size() < s.spec.max_per_node || !n->index) continue;
    avoided.push_back(
        {*n->index, fmt::format("holds {} of service {} (MaxPerNode)", held.size(), s.spec.name)});
  }
}

// Spread: where the fewest of the service are, if one fits there; else where one more is. In an
// update those of other versions are about to leave, so that they only decide between equals.
scheduler::Decision Services::place(const TaskEntry& t, std::vector<scheduler::Avoided> avoided) {
  const bool spreads = t.replica != nullptr && !t.replica->service->spec.spread.empty() &&
                       !t.replica->service->spec.global && core_.nodes_.size() > 1;
  if (!spreads) return core_.place_avoiding(t, avoided);
  const ServiceEntry& s = *t.replica->service;
  constexpr std::string_view label = "node.labels.";
  const auto domain = [&](const NodeEntry& n) -> std::string {
    if (!s.spec.spread.starts_with(label)) return n.shown();
    const auto at = n.info.labels.find(s.spec.spread.substr(label.size()));
    return at == n.info.labels.end() ? "" : at->second;
  };
  struct Held {
    std::uint32_t alike = 0, others = 0;
    auto operator<=>(const Held&) const = default;
  };
  std::map<std::string, Held> count;
  for (const auto& [no, n] : core_.nodes_) count.try_emplace(domain(n));
  for (const auto& [id, other] : s.replicas) {
    if (other == &t || other->node == nullptr || other->task.draining) continue;
    Held& held = count[domain(*other->node)];
    ++(other->task.of.version == t.task.of.version ? held.alike : held.others);
  }
  std::set<Held> levels;
  for (const auto& [name, held] : count) levels.insert(held);
  levels.erase(*levels.rbegin());  // the last one is everywhere
  for (const Held& level : levels) {
    auto crowded = avoided;
    for (const auto& [no, n] : core_.nodes_) {
      if (n.index && count[domain(n)] > level) crowded.push_back({*n.index, "spread"});
    }
    auto decision = core_.place_avoiding(t, crowded);
    if (decision.node) return decision;
  }
  return core_.place_avoiding(t, avoided);
}

}  // namespace cube::manager
