#include <fmt/format.h>

#include <algorithm>

#include "api/decode.h"
#include "api/gateway.h"
#include "api/json_reader.h"
#include "api/json_writer.h"

namespace cube::api {
namespace {

constexpr Field<Spawn> spawn_fields[] = {
    {"image", field<&Spawn::image>, Role::required},
    {"tag", field<&Spawn::tag>},
    {"minContainers", field<&Spawn::min>},
    {"maxContainers", field<&Spawn::max>},
};

struct Kill {
  std::string alias;
};
constexpr Field<Kill> kill_fields[] = {{"alias", field<&Kill::alias>, Role::required}};

}  // namespace

Result<Spawn> parse_spawn(std::string_view json) {
  auto value = read_json(json, {.values_max = request_values_max});
  if (!value) return std::move(value).error();
  Spawn out;
  CUBE_TRY(decode(*value, At(Reading::submission), Part(spawn_fields, out)));
  // 0 is what an old client sends for a number that it does not have.
  out.min = std::max(out.min, 1U);
  if (out.max == 0) out.max = out.min;
  if (out.min <= out.max) return out;
  return Error{Code::invalid,
               fmt::format("minContainers: {} is more than maxContainers {}", out.min, out.max)};
}

service::ServiceSpec service_of(const Spawn& spawn, std::string name) {
  service::ServiceSpec spec;
  spec.name = std::move(name);
  spec.task.image = spawn.image;
  // A tag of its own, where the image has none: the repository's last part tells.
  const auto last = spawn.image.substr(std::min(spawn.image.size(), spawn.image.rfind('/') + 1));
  if (!spawn.tag.empty() && last.find_first_of(":@") == last.npos) {
    spec.task.image += ":" + spawn.tag;
  }
  spec.task.publish_all = true;
  spec.replicas = spawn.min;
  service::AutoscalePolicy& scale = spec.autoscale;
  scale.by = service::AutoscalePolicy::By::usage;
  scale.min = spawn.min;
  scale.max = spawn.max;
  scale.interval = 10s;
  scale.remove = service::AutoscalePolicy::Remove::least_used;
  return spec;
}

std::string spawned_json(const Task& replica, std::string_view alias) {
  const HostPort* chosen = nullptr;
  for (const HostPort& port : replica.status.host_ports) {
    if (port.container.protocol != "tcp") continue;
    if (chosen == nullptr || port.container.number < chosen->container.number) chosen = &port;
  }
  JsonWriter w;
  w.open_object();
  w.member("containerId", replica.status.container_id);
  w.member("containerPORT", chosen == nullptr ? "" : std::to_string(chosen->container.number));
  w.member("hostPORT", chosen == nullptr ? "" : std::to_string(chosen->host_port));
  w.member("alias", alias);
  w.close_object();
  return std::move(w).finish();
}

Result<std::string> parse_kill(std::string_view json) {
  auto value = read_json(json, {.values_max = request_values_max});
  if (!value) return std::move(value).error();
  Kill out;
  CUBE_TRY(decode(*value, At(Reading::submission), Part(kill_fields, out)));
  return std::move(out.alias);
}

std::string killed_json() {
  return R"({"success":true})";
}

std::string gateway_error_json(std::string_view message) {
  JsonWriter w;
  w.open_object();
  w.member("error", message);
  w.close_object();
  return std::move(w).finish();
}

}  // namespace cube::api
