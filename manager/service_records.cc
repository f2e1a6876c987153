// The stored form of a service (docs/store-format.md, "Manager").

#include <algorithm>

#include "manager/impl.h"
#include "manager/records.h"
#include "task/record_fields.h"

namespace cube::manager {
namespace {

using record::take;

// DO NOT RENUMBER: stored.
enum Tag : std::uint32_t {
  tag_id = 1,
  tag_seq = 2,
  tag_alias = 3,
  tag_spec = 4,  // as JSON, the form of the API
  tag_version = 5,
  tag_task_version = 6,
  tag_created = 7,
  tag_updated = 8,
  tag_slots_first = 9,  // (begins) a run of slots
  tag_slots_last = 10,
  tag_state = 11,
  tag_message = 12,
  tag_failures = 13,
  tag_failed = 14,
  tag_stable_version = 15,
  tag_removing = 16,
  tag_past_version = 17,  // (begins) an earlier spec
  tag_past_task_version = 18,
  tag_past_at = 19,
  tag_past_spec = 20,
  tag_past_converged = 21,
  tag_failed_slots_first = 22,  // (begins) a run of slots
  tag_failed_slots_last = 23,
};

bool take_spec(const record::Field& f, service::ServiceSpec& out) {
  if (!f.is_bytes) return false;
  auto spec = api::parse_stored_service_spec(f.bytes);
  if (!spec) return false;
  out = std::move(*spec);
  return true;
}

bool take_past(const record::Field& f, std::deque<PastSpec>& history) {
  if (f.tag == tag_past_version) return take(f, history.emplace_back().version);
  if (history.empty()) return false;
  PastSpec& past = history.back();
  if (f.tag == tag_past_task_version) return take(f, past.task_version);
  if (f.tag == tag_past_at) return take(f, past.at);
  if (f.tag == tag_past_converged) return take(f, past.converged);
  return take_spec(f, past.spec);
}

bool take_slots(const record::Field& f, std::set<std::uint32_t>& slots) {
  std::uint32_t number = 0;
  if (!take(f, number) || number == 0) return false;
  if (f.tag == tag_slots_first || f.tag == tag_failed_slots_first) {
    slots.insert(number);
    return true;
  }
  if (slots.empty() || number < *slots.rbegin()) return false;
  if (number - *slots.rbegin() > service::replicas_max) return false;
  while (*slots.rbegin() < number) slots.insert(*slots.rbegin() + 1);
  return true;
}

bool take_service(const record::Field& f, ServiceEntry& s) {
  switch (f.tag) {
    case tag_id:
      return take(f, s.id.uuid);
    case tag_seq:
      return take(f, s.seq);
    case tag_alias:
      return take(f, s.alias);
    case tag_spec:
      return take_spec(f, s.spec);
    case tag_version:
      return take(f, s.version);
    case tag_task_version:
      return take(f, s.task_version);
    case tag_created:
      return take(f, s.created);
    case tag_updated:
      return take(f, s.updated);
    case tag_slots_first:
    case tag_slots_last:
      return take_slots(f, s.slots);
    case tag_failed_slots_first:
    case tag_failed_slots_last:
      return take_slots(f, s.failed_slots);
    case tag_state:
      return take(f, s.state, service::State::rolling_back);
    case tag_message:
      return take(f, s.message);
    case tag_failures:
      return take(f, s.failures);
    case tag_failed:
      return take(f, s.failed.uuid);
    case tag_stable_version:
      return take(f, s.stable_version);
    case tag_removing:
      return take(f, s.removing);
    case tag_past_version:
    case tag_past_task_version:
    case tag_past_at:
    case tag_past_spec:
    case tag_past_converged:
      return take_past(f, s.history);
    default:
      return true;  // of a later version
  }
}

// The tag of a run's last slot follows that of its first.
void put_slots(RecordWriter& w, std::uint32_t tag, const std::set<std::uint32_t>& slots) {
  for (auto at = slots.begin(); at != slots.end();) {
    const std::uint32_t first = *at;
    std::uint32_t last = first;
    while (++at != slots.end() && *at == last + 1) ++last;
    w.uint(tag, first);
    if (last != first) w.uint(tag + 1, last);
  }
}

}  // namespace

store::Write Services::record_of(const ServiceEntry& s) const {
  RecordWriter w(record::version);
  w.bytes(tag_id, record::view(s.id.uuid));
  w.uint(tag_seq, s.seq);
  w.bytes(tag_alias, s.alias);
  w.bytes(tag_spec, api::service_spec_json(s.spec));
  w.uint(tag_version, s.version);
  w.uint(tag_task_version, s.task_version);
  w.sint(tag_created, s.created.us);
  w.sint(tag_updated, s.updated.us);
  put_slots(w, tag_slots_first, s.slots);
  w.uint(tag_state, static_cast<std::uint64_t>(s.state));
  w.bytes(tag_message, s.message);
  w.uint(tag_failures, s.failures);
  if (!s.failed.is_nil()) w.bytes(tag_failed, record::view(s.failed.uuid));
  w.uint(tag_stable_version, s.stable_version);
  w.uint(tag_removing, s.removing ? 1 : 0);
  for (const PastSpec& past : s.history) {
    w.uint(tag_past_version, past.version);
    w.uint(tag_past_task_version, past.task_version);
    w.sint(tag_past_at, past.at.us);
    w.bytes(tag_past_spec, api::service_spec_json(past.spec));
    w.uint(tag_past_converged, past.converged ? 1 : 0);
  }
  put_slots(w, tag_failed_slots_first, s.failed_slots);
  return store::Write::put(service_key(s.id), std::move(w).finish());
}

Result<ServiceEntry> read_service(std::string_view value, bool with_history) {
  ServiceEntry s;
  s.state = service::State::stable;  // what an absent field means
  s.version = s.task_version = 0;
  CUBE_TRY(record::read(value, "service", [&](const record::Field& f) {
    const bool is_past = f.tag >= tag_past_version && f.tag <= tag_past_converged;
    return (is_past && !with_history) || take_service(f, s);
  }));
  if (s.id.is_nil()) return Error{Code::corrupt, "service: it has no ID"};
  for (PastSpec& past : s.history) {  // older records do not say it
    past.converged = past.converged || past.task_version == s.stable_version;
  }
  return s;
}

Result<void> Services::load_record(const std::string& value) {
  auto read = read_service(value, true);
  if (!read.ok()) return std::move(read).error();
  ServiceEntry& s = *read;
  if (by_name_.contains(s.spec.name)) {
    return Error{Code::corrupt, "service: two have the name " + s.spec.name};
  }
  next_seq_ = std::max(next_seq_, s.seq + 1);
  const ServiceId id = s.id;
  ServiceEntry& kept = services_.insert_or_assign(id, std::move(s)).first->second;
  by_name_[kept.spec.name] = &kept;
  return {};
}

std::vector<std::string> Services::audit() const {
  std::vector<std::string> out;
  for (const auto& [id, s] : services_) {
    const auto check = [&](bool holds, std::string_view what) {
      if (!holds) out.push_back("service " + s.spec.name + ": " + std::string(what));
    };
    std::map<std::pair<std::uint32_t, std::uint64_t>, int> wanted;
    for (const auto& [task, t] : s.replicas) {
      check(t->replica != nullptr && t->replica->service == &s, "holds another's replica");
      check(!t->task.is_terminal(), "holds a replica that is over");
      const bool displaced = t->node != nullptr && t->node->availability == Availability::drain;
      if (!t->task.draining && t->task.desired == Desired::run && !displaced) {
        ++wanted[{t->task.of.slot, t->task.of.version}];
      }
    }
    for (const auto& [slot, count] : wanted) {
      check(count <= 1, "has slot " + std::to_string(slot.first) + " twice");
    }
    for (const api::RoutedReplica& r : s.routed) {
      const auto t = s.replicas.find(r.task);
      check(t != s.replicas.end() && !t->second->task.draining &&
                stage_of(*t->second) == service::Stage::ready,
            "routes to a replica that is not ready");
    }
    check(!s.touched && !s.dirty, "was not looked at");
    check(s.alarm.is_never() || alarms_.contains({s.alarm, id}), "its alarm is not set");
  }
  return out;
}

}  // namespace cube::manager
