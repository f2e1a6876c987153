#include "service/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "service/collisions.h"

namespace cube::service {
namespace {

Error wrong(std::string_view field, std::string_view message) {
  return {Code::invalid, fmt::format("{}: {}", field, message)};
}

Result<void> check_span(std::string_view field, Duration value, Duration least, Duration most) {
  if (value >= least && value <= most) return {};
  return wrong(field, fmt::format("is {}; {} to {} are allowed", format_duration(value),
                                  format_duration(least), format_duration(most)));
}

constexpr std::size_t name_bytes_max = 63;
constexpr std::size_t hosts_max = 64;
constexpr std::size_t path_bytes_max = 1024;

bool is_dns_label(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= name_bytes_max && is_letter_or_digit(text.front()) &&
         is_letter_or_digit(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_host_name(std::string_view text) {
  if (text.size() > 253) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  while (true) {
    const auto dot = std::min(text.find('.'), text.size());
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

// "/a/b": visible ASCII, no empty segment, no dots that climb, nothing that a URL reads otherwise.
Result<void> check_path_prefix(std::string_view field, std::string_view path) {
  constexpr std::string_view forbidden = "?#%\\\"<>";
  if (!path.starts_with('/')) return wrong(field, "must begin with \"/\", as \"/web\" does");
  if (path.size() > path_bytes_max) {
    return wrong(field, fmt::format("is longer than {} bytes", path_bytes_max));
  }
  for (const char c : path) {
    if (c > 0x20 && c < 0x7f && forbidden.find(c) == forbidden.npos) continue;
    return wrong(field, fmt::format("has \"{}\", which a path cannot have: it is visible ASCII "
                                    "without any of {}",
                                    printable(std::string_view(&c, 1)), forbidden));
  }
  if (path == "/") return {};
  if (path.ends_with('/')) {
    return wrong(field, "must not end with \"/\": it stands for all below it anyway");
  }
  const std::string closed = std::string(path) + "/";
  for (const std::string_view part : {"//", "/./", "/../"}) {
    if (closed.find(part) == closed.npos) continue;
    return wrong(field, fmt::format("must not contain \"{}\"", part));
  }
  return {};
}

Result<void> check_update(const UpdatePolicy& u) {
  CUBE_TRY(check_span("Update.Delay", u.delay, 0s, 24h));
  CUBE_TRY(check_span("Update.Monitor", u.monitor, 0s, 24h));
  CUBE_TRY(check_span("Update.ProgressDeadline", u.progress_deadline, 1s, 24h));
  if (u.max_failures_permille <= 1000) return {};
  return wrong("Update.MaxFailureRatio", "is more than 1");
}

Result<void> check_autoscale(const ServiceSpec& spec) {
  const AutoscalePolicy& a = spec.autoscale;
  if (a.by == AutoscalePolicy::By::none) return {};
  if (spec.global) return wrong("Autoscale", "a global service has one replica on each node");
  if (a.min < 1) return wrong("Autoscale.Min", "must be at least 1");
  if (a.max > replicas_max) {
    return wrong("Autoscale.Max", fmt::format("is {}; at most {}", a.max, replicas_max));
  }
  if (a.min > a.max) {
    return wrong("Autoscale.Min", fmt::format("{} is more than Max {}", a.min, a.max));
  }
  if (spec.replicas < a.min || spec.replicas > a.max) {
    return wrong("Replicas", fmt::format("{} is outside Autoscale.Min {} to Max {}", spec.replicas,
                                         a.min, a.max));
  }
  if (a.low >= a.high) {
    return wrong("Autoscale.Low", fmt::format("{} is not less than High {}", a.low, a.high));
  }
  if (a.high > 10'000) return wrong("Autoscale.High", "is more than 10000 per cent");
  if (a.per_replica < 1) return wrong("Autoscale.PerReplica", "must be at least 1");
  CUBE_TRY(check_span("Autoscale.Interval", a.interval, 1s, 24h));
  CUBE_TRY(check_span("Autoscale.UpCooldown", a.up_cooldown, 0s, 24h));
  CUBE_TRY(check_span("Autoscale.DownCooldown", a.down_cooldown, 0s, 24h));
  return check_span("Autoscale.Stabilization", a.stabilization, 0s, 24h);
}

Result<void> check_ingress(const ServiceSpec& spec) {
  const IngressRules& in = spec.ingress;
  if (in.hosts.size() > hosts_max) {
    return wrong("Ingress.Hosts",
                 fmt::format("has {} items; at most {} are allowed", in.hosts.size(), hosts_max));
  }
  for (std::size_t i = 0; i < in.hosts.size(); ++i) {
    if (is_host_name(in.hosts[i])) continue;
    return wrong(fmt::format("Ingress.Hosts[{}]", i),
                 "is not a host name in lower case such as \"web.example.com\" or "
                 "\"*.example.com\"");
  }
  if (!in.path.empty()) {
    CUBE_TRY(check_path_prefix("Ingress.Path", in.path));
  }
  for (std::size_t i = 0; i < in.not_counted.size(); ++i) {
    CUBE_TRY(check_path_prefix(fmt::format("Ingress.NotCounted[{}]", i), in.not_counted[i]));
  }
  if (in.retries > 10) return wrong("Ingress.Retries", "is more than 10");
  CUBE_TRY(check_span("Ingress.RateLimit.Per", in.rate_limit.per, 1s, 24h));
  CUBE_TRY(check_span("Ingress.ConnectTimeout", in.connect_timeout, 10ms, 1h));
  CUBE_TRY(check_span("Ingress.ResponseTimeout", in.response_timeout, 10ms, 24h));
  return check_span("Ingress.IdleTimeout", in.idle_timeout, 10ms, 24h);
}

Result<void> check_port_range(const ServiceSpec& spec) {
  const auto ports = ports_of(spec);
  if (!ports) return {};
  if (ports->last > 65535) {
    return wrong("PortRange.Start", fmt::format("{} replicas from port {} end behind port 65535",
                                                ports->last - ports->first + 1, ports->first));
  }
  if (spec.port_range.port.number == 0) {
    return wrong("PortRange.Port", "is missing, and the task has not exactly one port to take");
  }
  for (const PortBinding& binding : spec.task.ports) {
    if (binding.container != spec.port_range.port) continue;
    return wrong("PortRange.Port", fmt::format("{} has a host port in Task.PortBindings too",
                                               spec.port_range.port.str()));
  }
  return {};
}

Result<void> check_spread(const std::string& spread) {
  constexpr std::string_view label = "node.labels.";
  const bool by_label = spread.starts_with(label) && spread.size() > label.size();
  if (spread.empty() || spread == "node" || by_label) return {};
  return wrong("Spread", "is neither \"node\", nor \"node.labels.KEY\", nor empty");
}

// What is wrong with a task is told with the field of the service that it comes from: the volume is
// the last of the task's mounts.
Error of_service(const ServiceSpec& spec, const Error& error) {
  const std::string mount = fmt::format("Mounts[{}].", spec.task.mounts.size());
  if (!error.message.starts_with(mount)) return {error.code, "Task." + error.message};
  std::string field = error.message.substr(mount.size());
  constexpr std::pair<std::string_view, std::string_view> names[] = {{"Source", "Name"},
                                                                     {"DriverOptions", "Options"}};
  for (const auto& [theirs, ours] : names) {
    if (field.starts_with(theirs)) field.replace(0, theirs.size(), ours);
  }
  return {error.code, "Volume." + field};
}

}  // namespace

Result<void> validate(const ServiceSpec& spec) {
  if (!is_dns_label(spec.name)) {
    return wrong("Name", spec.name.empty()
                             ? "is missing"
                             : "is not a service name: at most 63 of a-z, 0-9 and \"-\", beginning "
                               "and ending with a letter or digit");
  }
  if (!spec.task.name.empty()) {
    return wrong("Task.Name", "must be empty: replicas are named after the service");
  }
  if (spec.replicas > replicas_max) {
    return wrong("Replicas", fmt::format("is {}; at most {}", spec.replicas, replicas_max));
  }
  if (spec.task.exclusive) {
    return wrong("Task.Exclusive",
                 "is for single tasks; a service has Update.Order \"stop-first\"");
  }
  CUBE_TRY(check_update(spec.update));
  CUBE_TRY(check_span("Drain", spec.drain, 0s, 24h));
  CUBE_TRY(check_autoscale(spec));
  CUBE_TRY(check_ingress(spec));
  CUBE_TRY(check_port_range(spec));
  CUBE_TRY(check_own_ports(spec));
  CUBE_TRY(check_spread(spec.spread));
  if (!spec.volume.name.empty() && spec.volume.target.empty()) {
    return wrong("Volume.Target", "is missing");
  }
  if (spec.volume.name.empty() && (!spec.volume.target.empty() || !spec.volume.driver.empty())) {
    return wrong("Volume.Name", "is missing");
  }
  auto task = cube::validate(task_of(spec, 1));
  if (!task) return of_service(spec, task.error());
  return {};
}

TaskSpec task_of(const ServiceSpec& spec, std::uint32_t slot) {
  TaskSpec task = spec.task;
  task.name = fmt::format("{}.{}", spec.name, slot);
  if (task.restart.kind == RestartPolicy::Kind::unset) {
    task.restart.kind = RestartPolicy::Kind::always;
  }
  if (const auto ports = ports_of(spec)) {
    const std::uint32_t port = spec.global ? ports->first : ports->first + slot - 1;
    task.ports.push_back({spec.port_range.port, static_cast<std::uint16_t>(port), {}});
  }
  if (!spec.volume.name.empty()) {
    task.mounts.push_back({Mount::Kind::volume, spec.volume.name, spec.volume.target, false,
                           spec.volume.driver, spec.volume.options});
  }
  return task;
}

TaskSpec task_on(const ServiceSpec& spec, std::uint32_t slot, const std::string& node) {
  TaskSpec task = task_of(spec, slot);
  task.constraints.push_back("node.name==" + node);
  return task;
}

bool is_of_one_node(const SharedVolume& volume) {
  if (volume.name.empty() || (!volume.driver.empty() && volume.driver != "local")) return false;
  const auto type = volume.options.find("type");
  return !volume.options.contains("device") ||
         (type != volume.options.end() && type->second == "tmpfs");
}

bool differs_in_task(const ServiceSpec& a, const ServiceSpec& b) {
  return task_of(a, 1) != task_of(b, 1);
}

UpdatePolicy::Order order_of(const ServiceSpec& spec) {
  const bool fixed_port =
      spec.port_range.start != 0 ||
      std::ranges::any_of(spec.task.ports, [](const PortBinding& p) { return p.host_port != 0; });
  const bool one_writer = !spec.volume.name.empty() && spec.volume.single_writer;
  return fixed_port || one_writer ? UpdatePolicy::Order::stop_first : spec.update.order;
}

std::optional<Ports> ports_of(const ServiceSpec& spec) {
  if (spec.port_range.start == 0) return std::nullopt;
  // On each node one and the same.
  std::uint32_t most = spec.global ? 1 : std::max<std::uint32_t>(spec.replicas, 1);
  if (spec.autoscale.by != AutoscalePolicy::By::none) most = std::max(most, spec.autoscale.max);
  return Ports{spec.port_range.start, spec.port_range.start + most - 1};
}

}  // namespace cube::service
