#include "daemon/metrics.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <map>

namespace cube::daemon {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

// Appends metric families in the text format; each family's HELP and TYPE come once, before it.
class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
    name_ = name;
  }
  template <class Number>
  void sample(const Labels& labels, Number value) {
    out_ += name_;
    char before = '{';
    for (const auto& [key, text] : labels) {
      out_ += before;
      out_ += fmt::format("{}=\"{}\"", key, escaped(text));
      before = ',';
    }
    if (!labels.empty()) out_ += '}';
    out_ += fmt::format(" {}\n", value);
  }
  template <class Number>
  void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample({}, value);
  }
  std::string take() { return std::move(out_); }

 private:
  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '\\' || c == '"') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    return out;
  }

  std::string out_, name_;
};

void add_store(Page& page, const store::Store::Usage& usage) {
  page.one("cube_store_bytes_used", "gauge", "Bytes of the store's map that hold data.",
           usage.bytes_used);
  page.one("cube_store_bytes_limit", "gauge", "Size that the store's map may grow to; 0: none.",
           usage.bytes_limit);
  page.one("cube_store_full", "gauge", "1 while the store's disk has no room for new tasks.",
           usage.full ? 1 : 0);
}

void add_tasks(Page& page, const ManagerFigures& figures) {
  page.family("cube_tasks", "gauge", "Tasks by state.");
  for (std::size_t i = 0; i < wire_states; ++i) {
    const std::string_view state = name(static_cast<WireState>(i));
    page.sample({{"state", std::string(state)}}, figures.tasks[i]);
  }
}

void add_nodes(Page& page, const std::vector<manager::Node>& nodes) {
  const auto family = [&](std::string_view name, std::string_view help, auto value) {
    page.family(name, "gauge", help);
    for (const auto& node : nodes) page.sample({{"node", node.name}}, value(node));
  };
  family("cube_node_ready", "1 when the node takes tasks.",
         [](const manager::Node& n) { return n.state == manager::NodeState::ready ? 1 : 0; });
  family("cube_node_tasks", "Tasks that the node holds.",
         [](const manager::Node& n) { return n.task_count; });
  family("cube_node_cpu_cores", "Cores that may be reserved.",
         [](const manager::Node& n) { return double(n.info.capacity.cpu_milli) / 1000; });
  family("cube_node_cpu_cores_reserved", "Cores reserved by tasks.",
         [](const manager::Node& n) { return double(n.reserved.cpu_milli) / 1000; });
  family("cube_node_memory_bytes", "Memory that may be reserved.",
         [](const manager::Node& n) { return n.info.capacity.memory_bytes; });
  family("cube_node_memory_bytes_reserved", "Memory reserved by tasks.",
         [](const manager::Node& n) { return n.reserved.memory_bytes; });
}

struct ContainerFamily {
  std::string_view name, type, help;
  double (*value)(const ContainerStats&);
};

constexpr std::array container_families = {
    ContainerFamily{"container_cpu_usage_seconds_total", "counter", "CPU time used.",
                    [](const ContainerStats& s) { return double(s.cpu_ns) / 1e9; }},
    ContainerFamily{"container_memory_usage_bytes", "gauge", "Memory in use, with caches.",
                    [](const ContainerStats& s) { return double(s.memory_bytes); }},
    ContainerFamily{"container_memory_working_set_bytes", "gauge",
                    "Memory in use that cannot easily be given back.",
                    [](const ContainerStats& s) { return double(s.memory_working_set_bytes); }},
    ContainerFamily{"container_spec_memory_limit_bytes", "gauge", "Memory limit; 0: none.",
                    [](const ContainerStats& s) { return double(s.memory_limit_bytes); }},
    ContainerFamily{"container_network_receive_bytes_total", "counter", "Bytes received.",
                    [](const ContainerStats& s) { return double(s.network_rx_bytes); }},
    ContainerFamily{"container_network_transmit_bytes_total", "counter", "Bytes sent.",
                    [](const ContainerStats& s) { return double(s.network_tx_bytes); }},
    ContainerFamily{"container_fs_reads_bytes_total", "counter", "Bytes read from block devices.",
                    [](const ContainerStats& s) { return double(s.block_read_bytes); }},
    ContainerFamily{"container_fs_writes_bytes_total", "counter", "Bytes written to block devices.",
                    [](const ContainerStats& s) { return double(s.block_write_bytes); }},
    ContainerFamily{"container_processes", "gauge", "Processes and threads.",
                    [](const ContainerStats& s) { return double(s.pids); }},
};

void add_containers(Page& page, const std::vector<MeasuredContainer>& containers) {
  for (const auto& family : container_families) {
    page.family(family.name, family.type, family.help);
    for (const auto& [container, stats] : containers) {
      page.sample({{"id", "/docker/" + container.container_id},
                   {"name", container.task_name},
                   {"image", container.image},
                   {"container_label_cube_task", container.key.task.str()}},
                  family.value(stats));
    }
  }
}

}  // namespace

ManagerFigures figures_of(const manager::Manager& core, const store::Store::Usage& usage) {
  ManagerFigures out;
  for (std::size_t i = 0; i < wire_states; ++i) {
    out.tasks[i] = core.tasks_in(static_cast<WireState>(i));
  }
  out.nodes = core.node_figures();
  out.epoch = core.epoch();
  out.revision = core.revision();
  out.is_paused = !core.paused_reason().empty();
  out.counters = core.counters();
  out.store = usage;
  return out;
}

std::string manager_metrics(const ManagerFigures& figures) {
  Page page;
  const auto& c = figures.counters;
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    page.one(name, "counter", help, value);
  };
  add_tasks(page, figures);
  add_nodes(page, figures.nodes);
  page.one("cube_manager_epoch", "gauge", "Starts of this manager so far.", figures.epoch);
  page.one("cube_replacement_paused", "gauge", "1 while lost tasks are not placed elsewhere.",
           figures.is_paused ? 1 : 0);
  page.one("cube_revision", "counter", "Number of the newest event.", figures.revision);
  total("cube_tasks_submitted_total", "Tasks accepted.", c.submitted);
  total("cube_tasks_placed_total", "Attempts placed on a node.", c.placed);
  total("cube_tasks_moved_total", "Attempts begun because the one before kept failing.", c.moved);
  total("cube_tasks_stopped_total", "Stop requests accepted.", c.stopped);
  total("cube_reports_total", "Reports of workers taken in.", c.reports);
  total("cube_reports_ignored_total", "Reports that were too old to matter.", c.reports_ignored);
  total("cube_link_failures_total", "Calls to workers that failed.", c.link_failures);
  total("cube_nodes_lost_total", "Times a node fell silent past its deadline.", c.nodes_lost);
  total("cube_sweep_findings_total", "Sweeps that found what events had missed.",
        c.sweeps_with_findings);
  add_store(page, figures.store);
  return page.take();
}

std::string worker_metrics(const worker::Counters& c, const NodeInfo& info, const HostStats& host,
                           std::size_t task_count, const std::vector<MeasuredContainer>& containers,
                           const store::Store::Usage& usage) {
  Page page;
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    page.one(name, "counter", help, value);
  };
  page.one("cube_engine_ready", "gauge", "1 when the container engine answers.",
           info.engine_ready ? 1 : 0);
  page.one("cube_worker_tasks", "gauge", "Tasks held that are not over.", task_count);
  const auto available = host.memory_kb.find("mem_available");
  page.one("cube_machine_memory_available_bytes", "gauge", "Memory that new work could get.",
           available == host.memory_kb.end() ? 0 : available->second * 1024);
  page.one("cube_machine_disk_free_bytes", "gauge", "Free bytes where the engine keeps its data.",
           host.disk_free);
  page.one("cube_machine_load1", "gauge", "Load average over one minute.", host.load1);
  total("cube_containers_started_total", "Containers started.", c.containers_started);
  total("cube_containers_adopted_total", "Running containers taken over.", c.containers_adopted);
  total("cube_containers_exited_total", "Containers that ended.", c.containers_exited);
  total("cube_restarts_total", "Restarts under restart policies.", c.restarts);
  total("cube_engine_operations_total", "Operations asked of the engine.", c.operations);
  total("cube_engine_operation_errors_total", "Operations that failed.", c.operation_errors);
  total("cube_probes_total", "Health checks run.", c.probes);
  total("cube_probe_failures_total", "Health checks that failed.", c.probe_failures);
  total("cube_assignments_total", "Assignments accepted.", c.assignments);
  total("cube_assignments_refused_total", "Assignments refused as old or foreign.",
        c.assignments_refused);
  total("cube_sweep_findings_total", "Sweeps that found what events had missed.",
        c.sweeps_with_findings);
  add_containers(page, containers);
  add_store(page, usage);
  return page.take();
}

}  // namespace cube::daemon
