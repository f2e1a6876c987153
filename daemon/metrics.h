#pragma once
// `GET /metrics`: Prometheus text (exposition format 0.0.4). Cube's own numbers are `cube_*`; a
// worker's containers have cAdvisor's names, so that dashboards made for those work.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "manager/manager.h"
#include "store/store.h"
#include "worker/worker.h"

namespace cube::daemon {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// What a manager is measured by: read on the core's thread, put into words on another.
struct ManagerFigures {
  std::array<std::size_t, wire_states> tasks{};  // by WireState
  std::vector<manager::Node> nodes;              // without labels and statistics
  std::uint64_t epoch = 0, revision = 0;
  bool is_paused = false;
  manager::Counters counters;
  store::Store::Usage store;
};
ManagerFigures figures_of(const manager::Manager& core, const store::Store::Usage& usage);
std::string manager_metrics(const ManagerFigures& figures);

struct MeasuredContainer {
  worker::RunningContainer container;
  ContainerStats stats;
};
std::string worker_metrics(const worker::Counters& counters, const NodeInfo& info,
                           const HostStats& host, std::size_t task_count,
                           const std::vector<MeasuredContainer>& containers,
                           const store::Store::Usage& usage);

}  // namespace cube::daemon
