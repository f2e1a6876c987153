#include "cli/quick_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/quick.h"

namespace cube::cli {
namespace {

using service::AutoscalePolicy;
using service::IngressRules;
using service::ServiceSpec;
using service::UpdatePolicy;

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

// A single number is the container's port: at a fixed port of a node only one replica would fit.
Result<void> set_ports(const QuickTask& quick, TaskSpec& task) {
  if (quick.ports.empty()) return {};
  task.ports.clear();
  task.exposed_ports.clear();
  for (const std::string& text : quick.ports) {
    auto port = parse_port_flag(text);
    CUBE_TRY(port);
    if (text.find(':') == std::string::npos) port->host_port = 0;
    task.ports.push_back(*port);
    if (std::ranges::find(task.exposed_ports, port->container) == task.exposed_ports.end())
      task.exposed_ports.push_back(port->container);
  }
  task.publish_all = false;
  return {};
}

Result<void> set_health(const std::string& path, TaskSpec& task) {
  if (path.empty()) return {};
  if (!path.starts_with('/'))
    return Error{Code::invalid,
                 fmt::format("--health: `{}` is not a path that begins with `/`", printable(path))};
  task.health.kind = HealthCheck::Kind::http;
  task.health.path = path;
  task.health.command.clear();
  return {};
}

Result<void> set_environment(const QuickService& quick, const TaskSpec& made, TaskSpec& task) {
  const auto take = [&](std::string_view name) {
    return std::erase_if(task.env, [&](const std::string& e) { return name_of(e) == name; }) > 0;
  };
  for (const std::string& name : quick.env_rm)
    if (!take(name))
      return Error{Code::invalid,
                   fmt::format("--env-rm: there is no variable `{}`", printable(name))};
  for (const std::string& e : made.env) {
    const auto present = std::ranges::find(task.env, name_of(e), name_of);
    if (present == task.env.end())
      task.env.push_back(e);
    else
      *present = e;
  }
  for (const std::string& key : quick.label_rm)
    if (task.labels.erase(key) == 0)
      return Error{Code::invalid,
                   fmt::format("--label-rm: there is no label `{}`", printable(key))};
  for (const auto& [key, value] : made.labels) task.labels[key] = value;
  return {};
}

// What `cube run` takes of the same flags, put over what there is.
Result<void> set_task(const QuickService& quick, TaskSpec& task) {
  QuickTask q = quick.task;
  if (q.image.empty()) q.image = task.image;
  q.name = "replica";
  q.ports.clear();  // below: a single number means another thing here
  q.health.clear();
  const auto made = spec_from(q);
  CUBE_TRY(made);
  task.image = made->image;
  if (!q.cpu.empty()) task.cpu_milli = made->cpu_milli;
  if (!q.memory.empty()) task.memory_bytes = made->memory_bytes;
  if (!q.user.empty()) task.user = made->user;
  if (!q.pull.empty()) task.pull = made->pull;
  if (!q.mounts.empty()) task.mounts = made->mounts;
  if (!q.constraints.empty()) task.constraints = made->constraints;
  if (!q.command.empty()) task.command = made->command;
  CUBE_TRY(set_ports(quick.task, task));
  CUBE_TRY(set_health(quick.task.health, task));
  return set_environment(quick, *made, task);
}

void set_update(const QuickService& quick, UpdatePolicy& update) {
  using Order = UpdatePolicy::Order;
  using OnFailure = UpdatePolicy::OnFailure;
  if (quick.order)
    update.order = *quick.order == "stop-first" ? Order::stop_first : Order::start_first;
  if (quick.on_failure)
    update.on_failure = *quick.on_failure == "rollback"   ? OnFailure::rollback
                        : *quick.on_failure == "continue" ? OnFailure::go_on
                                                          : OnFailure::pause;
  if (quick.parallelism) update.parallelism = *quick.parallelism;
  if (quick.delay) update.delay = *quick.delay;
  if (quick.monitor) update.monitor = *quick.monitor;
  if (quick.deadline) update.progress_deadline = *quick.deadline;
}

Result<void> set_autoscale(const QuickService& quick, ServiceSpec& spec) {
  using By = AutoscalePolicy::By;
  AutoscalePolicy& a = spec.autoscale;
  if (quick.autoscale)
    a.by = *quick.autoscale == "usage"      ? By::usage
           : *quick.autoscale == "requests" ? By::requests
                                            : By::rate;
  if (a.by == By::none && (quick.min || quick.max))
    return Error{Code::invalid, fmt::format("--{} needs --autoscale", quick.min ? "min" : "max")};
  if (quick.autoscale && !quick.max && a.max == 1)
    return Error{Code::invalid, "--autoscale needs --max"};
  if (quick.min) a.min = *quick.min;
  if (quick.max) a.max = *quick.max;
  // What nobody asked for now keeps within the bounds.
  if (a.by != By::none && !quick.replicas && a.min <= a.max)
    spec.replicas = std::clamp(spec.replicas, a.min, a.max);
  return {};
}

void set_ingress(const QuickService& quick, IngressRules& ingress) {
  using Balance = IngressRules::Balance;
  if (quick.path) ingress.path = *quick.path;
  if (!quick.hosts.empty()) ingress.hosts = quick.hosts;
  if (quick.balance)
    ingress.balance = *quick.balance == "least-connections" ? Balance::least_connections
                      : *quick.balance == "random-two"      ? Balance::random_two
                                                            : Balance::round_robin;
}

}  // namespace

Result<ServiceSpec> changed_by(const QuickService& quick, ServiceSpec spec) {
  CUBE_TRY(set_task(quick, spec.task));
  if (spec.global && quick.replicas)
    return Error{Code::invalid, "--replicas: a global service has one replica on each node"};
  if (quick.replicas) spec.replicas = *quick.replicas;
  if (quick.drain) spec.drain = *quick.drain;
  if (quick.spread) spec.spread = *quick.spread;
  if (quick.max_per_node) spec.max_per_node = *quick.max_per_node;
  set_update(quick, spec.update);
  CUBE_TRY(set_autoscale(quick, spec));
  set_ingress(quick, spec.ingress);
  CUBE_TRY(service::validate(spec));
  return spec;
}

Result<ServiceSpec> service_from(const QuickService& quick) {
  ServiceSpec spec;
  spec.name = quick.task.name.empty() ? name_from_image(quick.task.image) : quick.task.name;
  spec.global = quick.global;
  // As for a file without ports: what nobody can reach is of no use.
  spec.task.publish_all = true;
  return changed_by(quick, std::move(spec));
}

}  // namespace cube::cli
