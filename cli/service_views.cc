#include "cli/service_views.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr std::size_t kShortId = 8;

Color color_of(const api::ServiceView& s) {
  if (s.status.converged()) return Color::green;
  return s.status.state == "paused" ? Color::red : Color::yellow;
}

std::string age(WallTime then, WallTime now) {
  return then.is_zero() ? "" : format_ago(std::max(now - then, Duration(0)));
}

std::string shown_id(const std::string& id, bool whole) {
  return whole ? id : id.substr(0, kShortId);
}

}  // namespace

std::string called(const api::ServiceView& service) {
  return fmt::format("{} ({})", printable(service.spec.name), shown_id(service.id.str(), false));
}

std::string entrances(const service::ServiceSpec& spec) {
  const service::IngressRules& in = spec.ingress;
  std::vector<std::string> items;
  for (const std::string& host : in.hosts) items.push_back(host + in.path);
  if (in.hosts.empty() && !in.path.empty()) items.push_back(in.path);
  if (in.port != 0) items.push_back(fmt::format(":{}", in.port));
  if (const auto ports = service::ports_of(spec))
    items.push_back(
        fmt::format("nodes:{}-{}->{}", ports->first, ports->last, spec.port_range.port.str()));
  return join(items, ", ");
}

Table service_table(const std::vector<api::ServiceView>& services, WallTime now,
                    ServiceTableView view) {
  const bool show_message = view.wide || std::ranges::any_of(services, [](const auto& s) {
                              return !s.status.converged() && !s.status.message.empty();
                            });
  Table table{{"ID", "NAME", "CREATED", "REPLICAS", "STATE", "IMAGE"}, {}};
  if (view.wide)
    table.titles.insert(table.titles.end(),
                        {"RUNNING", "UPDATED", "VERSION", "ALIAS", "ENTRANCES"});
  if (show_message) table.titles.push_back("MESSAGE");
  for (const api::ServiceView& s : services) {
    const api::ServiceStatus& status = s.status;
    std::vector<Cell> row{
        {shown_id(s.id.str(), view.no_trunc)},
        {s.spec.name},
        {age(s.created, now)},
        {fmt::format("{}/{}{}", status.ready, status.replicas, s.spec.global ? " global" : "")},
        {status.state, color_of(s)},
        {s.spec.task.image}};
    if (view.wide) {
      row.push_back({std::to_string(status.running)});
      row.push_back({std::to_string(status.updated)});
      row.push_back({std::to_string(s.version)});
      row.push_back({s.alias});
      row.push_back({entrances(s.spec)});
    }
    if (show_message) row.push_back({status.message});
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table replica_table(const std::vector<Task>& tasks, ServiceTableView view) {
  Table table{{"ID", "NAME", "VERSION", "NODE", "STATE", "HEALTHY", "IMAGE"}, {}};
  if (view.wide) table.titles.insert(table.titles.end(), {"RESTARTS", "PORTS"});
  table.titles.push_back("REASON");
  for (const Task& t : tasks) {
    const bool running = t.wire_state() == WireState::running;
    const bool drains = t.draining && !t.is_terminal();
    const Color color = drains                                ? Color::dim
                        : running                             ? Color::green
                        : t.wire_state() == WireState::failed ? Color::red
                                                              : Color::yellow;
    const std::string health =
        t.status.health == Health::unknown ? "" : std::string(name(t.status.health));
    std::vector<Cell> row{{shown_id(t.id.str(), view.no_trunc)},
                          {t.spec->name},
                          {std::to_string(t.of.version)},
                          {t.node},
                          {drains ? "Draining" : std::string(name(t.wire_state())), color},
                          {health},
                          {t.spec->image}};
    if (view.wide) {
      row.push_back({std::to_string(t.restart_count())});
      row.push_back({ports_text(t)});
    }
    row.push_back({running && !view.wide ? "" : std::string(t.reason())});
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string fingerprint(const api::ServiceView& s) {
  const api::ServiceStatus& t = s.status;
  return fmt::format("{} {} {} {} {} {} {} {}", s.version, t.state, t.message, t.replicas,
                     t.running, t.ready, t.updated, t.failures);
}

std::string fingerprint(const Task& t) {
  return fmt::format("{} {} {} {} {} {} {} {}", name(t.wire_state()), t.attempt, t.restart_count(),
                     static_cast<int>(t.status.health), t.status.container_id, t.node, t.draining,
                     t.reason());
}

}  // namespace cube::cli
