#include "cli/quick.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "cli/draft.h"

namespace cube::cli {
namespace {

Error wrong(std::string_view flag, std::string_view text, std::string_view allowed) {
  return {Code::invalid, fmt::format("--{}: `{}` is not {}", flag, printable(text), allowed)};
}

std::optional<std::uint16_t> number(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<RestartPolicy> restart_of(std::string_view text) {
  using Kind = RestartPolicy::Kind;
  for (const Kind kind :
       {Kind::unset, Kind::no, Kind::always, Kind::unless_stopped, Kind::on_failure}) {
    const RestartPolicy policy{kind, 0};
    if (policy.name() == text) return policy;
  }
  return wrong("restart", text, "one of no, on-failure, always, unless-stopped");
}

// "NAME=value"; a bare NAME would be a surprise either way, so it is refused.
Result<void> check_env(const std::vector<std::string>& env) {
  for (const std::string& item : env)
    if (const std::size_t equals = item.find('='); equals == 0 || equals == std::string::npos)
      return wrong("env", item, "NAME=VALUE");
  return {};
}

Result<void> set_resources(const QuickTask& quick, TaskSpec& spec) {
  if (!quick.cpu.empty()) {
    const auto cpu = cpu_milli_of("cpu", quick.cpu);
    CUBE_TRY(cpu);
    spec.cpu_milli = *cpu;
  }
  if (!quick.memory.empty()) {
    const auto memory = bytes_of("memory", quick.memory);
    CUBE_TRY(memory);
    spec.memory_bytes = *memory;
  }
  if (!quick.disk.empty()) {
    const auto disk = bytes_of("disk", quick.disk);
    CUBE_TRY(disk);
    spec.disk_bytes = *disk;
  }
  return {};
}

Result<void> set_lists(const QuickTask& quick, TaskSpec& spec) {
  for (const std::string& text : quick.ports) {
    const auto port = parse_port_flag(text);
    CUBE_TRY(port);
    spec.ports.push_back(*port);
    if (std::ranges::find(spec.exposed_ports, port->container) == spec.exposed_ports.end())
      spec.exposed_ports.push_back(port->container);
  }
  for (const std::string& text : quick.mounts) {
    const auto mount = parse_mount_flag(text);
    CUBE_TRY(mount);
    spec.mounts.push_back(*mount);
  }
  for (const std::string& text : quick.labels) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) return wrong("label", text, "KEY=VALUE");
    spec.labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  CUBE_TRY(check_env(quick.env));
  spec.env = quick.env;
  spec.constraints = quick.constraints;
  spec.command = quick.command;
  return {};
}

}  // namespace

Result<PortBinding> parse_port_flag(std::string_view text) {
  const Error error =
      wrong("port", text, "[[IP:]HOST:]PORT[/udp], such as 7777, 8080:7777 or 127.0.0.1:53:53/udp");
  PortBinding binding;
  std::string_view rest = text;
  if (const std::size_t slash = rest.rfind('/'); slash != std::string_view::npos) {
    binding.container.protocol = rest.substr(slash + 1);
    const auto& protocol = binding.container.protocol;
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") return error;
    rest = rest.substr(0, slash);
  }
  const std::size_t last = rest.rfind(':');
  const auto container = number(last == std::string_view::npos ? rest : rest.substr(last + 1));
  if (!container || *container == 0) return error;
  binding.container.number = *container;
  binding.host_port = *container;
  if (last == std::string_view::npos) return binding;

  rest = rest.substr(0, last);
  const std::size_t before = rest.rfind(':');
  const auto host = number(before == std::string_view::npos ? rest : rest.substr(before + 1));
  if (!host) return error;
  binding.host_port = *host;
  if (before == std::string_view::npos) return binding;

  std::string_view ip = rest.substr(0, before);
  if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
  if (ip.empty()) return error;
  binding.host_ip = ip;
  return binding;
}

Result<Mount> parse_mount_flag(std::string_view text) {
  const Error error =
      wrong("mount", text, "SOURCE:TARGET[:ro], such as data:/var/lib/data or /srv/www:/www:ro");
  Mount mount;
  std::string_view rest = text;
  if (rest.ends_with(":ro")) {
    mount.read_only = true;
    rest.remove_suffix(3);
  } else if (rest.ends_with(":rw")) {
    rest.remove_suffix(3);
  }
  const std::size_t colon = rest.find(':');
  if (colon == 0 || colon == std::string_view::npos) return error;
  mount.source = rest.substr(0, colon);
  mount.target = rest.substr(colon + 1);
  if (!mount.target.starts_with('/') || mount.target.find(':') != std::string::npos) return error;
  if (mount.source == "tmpfs") {
    mount.kind = Mount::Kind::tmpfs;
    mount.source.clear();
  } else if (mount.source.starts_with('/')) {
    mount.kind = Mount::Kind::bind;
  }
  return mount;
}

std::string name_from_image(std::string_view image) {
  std::string_view leaf = image.substr(0, image.find('@'));
  if (const std::size_t slash = leaf.rfind('/'); slash != std::string_view::npos)
    leaf.remove_prefix(slash + 1);
  return std::string(leaf.substr(0, leaf.find(':')));
}

Result<TaskSpec> spec_from(const QuickTask& quick) {
  TaskSpec spec;
  spec.image = quick.image;
  spec.name = quick.name.empty() ? name_from_image(quick.image) : quick.name;
  CUBE_TRY(set_resources(quick, spec));
  CUBE_TRY(set_lists(quick, spec));
  auto restart = restart_of(quick.restart);
  CUBE_TRY(restart);
  spec.restart = *restart;
  if (!quick.health.empty()) {
    if (!quick.health.starts_with('/'))
      return wrong("health", quick.health, "a path that begins with `/`");
    spec.health.kind = HealthCheck::Kind::http;
    spec.health.path = quick.health;
  }
  spec.user = quick.user;
  spec.working_dir = quick.working_dir;
  spec.platform = quick.platform;
  spec.exclusive = quick.exclusive;
  if (quick.pull == "always") spec.pull = TaskSpec::Pull::always;
  if (quick.pull == "never") spec.pull = TaskSpec::Pull::never;
  CUBE_TRY(validate(spec));
  return spec;
}

}  // namespace cube::cli
