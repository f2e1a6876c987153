#include "cli/views.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cube::cli {
namespace {

constexpr std::size_t kShortId = 8, kShortContainer = 12;
constexpr std::int64_t kMiB = 1024 * 1024, kGiB = 1024 * kMiB;

Color color_of(WireState state) {
  switch (state) {
    case WireState::pending:
    case WireState::scheduled:
      return Color::yellow;
    case WireState::running:
      return Color::green;
    case WireState::completed:
      return Color::dim;
    case WireState::failed:
      return Color::red;
  }
  CUBE_UNREACHABLE();
}

bool is_there(WireState state) {
  return state == WireState::running || state == WireState::completed;
}

// Why a task is not there. Nothing for one that is.
std::string trouble(const Task& task) {
  return is_there(task.wire_state()) ? "" : std::string(task.reason());
}

std::string ago(WallTime then, WallTime now) {
  if (then.is_zero()) return "";
  return format_ago(std::max(now - then, Duration(0)));
}

std::string health_text(const Task& task) {
  return task.status.health == Health::unknown ? "" : std::string(name(task.status.health));
}

std::string cores(std::int64_t milli) {
  const std::string text = fmt::format("{:.2f}", static_cast<double>(milli) / 1000);
  const std::size_t last = text.find_last_not_of('0');
  return text.substr(0, text[last] == '.' ? last : last + 1);
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::vector<std::string> items;
  for (const auto& [key, value] : labels) items.push_back(key + "=" + value);
  return join(items, ",");
}

// What the node offers; an old manager only tells what the machine has.
std::int64_t memory_bytes(const api::NodeView& node) {
  if (node.info.capacity.memory_bytes > 0) return node.info.capacity.memory_bytes;
  const auto found = node.stats.memory_kb.find("mem_total");
  return found == node.stats.memory_kb.end() ? 0 : found->second * 1024;
}

std::int64_t disk_bytes(const api::NodeView& node) {
  return node.info.capacity.disk_bytes > 0 ? node.info.capacity.disk_bytes : node.stats.disk_all;
}

std::string subject_of(const Event& event) {
  // Without a task the name is a service's.
  if (event.task.is_nil()) return event.name.empty() ? event.node : event.name;
  return fmt::format("{} ({})", event.name, short_id(event.task));
}

// To the second: what is finer is in `-o json`.
std::string time_text(WallTime at) {
  const std::string text = format_time(at);
  return text.substr(0, std::min<std::size_t>(text.size(), 19)) + "Z";
}

}  // namespace

std::string printable_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string text;
  for (std::size_t start = 0;;) {
    const std::size_t tab = std::min(line.find('\t', start), line.size());
    text += printable(line.substr(start, tab - start));
    if (tab == line.size()) return text;
    text += '\t';
    start = tab + 1;
  }
}

std::string short_id(const TaskId& id) {
  return id.str().substr(0, kShortId);
}

std::string called(const Task& task) {
  return fmt::format("{} ({})", printable(task.spec->name), short_id(task.id));
}

std::string ports_text(const Task& task) {
  std::vector<std::string> items;
  for (const HostPort& p : task.status.host_ports) {
    const std::string ip =
        p.host_ip.find(':') == std::string::npos ? p.host_ip : "[" + p.host_ip + "]";
    items.push_back(fmt::format("{}:{}->{}", ip, p.host_port, p.container.str()));
  }
  return join(items, ", ");
}

std::string url_of(const Task& task, const std::string& node_host) {
  for (const HostPort& p : task.status.host_ports) {
    if (p.container.protocol != "tcp") continue;
    const bool every = p.host_ip.empty() || p.host_ip == "0.0.0.0" || p.host_ip == "::";
    const std::string& host = every ? node_host : p.host_ip;
    if (host.empty()) continue;
    return host.find(':') == std::string::npos ? fmt::format("http://{}:{}", host, p.host_port)
                                               : fmt::format("http://[{}]:{}", host, p.host_port);
  }
  return "";
}

Table task_table(const std::vector<Task>& tasks, WallTime now, TaskView view) {
  const bool show_reason = view.wide || std::ranges::any_of(tasks, [](const Task& t) {
                             return !is_there(t.wire_state()) && !t.reason().empty();
                           });
  Table table{{"ID", "NAME", "CREATED", "STATE", "CONTAINERNAME", "IMAGE"}, {}};
  if (view.wide) table.titles.insert(table.titles.end(), {"NODE", "HEALTHY", "RESTARTS", "PORTS"});
  if (show_reason) table.titles.push_back("REASON");

  for (const Task& t : tasks) {
    const WireState state = t.wire_state();
    const std::string container =
        view.no_trunc ? t.status.container_id : t.status.container_id.substr(0, kShortContainer);
    std::vector<Cell> row{
        {view.no_trunc ? t.id.str() : short_id(t.id)}, {t.spec->name}, {ago(t.created, now)},
        {std::string(name(state)), color_of(state)},   {container},    {t.spec->image}};
    if (view.wide) {
      row.push_back({t.node});
      row.push_back({health_text(t)});
      row.push_back({std::to_string(t.restart_count())});
      row.push_back({ports_text(t)});
    }
    if (show_reason) row.push_back({view.wide ? std::string(t.reason()) : trouble(t)});
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table node_table(const std::vector<api::NodeView>& nodes, WallTime now, NodeTableView view) {
  Table table{{"NAME", "MEMORY (MiB)", "DISK (GiB)", "ROLE", "TASKS", "STATUS"}, {}};
  if (view.wide)
    table.titles.insert(table.titles.end(), {"API", "CPU", "CPU RESERVED", "MEMORY RESERVED",
                                             "LABELS", "VERSION", "HEARD", "REASON"});
  if (view.no_trunc) table.titles.push_back("ID");
  for (const api::NodeView& n : nodes) {
    const bool in_use = n.availability.empty() || n.availability == "active";
    const Color color = n.state.empty()                ? Color::none
                        : n.state == "lost"            ? Color::red
                        : n.state == "ready" && in_use ? Color::green
                                                       : Color::yellow;
    const std::string state = in_use ? n.state : fmt::format("{} ({})", n.state, n.availability);
    std::vector<Cell> row{
        {n.name}, {std::to_string(memory_bytes(n) / kMiB)}, {std::to_string(disk_bytes(n) / kGiB)},
        {n.role}, {std::to_string(n.task_count)},           {state, color}};
    if (view.wide) {
      row.push_back({n.api});
      row.push_back({cores(n.info.capacity.cpu_milli)});
      row.push_back({cores(n.reserved.cpu_milli)});
      row.push_back({format_bytes(n.reserved.memory_bytes)});
      row.push_back({labels_text(n.info.labels)});
      row.push_back({n.info.version});
      row.push_back({ago(n.last_heard, now)});
      row.push_back({n.reason});
    }
    if (view.no_trunc) row.push_back({n.info.worker.is_nil() ? "" : n.info.worker.str()});
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table event_table(const std::vector<Event>& events) {
  Table table{{"REVISION", "TIME", "KIND", "SUBJECT", "TEXT"}, {}};
  for (const Event& e : events)
    table.rows.push_back(
        {{std::to_string(e.revision)}, {time_text(e.at)}, {e.kind}, {subject_of(e)}, {e.text}});
  return table;
}

std::string event_line(const Event& e) {
  return printable(fmt::format("{:<8}   {}   {:<16}   {}   {}", e.revision, time_text(e.at), e.kind,
                               subject_of(e), e.text));
}

}  // namespace cube::cli
