#include "worker/probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"

namespace cube::worker {
namespace {

constexpr Duration first_probe_after = 250ms;
constexpr Duration interval_until_healthy_max = 1s;

// The container port to probe: the named one, else the lowest tcp port of the task.
std::optional<std::uint16_t> probe_port(const TaskSpec& spec) {
  if (spec.health.port != 0) return spec.health.port;
  std::optional<std::uint16_t> lowest;
  const auto consider = [&](const Port& port) {
    if (port.protocol != "tcp") return;
    if (!lowest || port.number < *lowest) lowest = port.number;
  };
  for (const Port& port : spec.exposed_ports) consider(port);
  for (const PortBinding& binding : spec.ports) consider(binding.container);
  return lowest;
}

}  // namespace

Instant next_probe(const HealthCheck& check, const Probing& probing) {
  if (check.kind == HealthCheck::Kind::none || probing.container_id.empty())
    return Instant::never();
  if (probing.under_way) return Instant::never();
  if (!probing.probed) return probing.started + first_probe_after;
  const Duration interval = probing.succeeded
                                ? check.interval
                                : std::min<Duration>(check.interval, interval_until_healthy_max);
  return probing.began + interval;
}

Health judge(const HealthCheck& check, Probing& probing, bool ok, Instant now) {
  CUBE_ASSERT(check.kind != HealthCheck::Kind::none);
  if (ok) {
    const bool begins = !probing.succeeded || probing.failures >= std::max(check.retries, 1U) ||
                        probing.good_since == Instant{};
    if (begins) probing.good_since = now;
    probing.good_until = now;
    probing.succeeded = true;
    probing.failures = 0;
    return Health::healthy;
  }
  const bool starting_up = !probing.succeeded && now - probing.started < check.start_period;
  if (!starting_up) ++probing.failures;
  if (probing.failures >= std::max(check.retries, 1U)) return Health::unhealthy;
  return probing.succeeded ? Health::healthy : Health::starting;
}

std::optional<ProbeTarget> probe_target(const TaskSpec& spec, const AttemptStatus& status) {
  if (spec.health.kind == HealthCheck::Kind::command) return ProbeTarget{};
  const auto port = probe_port(spec);
  if (!port) return std::nullopt;
  if (!status.container_ip.empty()) return ProbeTarget{status.container_ip, *port};
  for (const HostPort& published : status.host_ports) {
    if (published.container == Port{*port, "tcp"} && published.host_port != 0) {
      return ProbeTarget{"127.0.0.1", published.host_port};
    }
  }
  return std::nullopt;
}

std::string probe_in_words(const TaskSpec& spec) {
  const std::uint16_t port = probe_port(spec).value_or(0);
  switch (spec.health.kind) {
    case HealthCheck::Kind::none:
      return "no health check";
    case HealthCheck::Kind::http:
      return fmt::format("GET {} on port {}", spec.health.path, port);
    case HealthCheck::Kind::tcp:
      return fmt::format("TCP port {}", port);
    case HealthCheck::Kind::command:
      return fmt::format("the command `{}`", join(spec.health.command, " "));
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube::worker
