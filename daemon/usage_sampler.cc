#include "daemon/usage_sampler.h"

#include <algorithm>

#include "daemon/clock.h"
#include "runtime/cgroup_stats.h"

namespace cube::daemon {

std::vector<api::TaskUsage> UsageSampler::sample(
    const std::vector<worker::RunningContainer>& running, std::int64_t machine_bytes) {
  std::vector<api::TaskUsage> out;
  std::map<std::string, Last> present;
  for (const auto& container : running) {
    const auto stats = runtime::read_container_stats(container.pid);
    if (!stats) continue;
    const Last now{read_clock().mono, stats->cpu_ns};
    present[container.container_id] = now;
    const auto before = last_.find(container.container_id);
    if (before == last_.end() || now.at <= before->second.at) continue;
    const double ns = static_cast<double>((now.at - before->second.at).count()) * 1000;
    const auto used =
        static_cast<double>(std::max<std::int64_t>(0, now.cpu_ns - before->second.cpu_ns));
    const bool limited = stats->memory_limit_bytes > 0 && stats->memory_limit_bytes < machine_bytes;
    const std::int64_t room = limited ? stats->memory_limit_bytes : machine_bytes;
    const double memory =
        room <= 0 ? 0 : static_cast<double>(stats->memory_working_set_bytes) * 100 / double(room);
    out.push_back({container.key.task, used * 100 / ns, memory});
  }
  last_ = std::move(present);
  return out;
}

}  // namespace cube::daemon
