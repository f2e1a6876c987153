// What the engine says, read leniently.

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "runtime/docker_errors.h"
#include "runtime/docker_json.h"

namespace cube::runtime {
namespace {

using Json = nlohmann::json;

constexpr std::size_t error_text_bytes_max = 400;

// --- Lenient members: the zero value when absent or of another type ------------------------------

const Json& member(const Json& json, const char* key) {
  static const Json nothing;
  if (!json.is_object()) return nothing;
  const auto it = json.find(key);
  return it == json.end() ? nothing : *it;
}

std::string text(const Json& json, const char* key) {
  const Json& value = member(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t number(const Json& json, const char* key) {
  const Json& value = member(json, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

// Seconds since 1970; what no calendar has is zero.
WallTime seconds(const Json& json, const char* key) {
  constexpr std::int64_t us = 1'000'000;
  const std::int64_t value = number(json, key);
  return WallTime{value < 0 || value > INT64_MAX / us ? 0 : value * us};
}

bool flag(const Json& json, const char* key) {
  const Json& value = member(json, key);
  return value.is_boolean() && value.get<bool>();
}

std::map<std::string, std::string> texts(const Json& json) {
  std::map<std::string, std::string> out;
  if (!json.is_object()) return out;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) out[key] = value.get<std::string>();
  }
  return out;
}

WallTime time(const Json& json, const char* key) {
  const auto parsed = parse_time(text(json, key));
  return parsed.ok() ? *parsed : WallTime{};
}

Result<Json> parse(std::string_view bytes, const char* what) {
  Json json = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return Error{Code::corrupt, std::string("the container engine's ") + what + " is not JSON"};
  }
  return json;
}

template <class T>
T to_number(std::string_view digits) {
  T value{};
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

// --- Ports
// ----------------------------------------------------------------------------------------

bool is_any_v6(const HostPort& port) {
  return port.host_ip == "::";
}

// The engine tells a port published on every address twice, for IPv4 and IPv6, not always with the
// same number: the IPv4 one counts.
void drop_doubles(std::vector<HostPort>& ports) {
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  const auto has_v4 = [&ports](const Port& container) {
    return std::any_of(ports.begin(), ports.end(), [&](const HostPort& p) {
      return p.container == container && !is_any_v6(p);
    });
  };
  std::vector<HostPort> kept;
  for (const HostPort& port : ports) {
    if (!is_any_v6(port) || !has_v4(port.container)) kept.push_back(port);
  }
  ports = std::move(kept);
}

std::vector<HostPort> inspected_ports(const Json& ports) {
  std::vector<HostPort> out;
  if (!ports.is_object()) return out;
  for (const auto& [key, bindings] : ports.items()) {
    const auto container = Port::parse(key);
    if (!container.ok() || !bindings.is_array()) continue;  // exposed, not published
    for (const Json& binding : bindings) {
      const auto host_port = to_number<std::uint16_t>(text(binding, "HostPort"));
      if (host_port != 0) out.push_back({*container, text(binding, "HostIp"), host_port});
    }
  }
  drop_doubles(out);
  return out;
}

std::vector<HostPort> listed_ports(const Json& ports) {
  std::vector<HostPort> out;
  if (!ports.is_array()) return out;
  for (const Json& port : ports) {
    const auto host_port = static_cast<std::uint16_t>(number(port, "PublicPort"));
    if (host_port == 0) continue;  // exposed, not published
    const Port container{static_cast<std::uint16_t>(number(port, "PrivatePort")),
                         text(port, "Type")};
    out.push_back({container, text(port, "IP"), host_port});
  }
  drop_doubles(out);
  return out;
}

std::string address(const Json& network_settings) {
  const std::string own = text(network_settings, "IPAddress");
  if (!own.empty()) return own;
  const Json& networks = member(network_settings, "Networks");
  if (!networks.is_object()) return "";
  for (const Json& network : networks) {
    const std::string ip = text(network, "IPAddress");
    if (!ip.empty()) return ip;
  }
  return "";
}

// "Exited (3) 5 seconds ago" -> 3: the list tells an exit code nowhere else.
std::int32_t exit_code_of(std::string_view status) {
  const std::size_t open = status.find('(');
  if (!status.starts_with("Exited") || open == std::string_view::npos) return 0;
  return to_number<std::int32_t>(status.substr(open + 1));
}

Container listed(const Json& json) {
  Container c;
  c.id = text(json, "Id");
  const Json& names = member(json, "Names");
  if (names.is_array() && !names.empty() && names[0].is_string()) {
    c.name = without_slash(names[0].get<std::string>());
  }
  c.labels = texts(member(json, "Labels"));
  c.state = container_state_from(text(json, "State")).value_or(ContainerState::dead);
  c.created = seconds(json, "Created");
  c.exit_code = exit_code_of(text(json, "Status"));
  c.ports = listed_ports(member(json, "Ports"));
  c.ip = address(member(json, "NetworkSettings"));
  return c;
}

std::string platform(std::string_view os, std::string_view machine) {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"i686", "386"}};
  for (const auto& [kernel, image] : names) {
    if (machine == kernel) machine = image;
  }
  return std::string(os) + "/" + std::string(machine);
}

EngineEvent::Kind event_kind(std::string_view action) {
  using Kind = EngineEvent::Kind;
  static constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"die", Kind::died},     {"died", Kind::died},         {"start", Kind::started},
      {"oom", Kind::oom},      {"destroy", Kind::destroyed}, {"remove", Kind::destroyed},
      {"pause", Kind::paused}, {"unpause", Kind::unpaused},  {"kill", Kind::killed}};
  for (const auto& [word, kind] : kinds) {
    if (action == word) return kind;
  }
  return Kind::other;
}

}  // namespace

std::optional<ContainerState> container_state_from(std::string_view word) {
  using State = ContainerState;
  static constexpr std::pair<std::string_view, State> words[] = {
      {"created", State::created},     {"running", State::running},
      {"paused", State::paused},       {"restarting", State::restarting},
      {"removing", State::removing},   {"exited", State::exited},
      {"dead", State::dead},           {"configured", State::created},  // Podman's from here on
      {"initialized", State::created}, {"stopping", State::running},
      {"stopped", State::exited}};
  for (const auto& [known, state] : words) {
    if (word == known) return state;
  }
  return std::nullopt;
}

Result<std::vector<Container>> parse_list(std::string_view json) {
  auto parsed = parse(json, "list");
  if (!parsed.ok()) return std::move(parsed).error();
  std::vector<Container> out;
  if (!parsed->is_array()) return out;
  for (const Json& one : *parsed) {
    if (Container c = listed(one); !c.id.empty()) out.push_back(std::move(c));
  }
  return out;
}

Result<Inspected> parse_inspect(std::string_view json) {
  auto parsed = parse(json, "container");
  if (!parsed.ok()) return std::move(parsed).error();
  const Json& state = member(*parsed, "State");
  const Json& config = member(*parsed, "Config");
  const Json& network = member(*parsed, "NetworkSettings");
  Inspected out;
  Container& c = out.container;
  c.id = text(*parsed, "Id");
  if (c.id.empty()) return Error{Code::corrupt, "the container engine's container has no id"};
  c.name = without_slash(text(*parsed, "Name"));
  c.labels = texts(member(config, "Labels"));
  c.state = container_state_from(text(state, "Status")).value_or(ContainerState::dead);
  c.pid = number(state, "Pid");
  c.exit_code = static_cast<std::int32_t>(number(state, "ExitCode"));
  c.oom_killed = flag(state, "OOMKilled");
  c.error = printable(text(state, "Error"));
  c.created = time(*parsed, "Created");
  c.started = time(state, "StartedAt");
  c.finished = time(state, "FinishedAt");
  c.ip = address(network);
  c.ports = inspected_ports(member(network, "Ports"));
  out.tty = flag(config, "Tty");
  out.image = text(config, "Image");
  return out;
}

Result<std::string> parse_id(std::string_view json) {
  auto parsed = parse(json, "answer");
  if (!parsed.ok()) return std::move(parsed).error();
  std::string id = text(*parsed, "Id");
  if (id.empty()) return Error{Code::corrupt, "the container engine's answer has no id"};
  return id;
}

Result<ExecState> parse_exec(std::string_view json) {
  auto parsed = parse(json, "answer");
  if (!parsed.ok()) return std::move(parsed).error();
  return ExecState{flag(*parsed, "Running"), static_cast<std::int32_t>(number(*parsed, "ExitCode")),
                   static_cast<std::int32_t>(number(*parsed, "Pid")), text(*parsed, "ContainerID")};
}

Result<EngineInfo> parse_info(std::string_view json) {
  auto parsed = parse(json, "information");
  if (!parsed.ok()) return std::move(parsed).error();
  EngineInfo info;
  info.id = text(*parsed, "ID");
  if (info.id.empty()) info.id = text(*parsed, "Name");
  info.version = text(*parsed, "ServerVersion");
  info.platform = platform(text(*parsed, "OSType"), text(*parsed, "Architecture"));
  info.data_dir = text(*parsed, "DockerRootDir");
  info.cpus = number(*parsed, "NCPU");
  info.memory_bytes = number(*parsed, "MemTotal");
  info.cgroup_version = to_number<int>(text(*parsed, "CgroupVersion"));
  if (info.cgroup_version == 0) info.cgroup_version = 1;  // engines before 1.41 know no other
  info.cgroup_driver = text(*parsed, "CgroupDriver");
  info.live_restore = flag(*parsed, "LiveRestoreEnabled");
  return info;
}

Result<std::string> parse_min_api_version(std::string_view json) {
  auto parsed = parse(json, "version");
  if (!parsed.ok()) return std::move(parsed).error();
  return text(*parsed, "MinAPIVersion");
}

std::optional<EngineEvent> parse_event(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  if (const std::string type = text(json, "Type"); !type.empty() && type != "container") {
    return std::nullopt;
  }
  const Json& actor = member(json, "Actor");
  EngineEvent event;
  event.kind = event_kind(text(json, "Action"));
  event.container_id = text(actor, "ID");
  if (event.container_id.empty()) return std::nullopt;
  // The attributes are the container's labels, with a few names of the engine's among them.
  event.labels = texts(member(actor, "Attributes"));
  event.exit_code = to_number<std::int32_t>(event.labels["exitCode"]);
  event.container_name = event.labels["name"];
  if (event.kind == EngineEvent::Kind::killed) {
    event.signal = to_number<std::int32_t>(event.labels["signal"]);
    event.labels.erase("signal");
  }
  for (const char* own : {"exitCode", "name", "image", "execDuration"}) event.labels.erase(own);
  event.at = WallTime{number(json, "timeNano") / 1000};
  return event;
}

std::optional<PullLine> parse_pull_line(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  PullLine out;
  out.layer = text(json, "id");
  out.status = text(json, "status");
  out.error = text(member(json, "errorDetail"), "message");
  if (out.error.empty()) out.error = text(json, "error");
  return out;
}

std::string error_text(std::string_view body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  std::string message = text(json, "message");
  if (message.empty()) message = std::string(body.substr(0, error_text_bytes_max));
  if (message.size() > error_text_bytes_max) {
    message.resize(error_text_bytes_max);
    message += "...";
  }
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  return message.empty() ? "it gives no reason" : printable(message);
}

}  // namespace cube::runtime
