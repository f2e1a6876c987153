#pragma once
// `GET /metrics`: Prometheus text (exposition format 0.0.4). Cube's own numbers are `cube_*`; a
// worker's containers have cAdvisor's names, so that dashboards made for those work.

#include <string>
#include <string_view>
#include <vector>

#include "manager/manager.h"
#include "store/store.h"
#include "worker/worker.h"

namespace cube::daemon {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

std::string manager_metrics(const manager::Manager& core, const store::Store::Usage& usage);

struct MeasuredContainer {
  worker::RunningContainer container;
  ContainerStats stats;
};
std::string worker_metrics(const worker::Counters& counters, const NodeInfo& info,
                           const HostStats& host, std::size_t task_count,
                           const std::vector<MeasuredContainer>& containers,
                           const store::Store::Usage& usage);

}  // namespace cube::daemon
