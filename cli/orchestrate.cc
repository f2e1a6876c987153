#include "cli/orchestrate.h"

#include <fmt/format.h>

#include "api/decode.h"
#include "cli/quick.h"

namespace cube::cli {
namespace {

using service::AutoscalePolicy;
using service::ServiceSpec;

struct Configuration {
  std::string name, image, volume;
  std::string health_path = "/api/v1/_health";
  Duration health_interval = 1s, scaling_interval = 120s;
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
  if (c.minimum > c.maximum)
    return wrong("Minimum", fmt::format("{} is more than Maximum {}", c.minimum, c.maximum));
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
  spec.task.health.retries = 1;  // the first bad answer exchanges the container
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
  CUBE_TRY(service::validate(spec));
  return spec;
}

}  // namespace

Result<ServiceSpec> orchestrated(std::string_view json) {
  const auto value = api::read_json(json);
  CUBE_TRY(value);
  Configuration configuration;
  CUBE_TRY(
      api::decode(*value, api::At(api::Reading::submission), api::Part(fields, configuration)));
  CUBE_TRY(check(configuration));
  return service_of(configuration);
}

}  // namespace cube::cli
