#include "sim/service_checks.h"

#include <algorithm>

#include "manager/records.h"

namespace cube::sim {
namespace {

using service::UpdatePolicy;

// An ingress that was heard so lately is waited for; the manager forgets it after 35 s of its own
// clock, and knows none in the first seconds of its life.
constexpr Duration surely_known = 30s, surely_heard = 2s;
// Clocks go 5 % too fast at most.
constexpr std::int64_t fast_clock_percent = 94;

std::string in_words(const Task& t) {
  return fmt::format("{} {}", t.spec->name, t.id.str().substr(0, 8));
}

// A stop hides what was observed last; all else is as it was, unless the worker said something new.
bool only_stopped(const Task& before, const Task& now) {
  AttemptStatus same = now.status;
  same.observed = before.status.observed;
  same.reason = before.status.reason;
  return same == before.status;
}

bool is_updating(service::State s) {
  return s == service::State::updating || s == service::State::rolling_back;
}

std::string essence(const api::RouteTable& table) {
  return api::route_table_json(table);
}

}  // namespace

bool ServiceChecks::takes_requests(const Task& t) {
  return t.status.observed == Observed::running &&
         (t.spec->health.kind == HealthCheck::Kind::none || t.status.health == Health::healthy);
}

bool ServiceChecks::is_displaced(const Task& t) const {
  return !t.node.empty() && emptied_.contains(t.node);
}

// --- What is committed --------------------------------------------------------------------------

void ServiceChecks::committed(std::span<const store::Write> writes,
                              std::span<const std::size_t> step_ends,
                              const manager::Manager& manager) {
  const manager::Manager* alone = step_ends.size() == 1 ? &manager : nullptr;
  std::size_t begin = 0;
  for (const std::size_t end : step_ends) {
    if (end > begin) step(writes.subspan(begin, end - begin), alone);
    begin = end;
  }
}

void ServiceChecks::step(std::span<const store::Write> writes, const manager::Manager* alone) {
  order_before_.clear();
  drain_before_.clear();
  changed_.clear();
  made_.clear();
  touched_.clear();
  for (const auto& [id, known] : services_) {
    order_before_[id] = service::order_of(known.entry.spec);
    drain_before_[id] = known.entry.spec.drain;
  }
  for (const store::Write& w : writes) take(w);
  for (const Task& t : made_) check_new(t);
  for (const auto& [before, now] : changed_) check_change(before, now, alone);
  for (const ServiceId& id : touched_) check_slots(id);
  for (const auto& [id, name] : std::exchange(gone_now_, {})) {
    for (const auto& [task, t] : replicas_[id]) {
      checks_.fail("service {} is gone before its replica {}", name, in_words(t));
    }
  }
}

void ServiceChecks::take(const store::Write& w) {
  const bool is_put = w.kind == store::Write::Kind::put;
  switch (static_cast<manager::Table>(w.key.front())) {
    case manager::Table::node: {
      for (const auto& [id, known] : services_) touched_.insert(id);
      const auto known = nodes_.find(w.key);
      if (known != nodes_.end() && known->second.second) {
        emptied_.erase(emptied_.find(known->second.first));
      }
      if (!is_put) {
        nodes_.erase(w.key);
        return;
      }
      const auto node = manager::read_node(w.value);
      if (!node.ok()) return checks_.fail("a node that cannot be read");
      const bool is_emptied = node->availability == manager::Availability::drain;
      nodes_[w.key] = {node->name, is_emptied};
      if (is_emptied) emptied_.insert(node->name);
      return;
    }
    case manager::Table::service:
      return take_service(w);
    case manager::Table::task:
      if (is_put) take_task(w.value);
      return;
    case manager::Table::meta:
    case manager::Table::task_by_id:
    case manager::Table::event:
    case manager::Table::key:
      return;
  }
}

void ServiceChecks::take_service(const store::Write& w) {
  if (w.kind == store::Write::Kind::erase) {
    for (auto at = services_.begin(); at != services_.end(); ++at) {
      if (manager::service_key(at->first) != w.key) continue;
      const std::string& name = at->second.entry.spec.name;
      if (!asked_to_go_.contains(name)) checks_.fail("service {} is gone, unasked", name);
      gone_now_.emplace_back(at->first, name);
      gone_.insert(at->first);
      services_.erase(at);
      return;
    }
    return checks_.fail("an unknown service is forgotten");
  }
  auto read = manager::read_service(w.value, false);
  if (!read.ok()) return checks_.fail("a service that cannot be read: {}", read.error().message);
  Known& known = services_[read->id];
  if (read->version < known.entry.version) {
    checks_.fail("service {} has version {} after {}", read->spec.name, read->version,
                 known.entry.version);
  }
  if (known.entry.removing && !read->removing) {
    checks_.fail("the removal of service {} was taken back", read->spec.name);
  }
  touched_.insert(read->id);
  known.entry = std::move(*read);
}

void ServiceChecks::take_task(const std::string& record) {
  manager::Kinds kinds;  // for this one
  auto read = manager::read_task(record, kinds);
  if (!read.ok() || read->task.of.service.is_nil()) return;
  Task& now = read->task;
  const ServiceId of = now.of.service;
  touched_.insert(of);
  Replicas& replicas = replicas_[of];
  const auto at = replicas.find(now.id);
  if (at != replicas.end()) {
    changed_.emplace_back(at->second, now);
  } else if (!now.is_terminal()) {
    made_.push_back(now);
  }
  if (now.is_terminal()) {
    replicas.erase(now.id);
  } else {
    replicas[now.id] = std::move(now);
  }
}

// --- Slots and capacity -------------------------------------------------------------------------

void ServiceChecks::check_slots(const ServiceId& id) {
  const auto at = services_.find(id);
  if (at == services_.end()) return;
  Known& known = at->second;
  struct Held {
    int present = 0, outdated = 0, leaving = 0, leaving_outdated = 0;
    bool ready = false;
  };
  std::map<std::uint32_t, Held> slots;
  for (const auto& [task, t] : replicas_[id]) {
    if (!is_wanted(t)) continue;
    Held& held = slots[t.of.slot];
    const bool is_present = t.of.version == known.entry.task_version;
    if (is_displaced(t)) {
      ++(is_present ? held.leaving : held.leaving_outdated);
    } else {
      ++(is_present ? held.present : held.outdated);
    }
    held.ready |= takes_requests(t);
    if (!known.entry.slots.contains(t.of.slot)) {
      checks_.fail("{} is wanted in a slot that service {} does not have", in_words(t),
                   known.entry.spec.name);
    }
  }
  for (const auto& [slot, held] : slots) {
    const int most = std::max({held.present, held.outdated, held.leaving, held.leaving_outdated});
    if (most <= 1) continue;
    checks_.fail("service {}: slot {} has {} replicas, {} older, and {} and {} displaced",
                 known.entry.spec.name, slot, held.present, held.outdated, held.leaving,
                 held.leaving_outdated);
  }
  std::erase_if(known.taken_down, [&](std::uint32_t slot) {
    return !known.entry.slots.contains(slot) || slots[slot].ready;
  });
}

void ServiceChecks::check_new(const Task& task) {
  const auto at = services_.find(task.of.service);
  if (at == services_.end()) return checks_.fail("{} is of no service", in_words(task));
  const auto before = order_before_.find(task.of.service);
  const bool one_by_one =
      service::order_of(at->second.entry.spec) == UpdatePolicy::Order::stop_first &&
      before != order_before_.end() && before->second == UpdatePolicy::Order::stop_first;
  if (!one_by_one) return;
  for (const auto& [id, other] : replicas_[task.of.service]) {
    if (id == task.id || other.of.slot != task.of.slot) continue;
    checks_.fail("{} is made while {} is not over, with stop-first", in_words(task),
                 in_words(other));
  }
}

void ServiceChecks::check_change(const Task& before, const Task& now,
                                 const manager::Manager* alone) {
  if (now.draining && !before.draining) {
    const auto at = services_.find(now.of.service);
    if (at != services_.end()) {
      // The step may have changed the spec as well, before or after.
      const auto earlier = drain_before_.find(now.of.service);
      const Duration span = at->second.entry.spec.drain;
      draining_[now.id] = {timeline_.now(),
                           earlier == drain_before_.end() ? span : std::min(span, earlier->second)};
    }
  }
  if (is_wanted(before) && !is_wanted(now)) check_given_up(before, now);
  if (before.desired == Desired::stop || now.desired != Desired::stop) return;
  const auto drains = draining_.find(now.id);
  if (asked_to_stop_.contains(now.id) || drains == draining_.end()) return;
  if (!before.draining) {
    // At once: then it was in no table. What fell out of it in this very step cannot be told.
    if (alone == nullptr || !listed_.contains(now.id)) return;
    const auto node = alone->node(now.node.empty() ? before.node : now.node);
    if (!node.ok() || node->state == manager::NodeState::silent ||
        node->state == manager::NodeState::lost || !takes_requests(before)) {
      return;
    }
  }
  const Duration least = drains->second.span * fast_clock_percent / 100;
  check_drained(now, drains->second.since + least);
}

// It is retired, or told to stop.
void ServiceChecks::check_given_up(const Task& before, const Task& now) {
  const auto at = services_.find(now.of.service);
  if (at == services_.end() || asked_to_stop_.contains(now.id)) return;
  Known& known = at->second;
  const manager::ServiceEntry& s = known.entry;
  const std::uint32_t slot = now.of.slot;
  if (s.removing || !s.slots.contains(slot)) return;
  const bool took =
      takes_requests(before) &&
      (now.desired == Desired::stop ? only_stopped(before, now) : takes_requests(now));
  if (!took || is_served(now.of.service, slot)) return;
  if (service::order_of(s.spec) == UpdatePolicy::Order::start_first) {
    return checks_.fail("{} is given up, and nothing else takes requests in its slot",
                        in_words(now));
  }
  if (is_displaced(now)) return;
  if (!is_updating(s.state) || now.of.version == s.task_version) {
    return checks_.fail("{} is given up, and no update asks for it", in_words(now));
  }
  // What another replica has taken the place of by now, perhaps in this very step, is over.
  std::erase_if(known.taken_down, [&](std::uint32_t other) {
    return !s.slots.contains(other) || s.failed_slots.contains(other) ||
           is_served(now.of.service, other);
  });
  known.taken_down.insert(slot);
  const std::uint32_t most = s.spec.update.parallelism;
  if (most == 0 || known.taken_down.size() <= most) return;
  checks_.fail(
      "{} is given up: {} slots of service {} take no requests by an update's doing; {} "
      "may",
      in_words(now), known.taken_down.size(), s.spec.name, most);
}

bool ServiceChecks::is_served(const ServiceId& service, std::uint32_t slot) const {
  const auto of = replicas_.find(service);
  if (of == replicas_.end()) return false;
  return std::ranges::any_of(of->second, [&](const auto& item) {
    const Task& t = item.second;
    return t.of.slot == slot && is_wanted(t) && takes_requests(t);
  });
}

// --- Routes and drains --------------------------------------------------------------------------

void ServiceChecks::check_drained(const Task& now, Instant until) {
  if (timeline_.now() >= until) {
    hits_(Hit::drain_ended);
    return;
  }
  bool any = false;
  for (const auto& [id, uses] : uses_) {
    const auto heard = heard_.find(id);
    if (heard == heard_.end() || timeline_.now() < heard->second.first + surely_heard ||
        timeline_.now() > heard->second.last + surely_known) {
      continue;  // the manager need not know of it
    }
    any = true;
    if (uses(now.id)) {
      checks_.fail("{} is stopped while ingress {} uses it", in_words(now), id);
    }
  }
  if (any) hits_(Hit::drained);
}

void ServiceChecks::ingress_asked(const std::string& id, Instant by) {
  const auto [at, is_new] = heard_.try_emplace(id, Heard{by, by});
  at->second.last = std::max(at->second.last, timeline_.now());
}

void ServiceChecks::stepped(const manager::Manager& m) {
  const api::RouteTable table = m.routes();
  listed_.clear();
  for (const api::RoutedService& s : table.services) {
    std::set<std::uint32_t> slots;
    for (const api::RoutedReplica& r : s.replicas) {
      listed_.insert(r.task);
      const auto found = m.task(r.task.str());
      if (!found.ok()) {
        checks_.fail("the routes of {} list a task that is not there", s.name);
        continue;
      }
      const Task& t = **found;
      if (t.of.service != ServiceId(s.id) || t.of.slot != r.slot) {
        checks_.fail("the routes of {} list {}", s.name, in_words(t));
      }
      if (t.draining || t.desired == Desired::stop) {
        checks_.fail("the routes list {}, which is being drained or stopped", in_words(t));
      }
      if (!takes_requests(t)) {
        checks_.fail("the routes list {}, which is {} and {}", in_words(t), name(t.status.observed),
                     name(t.status.health));
      }
      const bool is_there = std::ranges::any_of(t.status.host_ports, [&](const HostPort& p) {
        return r.address == fmt::format("{}:{}", t.node, p.host_port);
      });
      if (!is_there) checks_.fail("{} is not at {}", in_words(t), r.address);
      if (!slots.insert(r.slot).second) {
        checks_.fail("the routes of {} list slot {} twice", s.name, r.slot);
      }
    }
  }
}

void ServiceChecks::table_told(const api::RouteTable& table) {
  const std::uint64_t hash = stable_hash(essence(table));
  const auto [at, is_new] = tables_.try_emplace(table.version, hash);
  if (at->second != hash) checks_.fail("version {} of the routes says two things", table.version);
}

void ServiceChecks::answered(const api::ServiceView& view) {
  if (gone_.contains(view.id)) return;
  const auto at = services_.find(view.id);
  if (at == services_.end() || at->second.entry.version < view.version) {
    return checks_.fail("version {} of service {} is acknowledged and not committed", view.version,
                        view.spec.name);
  }
}

}  // namespace cube::sim
