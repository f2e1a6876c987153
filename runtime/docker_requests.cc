// Bodies and filters that go to the engine.

#include <nlohmann/json.hpp>

#include "runtime/docker_json.h"

namespace cube::runtime {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t pids_default = 512;
// Containers die before the daemons that watch them when memory runs out.
constexpr int oom_score_adj = 100;
constexpr const char* log_size_max = "10m";
constexpr const char* log_files_max = "3";

// Text of people may hold any bytes: what is not UTF-8 is replaced, never thrown.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json exposed_ports(const TaskSpec& spec) {
  Json ports = Json::object();
  for (const Port& port : spec.exposed_ports) ports[port.str()] = Json::object();
  for (const PortBinding& binding : spec.ports) ports[binding.container.str()] = Json::object();
  return ports;
}

Json port_bindings(const TaskSpec& spec) {
  Json bindings = Json::object();
  for (const PortBinding& binding : spec.ports) {
    // An empty port: the engine chooses one, and inspect tells which.
    bindings[binding.container.str()].push_back(
        {{"HostIp", binding.host_ip},
         {"HostPort", binding.host_port == 0 ? "" : std::to_string(binding.host_port)}});
  }
  return bindings;
}

const char* mount_type(Mount::Kind kind) {
  switch (kind) {
    case Mount::Kind::volume:
      return "volume";
    case Mount::Kind::bind:
      return "bind";
    case Mount::Kind::tmpfs:
      return "tmpfs";
  }
  CUBE_UNREACHABLE();
}

Json mounts(const TaskSpec& spec) {
  Json list = Json::array();
  for (const Mount& mount : spec.mounts) {
    Json one = {
        {"Type", mount_type(mount.kind)}, {"Target", mount.target}, {"ReadOnly", mount.read_only}};
    if (mount.kind != Mount::Kind::tmpfs) one["Source"] = mount.source;
    if (!mount.driver.empty() || !mount.driver_options.empty()) {
      Json driver = {{"Name", mount.driver.empty() ? "local" : mount.driver},
                     {"Options", Json::object()}};
      for (const auto& [key, value] : mount.driver_options) driver["Options"][key] = value;
      one["VolumeOptions"] = {{"DriverConfig", std::move(driver)}};
    }
    list.push_back(std::move(one));
  }
  return list;
}

// The baseline of docs/adr/0004: limits that are really set, no restart by the engine, a bound on
// the log, a process 1 that reaps, and two doors shut.
Json host_config(const TaskSpec& spec) {
  Json host = {
      {"PidsLimit", spec.pids_max == 0 ? pids_default : spec.pids_max},
      {"Init", true},
      {"PortBindings", port_bindings(spec)},
      {"PublishAllPorts", spec.publish_all},
      {"Mounts", mounts(spec)},
      {"RestartPolicy", {{"Name", "no"}}},
      {"LogConfig",
       {{"Type", "json-file"},
        {"Config", {{"max-size", log_size_max}, {"max-file", log_files_max}}}}},
      {"CapDrop", {"NET_RAW"}},
      {"SecurityOpt", {"no-new-privileges"}},
      {"OomScoreAdj", oom_score_adj},
  };
  if (spec.cpu_milli > 0) host["NanoCpus"] = spec.cpu_milli * 1'000'000;
  if (spec.memory_bytes > 0) {
    host["Memory"] = spec.memory_bytes;
    host["MemorySwap"] = spec.memory_bytes;  // the same: no swap on top
  }
  return host;
}

Json label_filter(const std::map<std::string, std::string>& labels) {
  Json list = Json::array();
  for (const auto& [key, value] : labels) list.push_back(key + "=" + value);
  return list;
}

}  // namespace

std::string create_body(const ContainerConfig& config) {
  const TaskSpec& spec = config.spec;
  Json body = {{"Image", spec.image},
               {"Labels", config.labels},
               {"ExposedPorts", exposed_ports(spec)},
               {"Tty", false},
               {"StopTimeout", std::chrono::ceil<std::chrono::seconds>(spec.stop_grace).count()},
               {"HostConfig", host_config(spec)}};
  // Left out, these are the image's own.
  if (!spec.env.empty()) body["Env"] = spec.env;
  if (!spec.command.empty()) body["Cmd"] = spec.command;
  if (!spec.entrypoint.empty()) body["Entrypoint"] = spec.entrypoint;
  if (!spec.working_dir.empty()) body["WorkingDir"] = spec.working_dir;
  if (!spec.user.empty()) body["User"] = spec.user;
  if (!spec.stop_signal.empty()) body["StopSignal"] = spec.stop_signal;
  return dump(body);
}

std::string exec_create_body(const std::vector<std::string>& command) {
  return dump({{"AttachStdin", false},
               {"AttachStdout", true},
               {"AttachStderr", true},
               {"Tty", false},
               {"Cmd", command}});
}

std::string exec_start_body() {
  return dump({{"Detach", false}, {"Tty", false}});
}

std::string list_filters(const std::map<std::string, std::string>& labels) {
  Json filters = Json::object();
  if (!labels.empty()) filters["label"] = label_filter(labels);
  return dump(filters);
}

std::string event_filters(const std::map<std::string, std::string>& labels) {
  Json filters = {
      {"type", {"container"}},
      // Docker's words and Podman's ("died", "remove"). exec_* events, one for every
      // command probe, are left out.
      {"event",
       {"create", "start", "kill", "die", "died", "oom", "destroy", "remove", "pause", "unpause"}}};
  if (!labels.empty()) filters["label"] = label_filter(labels);
  return dump(filters);
}

}  // namespace cube::runtime
