#include "api/task_json.h"

#include <fmt/format.h>

#include "api/codec.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/ports_json.h"
#include "api/spec_json.h"

namespace cube::api {

namespace {

template <auto Pointer>
Result<void> in_task(const Value& v, const At& at, TaskWire& wire) {
  return read(v, at, wire.task.*Pointer);
}

template <auto Pointer>
Result<void> in_status(const Value& v, const At& at, TaskWire& wire) {
  return read(v, at, wire.task.status.*Pointer);
}

Result<void> read_ports(const Value& v, const At& at, TaskWire& wire) {
  return read_host_ports(v, at, wire.task.status.host_ports);
}
Result<void> read_desired(const Value& v, const At& at, TaskWire& wire) {
  return read_word(v, at, wire.task.desired, desired_from);
}
Result<void> read_observed(const Value& v, const At& at, TaskWire& wire) {
  wire.has_observed = true;
  return read_word(v, at, wire.task.status.observed, observed_from);
}
Result<void> read_failure(const Value& v, const At& at, TaskWire& wire) {
  return read_word(v, at, wire.task.status.failure, failure_from);
}
// "" is what a task without a health check has.
Result<void> read_healthy(const Value& v, const At& at, TaskWire& wire) {
  if (v.text() != nullptr && v.text()->empty()) return {};
  return read_word(v, at, wire.task.status.health, health_from);
}
// Any of the five; which of them a submission may have is its own matter.
Result<void> read_state(const Value& v, const At& at, TaskWire& wire) {
  std::int64_t state = 0;
  CUBE_TRY(read(v, at, state));
  if (state < 0 || state > 4)
    return at.error(
        fmt::format("{} is no state; 0 Pending, 1 Scheduled, 2 Running, "
                    "3 Completed, 4 Failed",
                    state));
  wire.state = static_cast<std::uint64_t>(state);
  return {};
}

constexpr Field<AvoidedNode> avoided_fields[] = {
    {"Node", field<&AvoidedNode::node>},
    {"Until", field<&AvoidedNode::until>},
    {"Reason", field<&AvoidedNode::reason>},
};

Result<void> read_avoided(const Value& v, const At& at, TaskWire& wire) {
  return read_list(v, at, wire.task.avoided, [](const Value& item, const At& here, AvoidedNode& n) {
    return decode(item, here, Part(avoided_fields, n));
  });
}

template <auto Pointer>
Result<void> in_membership(const Value& v, const At& at, TaskWire& wire) {
  return read(v, at, wire.task.of.*Pointer);
}

constexpr Field<TaskWire> task_fields[] = {
    {"ID", in_task<&Task::id>},
    {"ContainerID", in_status<&AttemptStatus::container_id>},
    {"State", read_state},
    {"HostPorts", read_ports, Role::read_only},
    {"StartTime", in_status<&AttemptStatus::started>, Role::read_only},
    {"FinishTime", in_status<&AttemptStatus::finished>, Role::read_only},
    {"RestartCount", field<&TaskWire::restart_count>, Role::read_only},
    {"Node", in_task<&Task::node>, Role::read_only},
    {"Attempt", in_task<&Task::attempt>, Role::read_only},
    {"Restart", in_status<&AttemptStatus::restart>, Role::read_only},
    {"Desired", read_desired, Role::read_only},
    {"Observed", read_observed, Role::read_only},
    {"Final", in_status<&AttemptStatus::final>, Role::read_only},
    {"Reason", in_status<&AttemptStatus::reason>, Role::read_only},
    {"Healthy", read_healthy, Role::read_only},
    {"ExitCode", in_status<&AttemptStatus::exit_code>, Role::read_only},
    {"Failure", read_failure, Role::read_only},
    {"Failures", in_status<&AttemptStatus::failures>, Role::read_only},
    {"Moves", in_task<&Task::moves>, Role::read_only},
    {"CreatedAt", in_task<&Task::created>, Role::read_only},
    {"Revision", in_task<&Task::revision>, Role::read_only},
    {"ContainerIP", in_status<&AttemptStatus::container_ip>, Role::read_only},
    {"Avoided", read_avoided, Role::read_only},
    {"Service", in_membership<&Membership::service>, Role::read_only},
    {"Slot", in_membership<&Membership::slot>, Role::read_only},
    {"TaskVersion", in_membership<&Membership::version>, Role::read_only},
    {"Draining", in_task<&Task::draining>, Role::read_only},
};

// What a task of an older manager must be for its state to be this.
void derive_from_state(TaskWire& wire) {
  Task& task = wire.task;
  switch (static_cast<WireState>(wire.state)) {
    case WireState::pending:
      task.status.observed = Observed::waiting;
      return;
    case WireState::scheduled:
      task.status.observed = Observed::placed;
      break;
    case WireState::running:
      task.status.observed = Observed::running;
      break;
    case WireState::completed:
      task.status.observed = Observed::exited;
      task.status.final = true;
      break;
    case WireState::failed:
      task.status.observed = Observed::exited;
      task.status.final = true;
      task.status.failure = Failure::exit;
      break;
  }
  if (task.attempt == 0) task.attempt = 1;
}

Result<void> read_task(const Value& v, const At& at, Task& out) {
  TaskWire wire;
  CUBE_TRY(decode(v, at, task_part(wire), spec_part(wire.task.spec.edit())));
  if (!wire.has_observed) derive_from_state(wire);
  Task& task = wire.task;
  task.status.key = {task.id, task.attempt};
  std::uint64_t earlier =
      wire.restart_count - std::min<std::uint64_t>(wire.restart_count, task.status.restart);
  task.restarts_before = static_cast<std::uint32_t>(std::min<std::uint64_t>(earlier, UINT32_MAX));
  out = std::move(task);
  return {};
}

void write_status(JsonWriter& w, const Task& task) {
  const AttemptStatus& s = task.status;
  w.member("Node", task.node);
  w.member("Attempt", task.attempt);
  w.member("Restart", s.restart);
  w.member("Desired", name(task.desired));
  w.member("Observed", name(s.observed));
  w.member("Final", s.final);
  w.member("Reason", task.reason());
  bool checked = task.spec->health.kind != HealthCheck::Kind::none;
  w.member("Healthy", checked ? name(s.health) : "");
  w.member("ExitCode", s.exit_code);
  w.member("Failure", name(s.failure));
  w.member("Failures", s.failures);
  w.member("Moves", task.moves);
  w.member("CreatedAt", format_time(task.created));
  w.member("Revision", task.revision);
  w.member("ContainerIP", s.container_ip);
  if (!task.of.service.is_nil()) {
    w.member("Service", task.of.service.str());
    w.member("Slot", task.of.slot);
    w.member("TaskVersion", task.of.version);
    w.member("Draining", task.draining);
  }
  if (task.avoided.empty()) return;
  w.key("Avoided");
  w.open_list();
  for (const AvoidedNode& n : task.avoided) {
    w.open_object();
    w.member("Node", n.node);
    w.member("Until", format_time(n.until));
    w.member("Reason", n.reason);
    w.close_object();
  }
  w.close_list();
}

void write_task(JsonWriter& w, const Task& task) {
  w.open_object();
  w.member("ID", task.id.str());
  w.member("ContainerID", task.status.container_id);
  w.member("State", static_cast<unsigned>(task.wire_state()));
  w.key("HostPorts");
  write_host_ports(w, task.status.host_ports);
  w.member("StartTime", format_time(task.status.started));
  w.member("FinishTime", format_time(task.status.finished));
  w.member("RestartCount", task.restart_count());
  write_spec(w, task.spec);
  write_status(w, task);
  w.close_object();
}

}  // namespace

Part<TaskWire> task_part(TaskWire& out) {
  return {task_fields, out};
}

std::string task_json(const Task& task) {
  JsonWriter w;
  write_task(w, task);
  return std::move(w).finish();
}

std::string tasks_json(const std::vector<const Task*>& tasks) {
  JsonWriter w;
  w.open_list();
  for (const Task* task : tasks) write_task(w, *task);
  w.close_list();
  return std::move(w).finish();
}

std::string task_ids_json(const std::vector<Task>& tasks, bool as_list) {
  JsonWriter w;
  if (as_list) w.open_list();
  for (const Task& task : tasks) {
    w.open_object();
    w.member("ID", task.id.str());
    w.close_object();
  }
  if (as_list) w.close_list();
  return std::move(w).finish();
}

Result<Task> parse_task(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  Task task;
  CUBE_TRY(read_task(*value, At(Reading::message), task));
  return task;
}

Result<std::vector<Task>> parse_tasks(std::string_view json) {
  return parse_list<Task>(json, read_task);
}

}  // namespace cube::api
