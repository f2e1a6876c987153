// The flags of the commands that are servers.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/draft.h"

namespace cube::cli {
namespace {

LogFormat log_format_of(const Draft& draft) {
  return draft.text("log-format") == "json" ? LogFormat::json : LogFormat::text;
}

// --data-dir, else CUBE_DATA_DIR, else where such things live on this system.
std::string data_dir_of(const Draft& draft, const Surroundings& around, std::string_view leaf) {
  if (draft.has("data-dir")) return draft.text("data-dir");
  const auto set = [&](const char* name) { return around.env(name).value_or(""); };
  if (const std::string dir = set("CUBE_DATA_DIR"); !dir.empty()) return dir;
  if (around.is_root) return fmt::format("/var/lib/cube/{}", leaf);
  if (const std::string state = set("XDG_STATE_HOME"); !state.empty())
    return fmt::format("{}/cube/{}", state, leaf);
  const std::string home = set("HOME");
  return fmt::format("{}/.local/state/cube/{}", home.empty() ? "." : home, leaf);
}

// Comma-separated lists in a repeatable flag, as one list of "host:port".
Result<std::vector<std::string>> addresses_of(const Draft& draft, std::string_view flag,
                                              std::uint16_t default_port) {
  std::vector<std::string> found;
  for (const std::string& given : draft.list(flag)) {
    if (given.find_first_not_of(',') == std::string::npos)
      return Error{Code::invalid,
                   fmt::format("--{}: `{}` names no address", flag, printable(given))};
    for (std::string_view rest = given; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view item = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (item.empty()) continue;
      const auto address = address_of(flag, item, default_port);
      CUBE_TRY(address);
      if (std::ranges::find(found, address->str()) == found.end()) found.push_back(address->str());
    }
  }
  return found;
}

Result<std::map<std::string, std::string>> labels_of(const Draft& draft) {
  std::map<std::string, std::string> labels;
  for (const std::string& given : draft.list("label")) {
    const std::size_t equals = given.find('=');
    if (equals == 0 || equals == std::string::npos)
      return Error{Code::invalid, fmt::format("--label: `{}` is not KEY=VALUE", printable(given))};
    labels[given.substr(0, equals)] = given.substr(equals + 1);
  }
  return labels;
}

Result<std::vector<std::string>> mount_dirs_of(const Draft& draft) {
  for (const std::string& dir : draft.list("allow-mount"))
    if (!dir.starts_with('/'))
      return Error{Code::invalid,
                   fmt::format("--allow-mount: `{}` is not an absolute path", printable(dir))};
  return draft.list("allow-mount");
}

// Names of nodes and clusters become parts of paths and container names, and are typed by people.
constexpr std::size_t kNameMax = 63;

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_in_name(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
}

Result<std::string> name_of(std::string_view flag, std::string_view what, std::string name) {
  if (!name.empty() && name.size() <= kNameMax && is_letter_or_digit(name.front()) &&
      std::ranges::all_of(name, is_in_name))
    return name;
  return Error{Code::invalid,
               fmt::format("--{}: `{}` is no name for a {}: at most {} letters, digits, `_`, `.` "
                           "and `-`, beginning with a letter or digit",
                           flag, printable(name), what, kNameMax)};
}

Result<std::string> node_name_of(const Draft& draft, const Surroundings& around) {
  if (draft.has("name")) return name_of("name", "node", draft.text("name"));
  // Nobody chose the host's name for this: what does not fit is replaced.
  std::string name = around.host_name.substr(0, kNameMax);
  for (char& c : name)
    if (!is_in_name(c)) c = '-';
  name.erase(name.begin(), std::ranges::find_if(name, is_letter_or_digit));
  return name.empty() ? "node" : name;
}

// --cluster, where it is given.
Result<void> set_cluster(const Draft& draft, std::string& cluster) {
  if (!draft.has("cluster")) return {};
  auto name = name_of("cluster", "cluster", draft.text("cluster"));
  CUBE_TRY(name);
  cluster = std::move(name).value();
  return {};
}

// The port of `flag`, left alone when it is not given.
Result<void> set_port(const Draft& draft, std::string_view flag, std::uint16_t& port) {
  if (!draft.has(flag)) return {};
  const auto given = port_of(flag, draft.text(flag));
  CUBE_TRY(given);
  port = *given;
  return {};
}

// What a worker offers, where it is given.
Result<void> set_capacity(const Draft& draft, WorkerOptions& options) {
  if (draft.has("cpus")) {
    const auto cpus = cpu_milli_of("cpus", draft.text("cpus"));
    CUBE_TRY(cpus);
    options.cpu_milli = *cpus;
  }
  for (const auto& [flag, field] :
       {std::pair{"memory", &options.memory_bytes}, std::pair{"disk", &options.disk_bytes}}) {
    if (!draft.has(flag)) continue;
    const auto bytes = bytes_of(flag, draft.text(flag));
    CUBE_TRY(bytes);
    *field = *bytes;
  }
  return {};
}

std::string docker_host_of(const Draft& draft, const Surroundings& around) {
  return draft.text("docker-host", around.env("DOCKER_HOST").value_or(""));
}

}  // namespace

Result<Invocation> read_manager(const Draft& draft, const Surroundings& around) {
  ManagerOptions o;
  o.host = draft.text("host", o.host);
  CUBE_TRY(set_port(draft, "port", o.port));
  auto workers = addresses_of(draft, "workers", 5556);
  CUBE_TRY(workers);
  o.workers = std::move(workers).value();
  o.scheduler = draft.text("scheduler", o.scheduler);
  o.dbtype = draft.text("dbtype", o.dbtype);
  o.data_dir = data_dir_of(draft, around, "manager");
  CUBE_TRY(set_cluster(draft, o.cluster));
  if (draft.has("node-deadline")) {
    const auto deadline = duration_of("node-deadline", draft.text("node-deadline"));
    CUBE_TRY(deadline);
    if (*deadline < 1s) return Error{Code::invalid, "--node-deadline: must be at least 1s"};
    o.node_deadline = *deadline;
  }
  CUBE_TRY(set_port(draft, "ingress-port", o.ingress_port));
  o.ingress_port_given = draft.has("ingress-port");
  o.log_format = log_format_of(draft);
  return Invocation(o);
}

Result<Invocation> read_ingress(const Draft& draft, const Surroundings& around) {
  IngressOptions o;
  o.host = draft.text("host", o.host);
  CUBE_TRY(set_port(draft, "port", o.port));
  o.metrics_host = draft.text("metrics-host", o.metrics_host);
  CUBE_TRY(set_port(draft, "metrics-port", o.metrics_port));
  if (o.port == o.metrics_port && o.port != 0)
    return Error{Code::invalid,
                 fmt::format("--metrics-port: {} is the ingress's (--port) too", o.port)};
  auto managers = addresses_of(draft, "manager", 5555);
  CUBE_TRY(managers);
  o.managers = std::move(managers).value();
  if (o.managers.empty()) {
    const auto manager =
        address_of("manager", around.env("CUBE_MANAGER").value_or("localhost"), 5555);
    CUBE_TRY(manager);
    o.managers = {manager->str()};
  }
  o.access_log = draft.text("access-log");
  if (draft.has("connections")) {
    const auto count = count_of("connections", draft.text("connections"));
    CUBE_TRY(count);
    if (*count < 1 || *count > 1'000'000)
      return Error{Code::invalid, "--connections: must be from 1 to 1000000"};
    o.connections_max = *count;
  }
  o.share_port = draft.on("share-port");
  if (draft.has("drain")) {
    const auto drain = duration_of("drain", draft.text("drain"));
    CUBE_TRY(drain);
    o.drain = *drain;
  }
  o.log_format = log_format_of(draft);
  return Invocation(o);
}

Result<Invocation> read_worker(const Draft& draft, const Surroundings& around) {
  WorkerOptions o;
  o.host = draft.text("host", o.host);
  CUBE_TRY(set_port(draft, "port", o.port));
  auto name = node_name_of(draft, around);
  CUBE_TRY(name);
  o.name = std::move(name).value();
  o.dbtype = draft.text("dbtype", o.dbtype);
  o.data_dir = data_dir_of(draft, around, "worker-" + o.name);
  CUBE_TRY(set_cluster(draft, o.cluster));
  auto join = addresses_of(draft, "join", 5555);
  CUBE_TRY(join);
  o.join = std::move(join).value();
  if (draft.has("advertise")) {
    const auto address = address_of("advertise", draft.text("advertise"), o.port);
    CUBE_TRY(address);
    o.advertise = address->str();
  }
  auto labels = labels_of(draft);
  CUBE_TRY(labels);
  o.labels = std::move(labels).value();
  auto dirs = mount_dirs_of(draft);
  CUBE_TRY(dirs);
  o.mount_dirs = std::move(dirs).value();
  CUBE_TRY(set_capacity(draft, o));
  o.docker_host = docker_host_of(draft, around);
  if (draft.has("engine-parallel")) {
    const auto count = count_of("engine-parallel", draft.text("engine-parallel"));
    CUBE_TRY(count);
    if (*count < 1 || *count > 256)
      return Error{Code::invalid, "--engine-parallel: must be from 1 to 256"};
    o.engine_parallel = *count;
  }
  o.forget_manager = draft.on("forget-manager");
  o.log_format = log_format_of(draft);
  return Invocation(o);
}

Result<Invocation> read_dev(const Draft& draft, const Surroundings& around) {
  DevOptions o;
  o.host = draft.text("host", o.host);
  CUBE_TRY(set_port(draft, "port", o.port));
  CUBE_TRY(set_port(draft, "worker-port", o.worker_port));
  if (o.port == o.worker_port && o.port != 0)
    return Error{Code::invalid,
                 fmt::format("--worker-port: {} is the manager's port (--port) too", o.port)};
  CUBE_TRY(set_port(draft, "ingress-port", o.ingress_port));
  o.ingress_port_given = draft.has("ingress-port");
  o.scheduler = draft.text("scheduler", o.scheduler);
  o.dbtype = draft.text("dbtype", o.dbtype);
  o.data_dir = data_dir_of(draft, around, "dev");
  auto dirs = mount_dirs_of(draft);
  CUBE_TRY(dirs);
  o.mount_dirs = std::move(dirs).value();
  o.docker_host = docker_host_of(draft, around);
  o.log_format = log_format_of(draft);
  return Invocation(o);
}

}  // namespace cube::cli
