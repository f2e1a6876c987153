// What services and routes must have come to some time after the faults.

#include <fmt/format.h>

#include <algorithm>

#include "sim/world.h"

namespace cube::sim {

void World::check_services(std::vector<std::string>& out) const {
  if (!operator_->is_settled()) {
    out.push_back("the operator waits for an answer");
    return;
  }
  const auto views = manager_->core().services();
  if (views.size() != operator_->wanted().size()) {
    out.push_back(fmt::format("there are {} services, and {} were asked for", views.size(),
                              operator_->wanted().size()));
  }
  for (const api::ServiceView& view : views) check_service(view, out);
  check_routes(out);
}

void World::check_service(const api::ServiceView& view, std::vector<std::string>& out) const {
  const auto say = [&](std::string_view what) {
    const auto& st = view.status;
    out.push_back(fmt::format(
        "service {}: {} ({}; of {} replicas {} run, {} are ready, {} of version {}; {})",
        view.spec.name, what, st.state, st.replicas, st.running, st.ready, st.updated,
        view.task_version, st.message));
  };
  const auto wanted = operator_->wanted().find(view.spec.name);
  if (wanted == operator_->wanted().end()) return say("nobody asked for it");
  service::ServiceSpec spec = view.spec;
  spec.replicas = wanted->second.replicas;
  if (spec != wanted->second) return say("is not what was asked for");
  if (!view.status.converged() || view.status.running != view.status.replicas) {
    return say("is not there yet");
  }
  using By = service::AutoscalePolicy::By;
  const auto& a = spec.autoscale;
  const std::uint32_t now = view.spec.replicas;
  if (a.by == By::none) {
    const std::size_t count = spec.global ? workers_.size() : spec.replicas;
    if (view.status.replicas != count) say(fmt::format("it should have {} replicas", count));
    return;
  }
  if (now < a.min || now > a.max) say("has too few or too many replicas");
  // Next to nothing comes in.
  const bool is_measured = a.by != By::usage && !ingresses_.empty();
  if (is_measured && now != a.min) say(fmt::format("{} replicas would be enough", a.min));
}

// Everything is listed, and every ingress knows.
void World::check_routes(std::vector<std::string>& out) const {
  const api::RouteTable table = manager_->core().routes();
  for (const api::RoutedService& s : table.services) {
    const auto view = manager_->core().service(s.name);
    if (!view.ok()) {
      out.push_back("the routes list a service that is not there");
    } else if (s.replicas.size() != view->status.replicas) {
      out.push_back(fmt::format("{} of {} replicas of {} are routed to", s.replicas.size(),
                                view->status.replicas, s.name));
    }
  }
  for (const auto& i : ingresses_) {
    if (!i->is_idle()) out.push_back("ingress " + i->name() + " has requests under way");
    if (!(i->table().services == table.services)) {
      out.push_back("ingress " + i->name() + " has another table");
    }
  }
}

}  // namespace cube::sim
