// Where requests may go, and when a retired replica has none left.

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/planted.h"
#include "base/text.h"
#include "manager/impl.h"

namespace cube::manager {
namespace {

// So soon after its start a manager has not heard of every ingress yet.
constexpr Duration ingresses_unknown_for = 3s;

std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

std::string unreached_words(const service::ServiceSpec& spec) {
  if (spec.ingress.target == 0) return "none of its ready replicas publishes a TCP port";
  return fmt::format("none of its ready replicas publishes port {}/tcp, its Ingress.Target",
                     spec.ingress.target);
}

}  // namespace

std::optional<std::string> Services::address_of(const ServiceEntry& s, const TaskEntry& t) const {
  if (t.node == nullptr) return std::nullopt;
  const HostPort* chosen = nullptr;
  for (const HostPort& port : t.task.status.host_ports) {
    if (port.container.protocol != "tcp" || port.host_port == 0) continue;
    if (s.spec.ingress.target != 0 && port.container.number != s.spec.ingress.target) continue;
    if (port.host_ip.find(':') != std::string::npos) continue;  // the same again, for IPv6
    if (chosen == nullptr || port.container.number < chosen->container.number) chosen = &port;
  }
  if (chosen == nullptr) return std::nullopt;
  const bool anywhere = chosen->host_ip.empty() || chosen->host_ip == "0.0.0.0";
  return fmt::format("{}:{}", anywhere ? host_of(t.node->address) : chosen->host_ip,
                     chosen->host_port);
}

void Services::update_routes(ServiceEntry& s) {
  std::vector<api::RoutedReplica> sure, unsure;
  std::set<TaskId> of_target;
  bool lacks_port = false;
  for (const auto& [id, t] : s.replicas) {
    if (t->task.desired == Desired::stop) continue;
    if (t->task.draining && !CUBE_PLANTED("route-what-drains")) continue;
    if (stage_of(*t) != service::Stage::ready && !CUBE_PLANTED("route-the-unready")) continue;
    const auto address = address_of(s, *t);
    lacks_port = lacks_port || !address;
    if (!address) continue;
    const bool heard = t->node->state != NodeState::silent && t->node->state != NodeState::lost;
    (heard ? sure : unsure).push_back({id, t->task.of.slot, *address});
    if (t->task.of.version == s.task_version) of_target.insert(id);
  }
  // A silent node may well serve on: when there is nothing better it is tried.
  if (sure.empty()) sure = std::move(unsure);
  // While a new one proves itself beside an old one that serves, the old one does.
  std::ranges::sort(sure, {}, [&](const api::RoutedReplica& r) {
    return std::tuple(r.slot, of_target.contains(r.task), r.task);
  });
  const auto twice = std::ranges::unique(sure, {}, &api::RoutedReplica::slot);
  sure.erase(twice.begin(), twice.end());
  std::string unreached = sure.empty() && lacks_port ? unreached_words(s.spec) : "";
  if (sure == s.routed && unreached == s.unreached) return;
  s.routed = std::move(sure);
  s.unreached = std::move(unreached);
  table_changed();
}

void Services::table_changed() {
  ++routes_version_;
  if (core_.fx_ != nullptr) core_.fx_->routes_changed = true;
}

std::string Services::routes_version() const {
  return fmt::format("{}-{}", core_.epoch_, routes_version_);
}

api::RouteTable Services::routes() const {
  api::RouteTable out;
  out.version = routes_version();
  std::map<std::uint64_t, const ServiceEntry*> by_seq;
  for (const auto& [id, s] : services_) by_seq[s.seq] = &s;
  for (const auto& [seq, s] : by_seq) {
    if (s->removing) continue;
    out.services.push_back(
        {s->id.uuid, s->spec.name, s->alias, s->spec.ingress, s->routed, s->unreached});
  }
  return out;
}

// --- Drains -------------------------------------------------------------------------------------

void Services::retire(ServiceEntry& s, TaskEntry& t) {
  if (t.task.draining || t.task.desired == Desired::stop) return;
  t.task.draining = true;
  if (s.spec.max_per_node != 0) core_.capacity_changed();  // it does not count any more
  t.replica->drain_until = core_.now_.mono + s.spec.drain;
  t.replica->left_table = routes_version_ + 1;  // the next one lacks it
  core_.save(t);
  const bool was_routed = std::ranges::any_of(
      s.routed, [&](const api::RoutedReplica& r) { return r.task == t.task.id; });
  if (was_routed) {
    core_.tell(
        "task.draining", t,
        fmt::format("gets no new requests; stopped within {}", format_duration(s.spec.drain)));
  } else {
    core_.stop_task(t);
  }
}

void Services::check_drains(ServiceEntry& s) {
  std::vector<TaskEntry*> draining;
  for (auto& [id, t] : s.replicas) {
    if (t->task.draining && t->task.desired == Desired::run) draining.push_back(t);
  }
  for (TaskEntry* t : draining) {
    ReplicaEntry& r = *t->replica;
    if (r.drain_until == Instant{}) {  // retired by the manager before this one
      r.drain_until = core_.now_.mono + s.spec.drain;
      r.left_table = routes_version_;
    }
    if (core_.now_.mono >= r.drain_until || is_drained(*t)) {
      core_.stop_task(*t);
    } else {
      const Instant settled = core_.started_ + ingresses_unknown_for;
      set_alarm(s, std::min(s.alarm, core_.now_.mono < settled ? std::min(settled, r.drain_until)
                                                               : r.drain_until));
    }
  }
}

bool Services::is_drained(const TaskEntry& t) const {
  if (core_.now_.mono < core_.started_ + ingresses_unknown_for) return false;
  if (CUBE_PLANTED("stop-before-drained")) return true;
  return std::ranges::all_of(ingresses_, [&](const auto& item) {
    const IngressEntry& ingress = item.second;
    return ingress.applied >= t.replica->left_table && !ingress.busy.contains(t.task.id);
  });
}

void Services::ingress_asked(const std::string& ingress, std::string_view applied,
                             std::vector<TaskId> busy) {
  const Instant now = core_.now_.mono;
  std::erase_if(ingresses_,
                [&](const auto& item) { return item.second.heard + ingress_silent_after < now; });
  IngressEntry& entry = ingresses_[ingress];
  entry.heard = now;
  entry.applied = 0;
  const std::string epoch = fmt::format("{}-", core_.epoch_);
  if (applied.starts_with(epoch)) {
    for (const char c : applied.substr(epoch.size())) {
      if (c < '0' || c > '9') break;
      entry.applied = entry.applied * 10 + static_cast<std::uint64_t>(c - '0');
    }
  }
  entry.busy = std::set<TaskId>(busy.begin(), busy.end());
  for (auto& [id, s] : services_) {
    const bool drains = std::ranges::any_of(
        s.replicas, [](const auto& item) { return item.second->task.draining; });
    if (drains) touch(s);
  }
}

}  // namespace cube::manager
