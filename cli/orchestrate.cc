#include "cli/orchestrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/decode.h"
#include "cli/quick.h"

namespace cube::cli {
namespace {

using service::AutoscalePolicy;
using service::ServiceSpec;

struct Configuration {
  std::string name, image, volume;
  std::string health_path = "/api/v1/_health";
  Duration health_interval = 1s, start_period = 10s, scaling_interval = 120s;
  std::uint16_t starting_port = 8000;  // of the node, for the first container
  std::uint16_t container_port = 80;   // that the program in the image listens on
  std::uint16_t port = 80;             // where requests come in; 0: no listener of its own
  std::uint32_t requests = 20, minimum = 1, maximum = 10;
};

constexpr api::Field<Configuration> fields[] = {
    {"Image", api::field<&Configuration::image>, api::Role::required},
    {"Name", api::field<&Configuration::name>},
    {"Port", api::field<&Configuration::port>},
    {"StartingPort", api::field<&Configuration::starting_port>},
    {"ContainerPort", api::field<&Configuration::container_port>},
    {"HealthCheckInterval", api::field<&Configuration::health_interval>},
    {"HealthCheckPath", api::field<&Configuration::health_path>},
    {"HealthCheckStartPeriod", api::field<&Configuration::start_period>},
    {"ScalingInterval", api::field<&Configuration::scaling_interval>},
    {"RequestsPerContainer", api::field<&Configuration::requests>},
    {"Minimum", api::field<&Configuration::minimum>},
    {"Maximum", api::field<&Configuration::maximum>},
    {"Volume", api::field<&Configuration::volume>},
};

Error wrong(std::string_view field, std::string_view what) {
  return {Code::invalid, fmt::format("{}: {}", field, what)};
}

// What a service's rules would say in the names of a service.
Result<void> check(const Configuration& c) {
  if (c.image.empty()) return wrong("Image", "must not be empty");
  if (c.starting_port == 0) return wrong("StartingPort", "must be from 1 to 65535");
  if (c.container_port == 0) return wrong("ContainerPort", "must be from 1 to 65535");
  if (!c.health_path.starts_with('/')) return wrong("HealthCheckPath", "must begin with \"/\"");
  if (c.requests == 0) return wrong("RequestsPerContainer", "must be at least 1");
  if (c.minimum == 0) return wrong("Minimum", "must be at least 1");
  if (c.maximum == 0) return wrong("Maximum", "must be at least 1");
  if (c.minimum > c.maximum)
    return wrong("Minimum", fmt::format("{} is more than Maximum {}", c.minimum, c.maximum));
  if (c.maximum > service::replicas_max)
    return wrong("Maximum", fmt::format("is {}; at most {}", c.maximum, service::replicas_max));
  if (std::uint32_t{c.starting_port} + c.maximum - 1 > 65535)
    return wrong("StartingPort", fmt::format("{} containers from port {} end behind port 65535",
                                             c.maximum, c.starting_port));
  return {};
}

// "/api/v1/_health" and its neighbour "/api/v1/_crash" are no work.
std::vector<std::string> not_counted(const std::string& health_path) {
  return {health_path, health_path.substr(0, health_path.rfind('/') + 1) + "_crash"};
}

Result<ServiceSpec> service_of(const Configuration& c) {
  ServiceSpec spec;
  spec.name = c.name.empty() ? name_from_image(c.image) : c.name;
  spec.task.image = c.image;
  const Port port{c.container_port, "tcp"};
  spec.task.exposed_ports = {port};
  spec.task.health.kind = HealthCheck::Kind::http;
  spec.task.health.path = c.health_path;
  spec.task.health.port = c.container_port;
  spec.task.health.interval = c.health_interval;
  spec.task.health.timeout = std::min<Duration>(spec.task.health.timeout, c.health_interval);
  // The first bad answer exchanges the container, once it has had time to start.
  spec.task.health.retries = 1;
  spec.task.health.start_period = c.start_period;
  spec.replicas = c.minimum;
  spec.port_range = {c.starting_port, port};
  spec.autoscale.by = AutoscalePolicy::By::requests;
  spec.autoscale.min = c.minimum;
  spec.autoscale.max = c.maximum;
  spec.autoscale.per_replica = c.requests;
  spec.autoscale.interval = c.scaling_interval;
  spec.autoscale.remove = AutoscalePolicy::Remove::highest;
  spec.ingress.target = c.container_port;
  spec.ingress.port = c.port;
  if (c.port == 0) spec.ingress.path = "/" + spec.name;
  spec.ingress.not_counted = not_counted(c.health_path);
  if (!c.volume.empty()) {
    const auto mount = parse_mount_flag(c.volume);
    if (!mount.ok() || mount->kind != Mount::Kind::volume)
      return wrong("Volume", "is not NAME:TARGET, such as \"data:/data\"");
    spec.volume.name = mount->source;
    spec.volume.target = mount->target;
  }
  if (const auto valid = service::validate(spec); !valid.ok()) {
    return in_configuration(valid.error());
  }
  return spec;
}

// A service's field, and what decides it here. The longer come before what they begin with.
constexpr std::pair<std::string_view, std::string_view> names[] = {
    {"Name", "Name"},
    {"Task.Image", "Image"},
    {"Task.HealthCheck.Interval", "HealthCheckInterval"},
    {"Task.HealthCheck.Timeout", "HealthCheckInterval"},
    {"Task.HealthCheck.Path", "HealthCheckPath"},
    {"Task.HealthCheck.Port", "ContainerPort"},
    {"Task.HealthCheck.StartPeriod", "HealthCheckStartPeriod"},
    {"Task.ExposedPorts", "ContainerPort"},
    {"Autoscale.Interval", "ScalingInterval"},
    {"Autoscale.PerReplica", "RequestsPerContainer"},
    {"Autoscale.Max", "Maximum"},
    {"Autoscale.Min", "Minimum"},
    {"Ingress.NotCounted", "HealthCheckPath"},
    {"Ingress.Port", "Port"},
    {"Ingress.Path", "Name"},
    {"PortRange.Start", "StartingPort"},
    {"PortRange.Port", "ContainerPort"},
    {"Replicas", "Minimum"},
    {"Volume", "Volume"},
};

}  // namespace

Error in_configuration(Error error) {
  for (const auto& [theirs, ours] : names) {
    for (auto at = error.message.find(theirs); at != std::string::npos;
         at = error.message.find(theirs, at + ours.size())) {
      // The whole of a field, with what is below it: "Ingress.NotCounted[0]".
      const bool begins = at == 0 || error.message[at - 1] == ' ';
      const std::size_t end = std::min(error.message.find_first_of(": ", at), error.message.size());
      const bool whole = std::string_view(":[. ").find(error.message[at + theirs.size()]) !=
                         std::string_view::npos;
      if (begins && whole) error.message.replace(at, end - at, ours);
    }
  }
  return error;
}

bool looks_orchestrated(const ServiceSpec& s) {
  const HealthCheck& health = s.task.health;
  return s.port_range.start != 0 && s.port_range.port == Port{s.ingress.target, "tcp"} &&
         s.autoscale.by == AutoscalePolicy::By::requests &&
         health.kind == HealthCheck::Kind::http && health.port == s.ingress.target &&
         health.retries == 1 && s.ingress.not_counted == not_counted(health.path);
}

Result<Orchestrated> orchestrated(std::string_view json) {
  const auto value = api::read_json(json);
  CUBE_TRY(value);
  Configuration configuration;
  CUBE_TRY(
      api::decode(*value, api::At(api::Reading::submission), api::Part(fields, configuration)));
  CUBE_TRY(check(configuration));
  auto spec = service_of(configuration);
  CUBE_TRY(spec);
  return Orchestrated{*std::move(spec), !configuration.name.empty()};
}

}  // namespace cube::cli
