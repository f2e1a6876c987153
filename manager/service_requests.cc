// What people ask of services. All of it is checked first; then nothing fails.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/planted.h"
#include "base/text.h"
#include "manager/impl.h"
#include "manager/records.h"
#include "service/collisions.h"

namespace cube::manager {
namespace {

constexpr std::size_t history_max = 10;
constexpr std::size_t alias_bytes = 12;

Error no_such_service(std::string_view ref) {
  return {Code::not_found, "no service " + printable(ref)};
}

// The oldest goes, but never the newest that converged: a step back needs it.
void trim(std::deque<PastSpec>& history) {
  while (history.size() > history_max) {
    const auto newest =
        std::ranges::find_if(history.rbegin(), history.rend(), &PastSpec::converged);
    const bool keeps_first = newest != history.rend() && &*newest == &history.front();
    history.erase(keeps_first ? history.begin() + 1 : history.begin());
  }
}

}  // namespace

void Services::take(ServiceInput& in) {
  const auto reply = [&](Token token, auto result) {
    CUBE_ASSERT(token != 0);
    if (!result.ok()) {
      core_.fx_->replies.push_back({token, std::move(result).error()});
    } else if constexpr (requires { *result; }) {
      core_.fx_->replies.push_back({token, std::move(*result)});
    } else {
      core_.fx_->replies.push_back({token, Accepted{}});
    }
  };
  if (auto* a = std::get_if<CreateService>(&in)) reply(a->token, create(std::move(a->spec)));
  if (auto* a = std::get_if<UpdateService>(&in))
    reply(a->token, update(a->ref, std::move(a->spec), a->if_match));
  if (auto* a = std::get_if<ScaleService>(&in))
    reply(a->token, scale(a->ref, a->replicas, a->if_match));
  if (auto* a = std::get_if<RollBackService>(&in)) reply(a->token, roll_back(a->ref, a->if_match));
  if (auto* a = std::get_if<RemoveService>(&in)) reply(a->token, remove(a->ref, a->if_match));
  if (auto* a = std::get_if<IngressAsked>(&in))
    ingress_asked(a->ingress, a->applied, std::move(a->busy));
  if (auto* a = std::get_if<IngressReported>(&in)) ingress_reported(a->ingress, a->report);
}

// --- Finding ------------------------------------------------------------------------------------

Result<const ServiceEntry*> Services::find(std::string_view ref) const {
  if (const auto named = by_name_.find(std::string(ref)); named != by_name_.end()) {
    return named->second;
  }
  const ServiceEntry* found = nullptr;
  const std::string prefix(ref);
  for (const auto& [id, s] : services_) {
    if (prefix.empty() || !id.str().starts_with(prefix)) continue;
    if (found != nullptr) {
      return Error{Code::conflict, fmt::format("more than one service has the ID prefix {}; use "
                                               "more of its ID",
                                               printable(ref))};
    }
    found = &s;
  }
  if (found == nullptr) return no_such_service(ref);
  return found;
}

ServiceEntry* Services::entry(std::string_view ref, Error& why) {
  auto found = find(ref);
  if (!found.ok()) {
    why = found.error();
    return nullptr;
  }
  ServiceEntry& s = services_.at((*found)->id);
  if (!s.removing) return &s;
  why = Error{Code::conflict, fmt::format("service {} is being removed", s.spec.name)};
  return nullptr;
}

Result<void> Services::check_version(const ServiceEntry& s,
                                     std::optional<std::uint64_t> if_match) const {
  if (!if_match || *if_match == s.version) return {};
  return Error{Code::stale,
               fmt::format("service {} has version {}, not {}: read it again, and decide anew",
                           s.spec.name, s.version, *if_match)};
}

// Two services cannot have one route, one port of an ingress or one host port.
Result<void> Services::check_collisions(const ServiceEntry* self,
                                        const service::ServiceSpec& spec) const {
  const std::string_view alias = self == nullptr ? std::string_view() : self->alias;
  for (const auto& [id, other] : services_) {
    if (&other == self || other.removing) continue;
    CUBE_TRY(service::check_collision({spec, alias}, {other.spec, other.alias}));
  }
  return {};
}

// --- Changing -----------------------------------------------------------------------------------

Result<api::ServiceView> Services::create(service::ServiceSpec spec) {
  CUBE_TRY(service::validate(spec));
  if (const auto named = by_name_.find(spec.name); named != by_name_.end()) {
    const ServiceEntry& present = *named->second;
    if (!present.removing && present.spec == spec) return view(present);
    return Error{Code::conflict,
                 present.removing
                     ? fmt::format("service {} is being removed; wait until it is gone", spec.name)
                     : fmt::format("service {} exists with another content; update it", spec.name)};
  }
  CUBE_TRY(check_collisions(nullptr, spec));
  const ServiceId id(core_.rng_.uuid());
  ServiceEntry& s = services_[id];
  s.id = id;
  s.seq = next_seq_++;
  s.alias = new_alias();
  s.created = s.updated = core_.now_.wall;
  s.spec = std::move(spec);
  by_name_[s.spec.name] = &s;
  tell("service.created", s, s.spec.task.image);
  table_changed();
  set_replicas(s, s.spec.replicas);
  save(s);
  touch(s);
  return view(s);
}

Result<api::ServiceView> Services::update(std::string_view ref, service::ServiceSpec spec,
                                          std::optional<std::uint64_t> if_match) {
  Error why;
  ServiceEntry* s = entry(ref, why);
  if (s == nullptr) return why;
  CUBE_TRY(check_version(*s, if_match));
  CUBE_TRY(service::validate(spec));
  if (spec.name != s->spec.name) {
    return Error{Code::invalid, fmt::format("Name: a service keeps its name, {}", s->spec.name)};
  }
  if (spec.global != s->spec.global) {
    return Error{Code::invalid, "Global: cannot be changed; remove the service and create it anew"};
  }
  CUBE_TRY(check_collisions(s, spec));
  // Within the bounds of its autoscaling, how many there are is for that to say.
  const auto& a = spec.autoscale;
  if (a.by != service::AutoscalePolicy::By::none && s->spec.replicas >= a.min &&
      s->spec.replicas <= a.max) {
    spec.replicas = s->spec.replicas;
  }
  if (spec == s->spec) return view(*s);
  set_spec(*s, std::move(spec), service::State::updating);
  return view(*s);
}

Result<api::ServiceView> Services::scale(std::string_view ref, std::uint32_t replicas,
                                         std::optional<std::uint64_t> if_match) {
  Error why;
  ServiceEntry* s = entry(ref, why);
  if (s == nullptr) return why;
  CUBE_TRY(check_version(*s, if_match));
  if (s->spec.global) {
    return Error{Code::invalid, "Replicas: a global service has one replica on each node"};
  }
  service::ServiceSpec spec = s->spec;
  spec.replicas = replicas;
  CUBE_TRY(service::validate(spec));
  CUBE_TRY(check_collisions(s, spec));
  if (spec == s->spec) return view(*s);
  ++s->version;
  s->updated = core_.now_.wall;
  tell("service.scaled", *s, fmt::format("from {} to {}", s->spec.replicas, replicas));
  s->spec.replicas = replicas;
  s->samples.changed = core_.now_.mono;
  set_replicas(*s, replicas);
  save(*s);
  touch(*s);
  return view(*s);
}

Result<api::ServiceView> Services::roll_back(std::string_view ref,
                                             std::optional<std::uint64_t> if_match) {
  Error why;
  ServiceEntry* s = entry(ref, why);
  if (s == nullptr) return why;
  CUBE_TRY(check_version(*s, if_match));
  const auto before = step_back(*s);
  if (!before.ok()) return before.error();
  service::ServiceSpec spec = (*before)->spec;
  spec.replicas = s->spec.replicas;
  CUBE_TRY(check_collisions(s, spec));
  set_spec(*s, std::move(spec), service::State::rolling_back);
  return view(*s);
}

// Where a step back leads: to the newest that converged and is not what is asked for now. Several
// changes that failed one after the other are stepped over. Before anything converged there is
// only the one before.
Result<const PastSpec*> Services::step_back(const ServiceEntry& s) const {
  const bool none_converged =
      s.stable_version == 0 && std::ranges::none_of(s.history, &PastSpec::converged);
  for (auto at = s.history.rbegin(); at != s.history.rend(); ++at) {
    service::ServiceSpec spec = at->spec;
    spec.replicas = s.spec.replicas;
    if ((at->converged || none_converged) && spec != s.spec) return &*at;
  }
  return Error{Code::conflict, fmt::format("service {} has no earlier version{}", s.spec.name,
                                           s.history.empty() ? "" : " that was stable")};
}

Result<void> Services::remove(std::string_view ref, std::optional<std::uint64_t> if_match) {
  auto found = find(ref);
  if (!found.ok()) return found.error();
  ServiceEntry& s = services_.at((*found)->id);
  if (s.removing) return {};
  CUBE_TRY(check_version(s, if_match));
  s.removing = true;
  s.slots.clear();
  s.message = "its replicas are being stopped";
  tell("service.removing", s, "requested");
  table_changed();  // which lacks it already
  save(s);
  touch(s);
  return {};
}

void Services::set_spec(ServiceEntry& s, service::ServiceSpec spec, service::State state) {
  const bool new_task = service::differs_in_task(s.spec, spec);
  const bool same_rules = s.spec.ingress == spec.ingress;
  if (!same_rules && !CUBE_PLANTED("keep-rules-to-itself")) table_changed();
  s.history.push_back(
      {s.version, s.task_version, s.updated, s.spec, s.task_version == s.stable_version});
  trim(s.history);
  ++s.version;
  s.updated = core_.now_.wall;
  s.spec = std::move(spec);
  if (new_task) {
    s.task_version = version_of_task(s);
    s.state = state;
    s.failures = 0;
    s.failed_slots.clear();
    s.failed = {};
    s.message.clear();
    s.done.clear();
    s.pauses.clear();
    for (auto& [id, t] : s.replicas) t->replica->counted = t->replica->settled = false;
  }
  const bool back = state == service::State::rolling_back;
  tell(back ? "service.rolling-back" : "service.updated", s,
       fmt::format("version {}{}", s.version, new_task ? ": " + s.spec.task.image : ""));
  set_replicas(s, s.spec.replicas);
  core_.capacity_changed();  // what it forbade it may allow now
  save(s);
  touch(s);
}

// Replicas of an earlier version that was made the same way are as asked: they stay, and the rest
// follows. What ends by itself runs anew.
std::uint64_t Services::version_of_task(const ServiceEntry& s) const {
  const auto kind = service::task_of(s.spec, 1).restart.kind;
  if (kind == RestartPolicy::Kind::no || kind == RestartPolicy::Kind::on_failure) return s.version;
  const PastSpec* same = made_alike(s);
  return same == nullptr ? s.version : same->task_version;
}

// The newest earlier version with the same task, one that was stable before all others.
const PastSpec* Services::made_alike(const ServiceEntry& s) const {
  const PastSpec* found = nullptr;
  for (auto at = s.history.rbegin(); at != s.history.rend(); ++at) {
    if (service::differs_in_task(at->spec, s.spec)) continue;
    if (at->converged) return &*at;
    if (found == nullptr) found = &*at;
  }
  return found;
}

void Services::set_replicas(ServiceEntry& s, std::uint32_t count) {
  if (s.removing) return;
  if (s.spec.global) return set_global_slots(s);
  using Remove = service::AutoscalePolicy::Remove;
  while (s.slots.size() > count) {
    const bool least = s.spec.autoscale.by != service::AutoscalePolicy::By::none &&
                       s.spec.autoscale.remove == Remove::least_used;
    s.slots.erase(least ? least_used(s) : *s.slots.rbegin());
  }
  for (std::uint32_t slot = 1; s.slots.size() < count; ++slot) s.slots.insert(slot);
  save(s);
}

std::string Services::new_alias() {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (;;) {
    std::string alias;
    while (alias.size() < alias_bytes) alias += letters[core_.rng_.below(letters.size())];
    // A path that somebody asked for is a way to that service, and not to this one.
    const bool taken = std::ranges::any_of(services_, [&](const auto& item) {
      return item.second.alias == alias || item.second.spec.ingress.path == "/" + alias;
    });
    if (!taken) return alias;
  }
}

void Services::tell(std::string_view kind, const ServiceEntry& s, std::string text) {
  Event e;
  e.kind = kind;
  e.name = s.spec.name;
  e.text = std::move(text);
  core_.append(std::move(e));
}

void Services::erase(ServiceEntry& s) {
  tell("service.removed", s, "nothing of it is left");
  core_.fx_->writes.push_back(store::Write::erase(service_key(s.id)));
  if (!s.alarm.is_never()) alarms_.erase({s.alarm, s.id});
  by_name_.erase(s.spec.name);
  const ServiceId id = s.id;
  services_.erase(id);
}

// --- Reads --------------------------------------------------------------------------------------

// The first slot that has no replica in service, and why; empty when there is none.
std::string Services::why_not_ready(const ServiceEntry& s) const {
  std::map<std::uint32_t, const Task*> missing;  // by slot
  for (const auto& [id, t] : s.replicas) {
    if (!t->task.draining) missing.emplace(t->task.of.slot, &t->task);
  }
  for (const auto& [id, t] : s.replicas) {
    if (stage_of(*t) == service::Stage::ready) missing.erase(t->task.of.slot);
  }
  for (const auto& [slot, task] : missing) {
    if (task->reason().empty()) continue;
    return fmt::format("{}{}{}: {}", task->spec->name, task->node.empty() ? "" : " on ", task->node,
                       task->reason());
  }
  return {};
}

api::ServiceView Services::view(const ServiceEntry& s) const {
  api::ServiceView out;
  out.id = s.id;
  out.alias = s.alias;
  out.version = s.version;
  out.task_version = s.task_version;
  out.created = s.created;
  out.updated = s.updated;
  out.spec = s.spec;
  api::ServiceStatus& status = out.status;
  status.state = s.removing ? "removing" : std::string(name(s.state));
  status.message = s.message;
  status.replicas = static_cast<std::uint32_t>(s.slots.size());
  status.failures = s.failures;
  status.failed = s.failed;
  status.warnings = warnings(s);
  std::set<std::uint32_t> ready, updated;  // a slot may hold two for a while
  for (const auto& [id, t] : s.replicas) {
    if (t->task.status.observed == Observed::running) ++status.running;
    if (t->task.draining || stage_of(*t) != service::Stage::ready) continue;
    ready.insert(t->task.of.slot);
    if (t->task.of.version == s.task_version) updated.insert(t->task.of.slot);
  }
  status.ready = static_cast<std::uint32_t>(ready.size());
  status.updated = static_cast<std::uint32_t>(updated.size());
  if (status.message.empty() && !s.removing) status.message = why_not_ready(s);
  // Slots whose work is done are as they should be.
  status.ready += static_cast<std::uint32_t>(s.done.size());
  status.updated += static_cast<std::uint32_t>(s.done.size());
  return out;
}

std::vector<api::ServiceView> Services::views() const {
  std::map<std::uint64_t, const ServiceEntry*> by_seq;
  for (const auto& [id, s] : services_) by_seq[s.seq] = &s;
  std::vector<api::ServiceView> out;
  for (const auto& [seq, s] : by_seq) out.push_back(view(*s));
  return out;
}

std::vector<const Task*> Services::tasks(const ServiceEntry& s) const {
  std::vector<const Task*> out;
  core_.by_seq_.each([&](const TaskEntry& t) {
    if (t.task.of.service == s.id) out.push_back(&t.task);
  });
  return out;
}

}  // namespace cube::manager
