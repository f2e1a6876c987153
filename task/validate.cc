// validate(): every rule a spec must keep. Fields are named as on the wire.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "task/rules.h"
#include "task/spec.h"

namespace cube {
namespace {

constexpr std::size_t shown_bytes_max = 80;  // of a wrong value, in a message

// `text` for a message: short, and harmless to a terminal.
std::string shown(std::string_view text) {
  const bool whole = text.size() <= shown_bytes_max;
  return "\"" + printable(text.substr(0, shown_bytes_max)) + (whole ? "\"" : "...\"");
}

Error wrong(std::string_view field, std::string_view message) {
  return {Code::invalid, fmt::format("{}: {}", field, message)};
}
Error wrong_value(std::string_view field, std::string_view value, std::string_view message) {
  return wrong(field, shown(value) + " " + std::string(message));
}

// `name["key"]` and `name[3]`, as errors name what is in a list.
std::string in(std::string_view name, std::string_view key) {
  return fmt::format("{}[{}]", name, shown(key));
}
std::string in(std::string_view name, std::size_t i) {
  return fmt::format("{}[{}]", name, i);
}

// What every text keeps: a length, UTF-8 (it goes into JSON) and no NUL (it goes into a process).
Result<void> check_text(std::string_view field, std::string_view text,
                        std::size_t bytes_max = limits::task_text_bytes_max) {
  if (text.size() > bytes_max) {
    return wrong(field,
                 fmt::format("has {} bytes; at most {} are allowed", text.size(), bytes_max));
  }
  if (text.find('\0') != std::string_view::npos) return wrong(field, "may not hold a NUL");
  if (!is_valid_utf8(text)) return wrong(field, "is not valid UTF-8");
  return {};
}

Result<void> check_plain(std::string_view field, std::string_view text,
                         std::size_t bytes_max = limits::task_text_bytes_max) {
  CUBE_TRY(check_text(field, text, bytes_max));
  if (!rules::is_plain(text)) return wrong(field, "may not hold control characters");
  return {};
}

Result<void> check_count(std::string_view field, std::size_t count,
                         std::size_t count_max = limits::task_list_items_max) {
  if (count <= count_max) return {};
  return wrong(field, fmt::format("has {} items; at most {} are allowed", count, count_max));
}

Result<void> check_texts(std::string_view field, const std::vector<std::string>& texts) {
  CUBE_TRY(check_count(field, texts.size()));
  for (std::size_t i = 0; i < texts.size(); ++i) CUBE_TRY(check_text(in(field, i), texts[i]));
  return {};
}

Result<void> check_span(std::string_view field, Duration value, Duration least, Duration most) {
  if (value >= least && value <= most) return {};
  return wrong(field, fmt::format("is {}; {} to {} are allowed", format_duration(value),
                                  format_duration(least), format_duration(most)));
}

Result<void> check_names(const TaskSpec& spec) {
  if (spec.name.empty()) return wrong("Name", "is missing");
  CUBE_TRY(check_plain("Name", spec.name, limits::task_name_bytes_max));
  // It stands in paths: a client that does not encode it must still mean this task.
  const bool fits_path = spec.name.find_first_of("/?#%") == std::string::npos;
  if (!fits_path || spec.name.starts_with(' ') || spec.name.ends_with(' ')) {
    return wrong_value("Name", spec.name,
                       "is not a task name: any text without \"/\", \"?\", \"#\" and \"%\" that "
                       "neither begins nor ends with a space");
  }
  if (spec.image.empty()) return wrong("Image", "is missing");
  CUBE_TRY(check_text("Image", spec.image, limits::task_image_bytes_max));
  if (!rules::is_image_reference(spec.image)) {
    return wrong_value(
        "Image", spec.image,
        "is not an image reference such as \"echo\", \"registry:5000/team/echo:1.2\" "
        "or \"echo@sha256:...\" (repositories are lower-case)");
  }
  return {};
}

Result<void> check_resources(const TaskSpec& spec) {
  if (spec.cpu_milli < 0 || spec.cpu_milli > limits::task_cpu_milli_max) {
    return wrong("Cpu", fmt::format("is {} cores; 0 (no limit) to {} are allowed",
                                    static_cast<double>(spec.cpu_milli) / 1000,
                                    limits::task_cpu_milli_max / 1000));
  }
  const bool memory_fits = spec.memory_bytes >= limits::task_memory_bytes_min &&
                           spec.memory_bytes <= limits::task_bytes_max;
  if (spec.memory_bytes != 0 && !memory_fits) {
    return wrong("Memory",
                 fmt::format("is {} bytes; 0 (no limit), or {} to {} are allowed",
                             spec.memory_bytes, format_bytes(limits::task_memory_bytes_min),
                             format_bytes(limits::task_bytes_max)));
  }
  if (spec.disk_bytes < 0 || spec.disk_bytes > limits::task_bytes_max) {
    return wrong("Disk", fmt::format("is {} bytes; 0 to {} are allowed", spec.disk_bytes,
                                     format_bytes(limits::task_bytes_max)));
  }
  if (spec.pids_max < 0 || spec.pids_max > limits::task_pids_max) {
    return wrong("PidsLimit", fmt::format("is {}; 0 (the node's default) to {} are allowed",
                                          spec.pids_max, limits::task_pids_max));
  }
  return {};
}

Result<void> check_port(const std::string& field, const Port& port) {
  if (Port::parse(port.str()).ok()) return {};
  return wrong(field, "is no port from 1 to 65535 with protocol tcp, udp or sctp");
}

// Two fixed host ports of one task that could not both be bound.
bool collide(const PortBinding& a, const PortBinding& b) {
  return a.host_port != 0 && a.host_port == b.host_port &&
         a.container.protocol == b.container.protocol &&
         rules::addresses_overlap(a.host_ip, b.host_ip);
}

Result<void> check_ports(const TaskSpec& spec) {
  CUBE_TRY(check_count("ExposedPorts", spec.exposed_ports.size(), limits::task_ports_max));
  std::set<Port> exposed;
  for (const Port& port : spec.exposed_ports) {
    const std::string field = in("ExposedPorts", port.str());
    CUBE_TRY(check_port(field, port));
    if (!exposed.insert(port).second) return wrong(field, "is given twice");
  }
  CUBE_TRY(check_count("PortBindings", spec.ports.size(), limits::task_ports_max));
  for (std::size_t i = 0; i < spec.ports.size(); ++i) {
    const PortBinding& binding = spec.ports[i];
    const std::string field = in("PortBindings", binding.container.str());
    CUBE_TRY(check_port(field, binding.container));
    if (!binding.host_ip.empty() && !rules::is_ip_address(binding.host_ip)) {
      return wrong_value(field, binding.host_ip, "is not an IP address to listen on");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!collide(spec.ports[j], binding)) continue;
      return wrong(field, fmt::format("host port {}/{} is already bound to {}", binding.host_port,
                                      binding.container.protocol, spec.ports[j].container.str()));
    }
  }
  return {};
}

Result<void> check_process(const TaskSpec& spec) {
  CUBE_TRY(check_texts("Env", spec.env));
  for (std::size_t i = 0; i < spec.env.size(); ++i) {
    const std::size_t equals = spec.env[i].find('=');
    if (equals == std::string::npos || equals == 0) {
      return wrong_value(in("Env", i), spec.env[i], "is not \"NAME=value\"");
    }
  }
  CUBE_TRY(check_texts("Command", spec.command));
  CUBE_TRY(check_texts("Entrypoint", spec.entrypoint));
  if (!spec.entrypoint.empty() && spec.entrypoint[0].empty()) {
    return wrong("Entrypoint[0]", "is the program to run and may not be empty");
  }
  CUBE_TRY(check_text("WorkingDir", spec.working_dir));
  if (!spec.working_dir.empty() && rules::normal_path(spec.working_dir).empty()) {
    return wrong_value("WorkingDir", spec.working_dir, "is not an absolute path without \"..\"");
  }
  return check_plain("User", spec.user);
}

Result<void> check_labels(const TaskSpec& spec) {
  CUBE_TRY(check_count("Labels", spec.labels.size()));
  for (const auto& [key, value] : spec.labels) {
    const std::string field = in("Labels", key);
    if (key.empty()) return wrong(field, "needs a name");
    CUBE_TRY(check_plain(field, key));
    CUBE_TRY(check_text(field, value));
    if (key.starts_with("cube.")) {
      return wrong(field, "names that begin with \"cube.\" are Cube's own");
    }
  }
  return {};
}

Result<void> check_mount_source(const std::string& field, const Mount& mount) {
  switch (mount.kind) {
    case Mount::Kind::volume:
      if (rules::is_volume_name(mount.source)) return {};
      return wrong_value(field, mount.source,
                         "is not a volume name (two or more of a-z, A-Z, 0-9, \"_\", \".\", \"-\", "
                         "beginning with a letter or digit)");
    case Mount::Kind::bind:
      if (!rules::normal_path(mount.source).empty()) return {};
      return wrong_value(field, mount.source, "is not an absolute path without \"..\"");
    case Mount::Kind::tmpfs:
      if (mount.source.empty()) return {};
      return wrong(field, "must be empty for a tmpfs");
  }
  CUBE_UNREACHABLE();
}

// The local driver mounts what it is told to. Host paths and devices are the node's operator's to
// open, as for a mount of Type "bind"; what comes over the network, or is memory, is not.
Result<void> check_local_options(const std::string& field, const Mount& mount) {
  constexpr std::string_view types[] = {"nfs", "nfs4", "cifs", "tmpfs"};
  const auto option = [&](const char* key) {
    const auto at = mount.driver_options.find(key);
    return at == mount.driver_options.end() ? std::string_view() : std::string_view(at->second);
  };
  if (std::ranges::find(types, option("type")) == std::end(types)) {
    return wrong_value(in(field, "type"), option("type"),
                       "is none of nfs, nfs4, cifs, tmpfs; for a host path use a mount of Type "
                       "\"bind\"");
  }
  for (std::string_view rest = option("o"); !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word != "bind" && word != "rbind" && word != "move" && word != "remount") continue;
    return wrong_value(in(field, "o"), word, "mounts a host path; use a mount of Type \"bind\"");
  }
  return {};
}

Result<void> check_mount_driver(const std::string& mount_field, const Mount& mount) {
  if (mount.driver.empty() && mount.driver_options.empty()) return {};
  if (mount.kind != Mount::Kind::volume) {
    return wrong(mount_field + ".Driver", "is for volumes only");
  }
  CUBE_TRY(check_plain(mount_field + ".Driver", mount.driver));
  const std::string field = mount_field + ".DriverOptions";
  CUBE_TRY(check_count(field, mount.driver_options.size()));
  for (const auto& [key, value] : mount.driver_options) {
    CUBE_TRY(check_plain(field, key));
    CUBE_TRY(check_text(in(field, key), value));
  }
  const bool is_local = mount.driver.empty() || mount.driver == "local";
  if (!is_local || mount.driver_options.empty()) return {};
  return check_local_options(field, mount);
}

Result<void> check_mounts(const TaskSpec& spec) {
  CUBE_TRY(check_count("Mounts", spec.mounts.size()));
  std::set<std::string> targets;
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const Mount& mount = spec.mounts[i];
    const std::string target_field = in("Mounts", i) + ".Target";
    CUBE_TRY(check_text(target_field, mount.target));
    const std::string target = rules::normal_path(mount.target);
    if (target.empty() || target == "/") {
      return wrong_value(target_field, mount.target,
                         "is not an absolute path below \"/\" without \"..\"");
    }
    if (!targets.insert(target).second) {
      return wrong_value(target_field, mount.target, "is the target of another mount too");
    }
    const std::string source_field = in("Mounts", i) + ".Source";
    CUBE_TRY(check_text(source_field, mount.source));
    CUBE_TRY(check_mount_source(source_field, mount));
    CUBE_TRY(check_mount_driver(in("Mounts", i), mount));
  }
  return {};
}

bool has_tcp_port(const TaskSpec& spec) {
  return std::ranges::any_of(spec.exposed_ports,
                             [](const Port& port) { return port.protocol == "tcp"; }) ||
         std::ranges::any_of(spec.ports, [](const PortBinding& binding) {
           return binding.container.protocol == "tcp";
         });
}

Result<void> check_health_target(const TaskSpec& spec) {
  const HealthCheck& health = spec.health;
  if (health.kind == HealthCheck::Kind::command) {
    CUBE_TRY(check_texts("HealthCheck.Command", health.command));
    if (!health.command.empty() && !health.command[0].empty()) return {};
    return wrong("HealthCheck.Command", "is missing");
  }
  if (health.kind == HealthCheck::Kind::http) {
    CUBE_TRY(check_text("HealthCheck.Path", health.path));
    if (!rules::is_request_path(health.path)) {
      return wrong_value("HealthCheck.Path", health.path,
                         "is not a path such as \"/health\" (no spaces, control or non-ASCII "
                         "characters)");
    }
  }
  if (health.port != 0 || has_tcp_port(spec)) return {};
  return wrong("HealthCheck.Port",
               "is missing, and there is no tcp port in ExposedPorts or PortBindings to take");
}

Result<void> check_health(const TaskSpec& spec) {
  const HealthCheck& health = spec.health;
  if (health.kind == HealthCheck::Kind::none) return {};
  CUBE_TRY(check_health_target(spec));
  CUBE_TRY(check_span("HealthCheck.Interval", health.interval, limits::health_interval_min,
                      limits::health_span_max));
  CUBE_TRY(check_span("HealthCheck.Timeout", health.timeout, 1ms, limits::health_span_max));
  CUBE_TRY(check_span("HealthCheck.StartPeriod", health.start_period, 0s, limits::health_span_max));
  if (health.retries >= 1 && health.retries <= limits::health_retries_max) return {};
  return wrong("HealthCheck.Retries", fmt::format("is {}; 1 to {} are allowed", health.retries,
                                                  limits::health_retries_max));
}

Result<void> check_placement(const TaskSpec& spec) {
  CUBE_TRY(check_texts("Constraints", spec.constraints));
  for (std::size_t i = 0; i < spec.constraints.size(); ++i) {
    if (rules::is_constraint(spec.constraints[i])) continue;
    return wrong_value(in("Constraints", i), spec.constraints[i],
                       "is not of the form node.name==N, node.platform==P or node.labels.KEY==V "
                       "(with != for its opposite), or node.labels.KEY alone");
  }
  CUBE_TRY(check_text("Platform", spec.platform));
  if (spec.platform.empty() || rules::is_platform(spec.platform)) return {};
  return wrong_value("Platform", spec.platform, "is not of the form \"linux/amd64\"");
}

Result<void> check_life(const TaskSpec& spec) {
  using Kind = RestartPolicy::Kind;
  if (spec.restart.max != 0 && spec.restart.kind != Kind::on_failure) {
    return wrong("RestartMaximum", "is for the restart policy \"on-failure\" only");
  }
  CUBE_TRY(check_span("StopGracePeriod", spec.stop_grace, 0s, limits::task_stop_grace_max));
  if (spec.stop_signal.empty() || rules::is_signal(spec.stop_signal)) return {};
  return wrong_value("StopSignal", spec.stop_signal,
                     "is not a signal such as \"SIGTERM\", or a number from 1 to 64");
}

}  // namespace

Result<void> validate(const TaskSpec& spec) {
  CUBE_TRY(check_names(spec));
  CUBE_TRY(check_resources(spec));
  CUBE_TRY(check_ports(spec));
  CUBE_TRY(check_process(spec));
  CUBE_TRY(check_labels(spec));
  CUBE_TRY(check_mounts(spec));
  CUBE_TRY(check_health(spec));
  CUBE_TRY(check_placement(spec));
  return check_life(spec);
}

}  // namespace cube
