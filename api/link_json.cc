// What travels between manager and worker: Assignment, Report, Join. Unknown members are skipped;
// those that decide what runs must be there, so that half a message never stops anything.

#include "api/codec.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/node_info_json.h"
#include "api/ports_json.h"
#include "api/spec_json.h"
#include "api/stats_json.h"

namespace cube::api {

namespace {

// --- Parts --------------------------------------------------------------------------------------

constexpr Field<Fence> fence_fields[] = {
    {"Epoch", field<&Fence::epoch>, Role::required},
    {"Session", field<&Fence::session>, Role::required},
    {"Generation", field<&Fence::generation>, Role::required},
};

void write_fence(JsonWriter& w, const Fence& fence) {
  w.member("Epoch", fence.epoch);
  w.member("Session", fence.session);
  w.member("Generation", fence.generation);
}

constexpr Field<AttemptKey> key_fields[] = {
    {"ID", field<&AttemptKey::task>, Role::required},
    {"Attempt", field<&AttemptKey::attempt>, Role::required},
};

Result<void> read_key(const Value& v, const At& at, AttemptKey& key) {
  return decode(v, at, Part(key_fields, key));
}

void write_key(JsonWriter& w, const AttemptKey& key) {
  w.member("ID", key.task.str());
  w.member("Attempt", key.attempt);
}

// --- Attempts in a report -----------------------------------------------------------------------

Result<void> read_observed(const Value& v, const At& at, AttemptStatus& s) {
  return read_word(v, at, s.observed, observed_from);
}
Result<void> read_failure(const Value& v, const At& at, AttemptStatus& s) {
  return read_word(v, at, s.failure, failure_from);
}
Result<void> read_health(const Value& v, const At& at, AttemptStatus& s) {
  return read_word(v, at, s.health, health_from);
}
Result<void> read_ports(const Value& v, const At& at, AttemptStatus& s) {
  return read_host_ports(v, at, s.host_ports);
}

constexpr Field<AttemptStatus> status_fields[] = {
    {"Restart", field<&AttemptStatus::restart>},
    {"Observed", read_observed, Role::required},
    {"Final", field<&AttemptStatus::final>},
    {"Failure", read_failure},
    {"Failures", field<&AttemptStatus::failures>},
    {"Reason", field<&AttemptStatus::reason>},
    {"Health", read_health},
    {"ContainerID", field<&AttemptStatus::container_id>},
    {"ContainerIP", field<&AttemptStatus::container_ip>},
    {"HostPorts", read_ports},
    {"ExitCode", field<&AttemptStatus::exit_code>},
    {"StartTime", field<&AttemptStatus::started>},
    {"FinishTime", field<&AttemptStatus::finished>},
};

Result<void> read_status(const Value& v, const At& at, AttemptStatus& s) {
  return decode(v, at, Part(key_fields, s.key), Part(status_fields, s));
}

// What is at its default is left out: most attempts of most reports are quietly running.
void write_status(JsonWriter& w, const AttemptStatus& s) {
  w.open_object();
  write_key(w, s.key);
  if (s.restart != 0) w.member("Restart", s.restart);
  w.member("Observed", name(s.observed));
  if (s.final) w.member("Final", true);
  if (s.failure != Failure::none) w.member("Failure", name(s.failure));
  if (s.failures != 0) w.member("Failures", s.failures);
  if (!s.reason.empty()) w.member("Reason", s.reason);
  if (s.health != Health::unknown) w.member("Health", name(s.health));
  if (!s.container_id.empty()) w.member("ContainerID", s.container_id);
  if (!s.container_ip.empty()) w.member("ContainerIP", s.container_ip);
  if (!s.host_ports.empty()) {
    w.key("HostPorts");
    write_host_ports(w, s.host_ports);
  }
  if (s.exit_code != 0) w.member("ExitCode", s.exit_code);
  if (!s.started.is_zero()) w.member("StartTime", format_time(s.started));
  if (!s.finished.is_zero()) w.member("FinishTime", format_time(s.finished));
  w.close_object();
}

// --- Assignment ---------------------------------------------------------------------------------

Result<void> read_assigned_spec(const Value& v, const At& at, AssignedTask& task) {
  return decode(v, at, spec_part(task.spec.edit()));
}

constexpr Field<AssignedTask> assigned_fields[] = {
    {"ID", field<&AssignedTask::id>, Role::required},
    {"Attempt", field<&AssignedTask::attempt>, Role::required},
    {"Run", field<&AssignedTask::run>, Role::required},
    {"Spec", read_assigned_spec, Role::required},
};

Result<void> read_assigned(const Value& v, const At& at, Assignment& out) {
  return read_list(v, at, out.tasks, [](const Value& item, const At& here, AssignedTask& task) {
    return decode(item, here, Part(assigned_fields, task));
  });
}

Result<void> read_dropped(const Value& v, const At& at, Assignment& out) {
  return read_list(v, at, out.dropped, [](const Value& item, const At& here, TaskId& id) {
    return read(item, here, id);
  });
}

constexpr Field<Assignment> assignment_fields[] = {
    {"Cluster", field<&Assignment::cluster>, Role::required},
    {"Manager", field<&Assignment::manager>, Role::required},
    {"Base", field<&Assignment::base>},
    {"Incarnation", field<&Assignment::incarnation>},
    {"Change", field<&Assignment::change>},
    {"Tasks", read_assigned, Role::required},
    {"Dropped", read_dropped},
};

// --- Report -------------------------------------------------------------------------------------

Result<void> read_node(const Value& v, const At& at, Report& report) {
  return decode(v, at, node_info_part(report.node));
}
Result<void> read_attempts(const Value& v, const At& at, Report& report) {
  return read_list(v, at, report.attempts, read_status);
}
Result<void> read_gone(const Value& v, const At& at, Report& report) {
  return read_list(v, at, report.gone, read_key);
}
Result<void> read_host_stats(const Value& v, const At& at, Report& report) {
  return read_stats(v, at, report.stats);
}

constexpr Field<TaskUsage> usage_fields[] = {
    {"Task", field<&TaskUsage::task>, Role::required},
    {"Cpu", field<&TaskUsage::cpu_percent>},
    {"Memory", field<&TaskUsage::memory_percent>},
};
Result<void> read_usage(const Value& v, const At& at, Report& report) {
  return read_list(v, at, report.usage, [](const Value& item, const At& here, TaskUsage& out) {
    return decode(item, here, Part(usage_fields, out));
  });
}

constexpr Field<Report> report_fields[] = {
    {"Incarnation", field<&Report::incarnation>, Role::required},
    {"Base", field<&Report::base>, Role::required},
    {"Change", field<&Report::change>, Role::required},
    {"Node", read_node, Role::required},
    {"Attempts", read_attempts, Role::required},
    {"Gone", read_gone, Role::required},
    {"TaskCount", field<&Report::task_count>},
    {"Lease", field<&Report::lease_stamp>},
    {"TakesChanges", field<&Report::takes_changes>},
    {"Stats", read_host_stats},
    {"Usage", read_usage},
};

constexpr Field<Join> join_fields[] = {
    {"Cluster", field<&Join::cluster>, Role::required},
    {"Name", field<&Join::name>, Role::required},
    {"Worker", field<&Join::worker>, Role::required},
    {"Address", field<&Join::address>, Role::required},
};

}  // namespace

std::string assignment_json(const Assignment& assignment) {
  JsonWriter w;
  w.open_object();
  w.member("Cluster", assignment.cluster);
  w.member("Manager", assignment.manager.str());
  write_fence(w, assignment.fence);
  if (assignment.base != 0) w.member("Base", assignment.base);
  if (assignment.incarnation != 0) w.member("Incarnation", assignment.incarnation);
  if (assignment.change != 0) w.member("Change", assignment.change);
  w.key("Tasks");
  w.open_list();
  for (const AssignedTask& task : assignment.tasks) {
    w.open_object();
    w.member("ID", task.id.str());
    w.member("Attempt", task.attempt);
    w.member("Run", task.run);
    w.key("Spec");
    w.open_object();
    write_spec(w, task.spec);
    w.close_object();
    w.close_object();
  }
  w.close_list();
  if (!assignment.dropped.empty()) {
    w.key("Dropped");
    w.open_list();
    for (const TaskId& id : assignment.dropped) w.text(id.str());
    w.close_list();
  }
  w.close_object();
  return std::move(w).finish();
}

Result<Assignment> parse_assignment(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  Assignment out;
  CUBE_TRY(decode(*value, At(Reading::message), Part(fence_fields, out.fence),
                  Part(assignment_fields, out)));
  return out;
}

std::string report_json(const Report& report) {
  JsonWriter w;
  w.open_object();
  write_fence(w, report.fence);
  w.member("Incarnation", report.incarnation);
  w.member("Base", report.base);
  w.member("Change", report.change);
  w.key("Node");
  w.open_object();
  write_node_info(w, report.node);
  w.close_object();
  w.key("Attempts");
  w.open_list();
  for (const AttemptStatus& s : report.attempts) write_status(w, s);
  w.close_list();
  w.key("Gone");
  w.open_list();
  for (const AttemptKey& key : report.gone) {
    w.open_object();
    write_key(w, key);
    w.close_object();
  }
  w.close_list();
  w.member("TaskCount", report.task_count);
  if (report.lease_stamp != 0) w.member("Lease", report.lease_stamp);
  if (report.takes_changes) w.member("TakesChanges", true);
  w.key("Stats");
  write_stats(w, report.stats, report.task_count);
  if (!report.usage.empty()) {
    w.key("Usage");
    w.open_list();
    for (const TaskUsage& usage : report.usage) {
      w.open_object();
      w.member("Task", usage.task.str());
      w.key("Cpu");
      w.real(usage.cpu_percent);
      w.key("Memory");
      w.real(usage.memory_percent);
      w.close_object();
    }
    w.close_list();
  }
  w.close_object();
  return std::move(w).finish();
}

Result<Report> parse_report(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  Report out;
  CUBE_TRY(decode(*value, At(Reading::message), Part(fence_fields, out.fence),
                  Part(report_fields, out)));
  return out;
}

std::string join_json(const Join& join) {
  JsonWriter w;
  w.open_object();
  w.member("Cluster", join.cluster);
  w.member("Name", join.name);
  w.member("Worker", join.worker.str());
  w.member("Address", join.address);
  w.close_object();
  return std::move(w).finish();
}

Result<Join> parse_join(std::string_view json) {
  auto value = read_json(json, {.values_max = request_values_max});
  if (!value) return std::move(value).error();
  Join out;
  CUBE_TRY(decode(*value, At(Reading::message), Part(join_fields, out)));
  return out;
}

}  // namespace cube::api
