// How many replicas, by what is measured.

#include <fmt/format.h>

#include <algorithm>

#include "manager/impl.h"

namespace cube::manager {

void Services::ingress_reported(const std::string& ingress, const api::RouteReport& report) {
  const auto known = ingresses_.find(ingress);  // it asks for the table before it reports
  if (known != ingresses_.end() && known->second.refused != report.refused) {
    known->second.refused = report.refused;
    for (auto& [id, s] : services_) {
      if (s.spec.ingress.port != 0) touch(s);  // warnings() says something else
    }
  }
  for (const auto& told : report.services) {
    const auto at = services_.find(ServiceId(told.id));
    if (at == services_.end()) continue;
    ServiceEntry& s = at->second;
    if (s.spec.autoscale.by == service::AutoscalePolicy::By::none) continue;
    service::count_requests(s.samples, ingress, told.since, told.counted, core_.now_.mono);
    touch(s);
  }
}

void Services::usage_reported(const NodeEntry& n, const std::vector<api::TaskUsage>& usage) {
  for (const api::TaskUsage& told : usage) {
    TaskEntry* t = core_.entry(told.task);
    if (t == nullptr || t->replica == nullptr || t->node != &n) continue;
    ServiceEntry& s = *t->replica->service;
    if (s.spec.autoscale.by != service::AutoscalePolicy::By::usage) continue;
    // What it reserves is what it may use; without that it is measured in cores.
    const std::int64_t milli = t->task.spec->cpu_milli;
    const double of = milli > 0 ? static_cast<double>(milli) / 1000 : 1;
    s.samples.usage[told.task] = {core_.now_.mono, told.cpu_percent / of, told.memory_percent};
    touch(s);
  }
}

void Services::autoscale(ServiceEntry& s) {
  if (s.removing || s.spec.autoscale.by == service::AutoscalePolicy::By::none) return;
  std::vector<TaskId> ready;
  for (const auto& [id, t] : s.replicas) {
    if (!t->task.draining && stage_of(*t) == service::Stage::ready) ready.push_back(id);
  }
  const auto advice =
      service::advise(s.spec.autoscale, s.samples, s.spec.replicas, ready, core_.now_.mono);
  set_alarm(s, std::min(s.alarm, advice.look_again));
  if (advice.replicas == s.spec.replicas) return;
  tell("service.autoscaled", s,
       fmt::format("from {} to {}: {}", s.spec.replicas, advice.replicas, advice.why));
  // No new version: nobody asked for another spec, and who read this one may well change it.
  s.updated = core_.now_.wall;
  s.spec.replicas = advice.replicas;
  set_replicas(s, advice.replicas);
}

std::uint32_t Services::least_used(const ServiceEntry& s) const {
  std::optional<std::pair<double, std::uint32_t>> least;
  for (const auto& [id, t] : s.replicas) {
    const std::uint32_t slot = t->task.of.slot;
    if (t->task.draining || !s.slots.contains(slot)) continue;
    const auto used = s.samples.usage.find(id);
    const double sum = used == s.samples.usage.end() ? 0 : used->second.cpu + used->second.memory;
    // Of equals the highest slot.
    if (!least || sum < least->first || (sum == least->first && slot > least->second)) {
      least = {sum, slot};
    }
  }
  return least ? least->second : *s.slots.rbegin();
}

}  // namespace cube::manager
