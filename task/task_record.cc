// The stored forms of Task, AttemptStatus and Event: docs/store-format.md has the tables of tags.

#include "task/record_fields.h"
#include "task/task.h"

namespace cube {
namespace {

using record::Field;
using record::take;
using record::view;

// DO NOT RENUMBER: stored.
enum TaskTag : std::uint32_t {
  tag_id = 1,
  tag_spec = 2,
  tag_created = 3,
  tag_desired = 4,
  tag_attempt = 5,
  tag_node = 6,
  tag_waits_for = 7,
  tag_avoided = 8,  // begins an item: the node
  tag_avoided_until = 9,
  tag_avoided_reason = 10,
  tag_moves = 11,
  tag_revision = 12,
  tag_restarts_before = 13,
  tag_service = 14,
  tag_slot = 15,
  tag_task_version = 16,
  tag_draining = 17,
};

// DO NOT RENUMBER: stored. Also used within a Task, so no number of TaskTag may be among them.
enum StatusTag : std::uint32_t {
  tag_status_task = 32,
  tag_status_attempt = 33,
  tag_status_restart = 34,
  tag_status_observed = 35,
  tag_status_final = 36,
  tag_status_failure = 37,
  tag_status_failures = 38,
  tag_status_reason = 39,
  tag_status_health = 40,
  tag_status_container_id = 41,
  tag_status_container_ip = 42,
  tag_status_port = 43,  // begins an item: the container's port
  tag_status_port_protocol = 44,
  tag_status_port_host = 45,
  tag_status_port_host_ip = 46,
  tag_status_exit_code = 47,
  tag_status_started = 48,
  tag_status_finished = 49,
};

// DO NOT RENUMBER: stored.
enum EventTag : std::uint32_t {
  tag_event_revision = 1,
  tag_event_at = 2,
  tag_event_kind = 3,
  tag_event_task = 4,
  tag_event_name = 5,
  tag_event_node = 6,
  tag_event_attempt = 7,
  tag_event_restart = 8,
  tag_event_text = 9,
};

void put(RecordWriter& out, std::uint32_t tag, WallTime t) {
  out.sint(tag, t.us);
}
void put(RecordWriter& out, std::uint32_t tag, TaskId id) {
  if (!id.is_nil()) out.bytes(tag, view(id.uuid));
}

void put_host_port(RecordWriter& out, const HostPort& port) {
  // An item begins even when its number is 0, so the number goes in as bytes.
  out.bytes_always(tag_status_port, std::to_string(port.container.number));
  if (port.container.protocol != "tcp") {
    out.bytes_always(tag_status_port_protocol, port.container.protocol);
  }
  out.uint(tag_status_port_host, port.host_port);
  out.bytes(tag_status_port_host_ip, port.host_ip);
}

// Everything but the key.
void put_status(RecordWriter& out, const AttemptStatus& s) {
  out.uint(tag_status_restart, s.restart);
  out.uint(tag_status_observed, static_cast<std::uint64_t>(s.observed));
  out.uint(tag_status_final, s.final ? 1 : 0);
  out.uint(tag_status_failure, static_cast<std::uint64_t>(s.failure));
  out.uint(tag_status_failures, s.failures);
  out.bytes(tag_status_reason, s.reason);
  out.uint(tag_status_health, static_cast<std::uint64_t>(s.health));
  out.bytes(tag_status_container_id, s.container_id);
  out.bytes(tag_status_container_ip, s.container_ip);
  for (const HostPort& port : s.host_ports) put_host_port(out, port);
  out.sint(tag_status_exit_code, s.exit_code);
  put(out, tag_status_started, s.started);
  put(out, tag_status_finished, s.finished);
}

bool take_port_number(const Field& f, std::uint16_t& out) {
  if (!f.is_bytes || f.bytes.empty() || f.bytes.size() > 5) return false;
  std::uint32_t number = 0;
  for (const char c : f.bytes) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  out = static_cast<std::uint16_t>(number);
  return number <= UINT16_MAX;
}

bool take_host_port(const Field& f, std::vector<HostPort>& ports) {
  if (f.tag == tag_status_port) return take_port_number(f, ports.emplace_back().container.number);
  if (ports.empty()) return false;
  HostPort& port = ports.back();
  if (f.tag == tag_status_port_protocol) return take(f, port.container.protocol);
  if (f.tag == tag_status_port_host) return take(f, port.host_port);
  return take(f, port.host_ip);
}

bool take_status(const Field& f, AttemptStatus& s) {
  switch (f.tag) {
    case tag_status_task:
      return take(f, s.key.task.uuid);
    case tag_status_attempt:
      return take(f, s.key.attempt);
    case tag_status_restart:
      return take(f, s.restart);
    case tag_status_observed:
      return take(f, s.observed, Observed::lost);
    case tag_status_final:
      return take(f, s.final);
    case tag_status_failure:
      return take(f, s.failure, Failure::engine);
    case tag_status_failures:
      return take(f, s.failures);
    case tag_status_reason:
      return take(f, s.reason);
    case tag_status_health:
      return take(f, s.health, Health::unhealthy);
    case tag_status_container_id:
      return take(f, s.container_id);
    case tag_status_container_ip:
      return take(f, s.container_ip);
    case tag_status_port:
    case tag_status_port_protocol:
    case tag_status_port_host:
    case tag_status_port_host_ip:
      return take_host_port(f, s.host_ports);
    case tag_status_exit_code:
      return take(f, s.exit_code);
    case tag_status_started:
      return take(f, s.started);
    case tag_status_finished:
      return take(f, s.finished);
    default:
      return true;  // of a later version
  }
}

bool take_avoided(const Field& f, std::vector<AvoidedNode>& avoided) {
  if (f.tag == tag_avoided) return take(f, avoided.emplace_back().node);
  if (avoided.empty()) return false;
  if (f.tag == tag_avoided_until) return take(f, avoided.back().until);
  return take(f, avoided.back().reason);
}

// The spec of a task's record, or why it cannot be read.
struct SpecField {
  const SpecOf& read;
  Result<SharedSpec> spec = SharedSpec();
};

bool take_spec(const Field& f, SpecField& field) {
  if (f.is_bytes) field.spec = field.read(f.bytes);
  return f.is_bytes && field.spec.ok();
}

bool take_task(const Field& f, Task& t, SpecField& spec) {
  switch (f.tag) {
    case tag_id:
      return take(f, t.id.uuid);
    case tag_spec:
      return take_spec(f, spec);
    case tag_created:
      return take(f, t.created);
    case tag_desired:
      return take(f, t.desired, Desired::stop);
    case tag_attempt:
      return take(f, t.attempt);
    case tag_node:
      return take(f, t.node);
    case tag_waits_for:
      return take(f, t.waits_for);
    case tag_avoided:
    case tag_avoided_until:
    case tag_avoided_reason:
      return take_avoided(f, t.avoided);
    case tag_moves:
      return take(f, t.moves);
    case tag_revision:
      return take(f, t.revision);
    case tag_restarts_before:
      return take(f, t.restarts_before);
    case tag_service:
      return take(f, t.of.service.uuid);
    case tag_slot:
      return take(f, t.of.slot);
    case tag_task_version:
      return take(f, t.of.version);
    case tag_draining:
      return take(f, t.draining);
    default:
      return take_status(f, t.status);
  }
}

bool take_event(const Field& f, Event& e) {
  switch (f.tag) {
    case tag_event_revision:
      return take(f, e.revision);
    case tag_event_at:
      return take(f, e.at);
    case tag_event_kind:
      return take(f, e.kind);
    case tag_event_task:
      return take(f, e.task.uuid);
    case tag_event_name:
      return take(f, e.name);
    case tag_event_node:
      return take(f, e.node);
    case tag_event_attempt:
      return take(f, e.attempt);
    case tag_event_restart:
      return take(f, e.restart);
    case tag_event_text:
      return take(f, e.text);
    default:
      return true;  // of a later version
  }
}

}  // namespace

std::string encode(const Task& t) {
  return encode(t, encode(*t.spec));
}

std::string encode(const Task& t, std::string_view spec) {
  RecordWriter out(record::version);
  put(out, tag_id, t.id);
  out.bytes(tag_spec, spec);
  put(out, tag_created, t.created);
  out.uint(tag_desired, static_cast<std::uint64_t>(t.desired));
  out.uint(tag_attempt, t.attempt);
  out.bytes(tag_node, t.node);
  out.bytes(tag_waits_for, t.waits_for);
  for (const AvoidedNode& avoided : t.avoided) {
    out.bytes_always(tag_avoided, avoided.node);
    put(out, tag_avoided_until, avoided.until);
    out.bytes(tag_avoided_reason, avoided.reason);
  }
  out.uint(tag_moves, t.moves);
  out.uint(tag_revision, t.revision);
  out.uint(tag_restarts_before, t.restarts_before);
  if (!t.of.service.is_nil()) out.bytes(tag_service, view(t.of.service.uuid));
  out.uint(tag_slot, t.of.slot);
  out.uint(tag_task_version, t.of.version);
  out.uint(tag_draining, t.draining ? 1 : 0);
  // The status is nearly always about this task's present attempt: then its key takes no room.
  if (t.status.key != AttemptKey{t.id, t.attempt}) {
    out.bytes_always(tag_status_task, view(t.status.key.task.uuid));
    out.uint(tag_status_attempt, t.status.key.attempt);
  }
  put_status(out, t.status);
  return std::move(out).finish();
}

Result<Task> decode_task(std::string_view bytes) {
  return decode_task(bytes, [](std::string_view record) -> Result<SharedSpec> {
    auto spec = decode_spec(record);
    if (!spec) return std::move(spec).error();
    return SharedSpec(std::move(*spec));
  });
}

Result<Task> decode_task(std::string_view bytes, const SpecOf& spec_of) {
  Task task;
  task.status.observed = Observed::waiting;  // what an absent field means
  SpecField spec{spec_of};
  bool key_is_stored = false;
  auto read = record::read(bytes, "task", [&](const Field& f) {
    key_is_stored = key_is_stored || f.tag == tag_status_task;
    return take_task(f, task, spec);
  });
  if (!spec.spec) return std::move(spec.spec).error().in("task");
  if (!read) return std::move(read).error();
  task.spec = std::move(spec.spec).value();
  if (!key_is_stored) task.status.key = {task.id, task.attempt};
  return task;
}

std::string encode(const AttemptStatus& s) {
  RecordWriter out(record::version);
  put(out, tag_status_task, s.key.task);
  out.uint(tag_status_attempt, s.key.attempt);
  put_status(out, s);
  return std::move(out).finish();
}

Result<AttemptStatus> decode_attempt_status(std::string_view bytes) {
  AttemptStatus status;
  status.observed = Observed::waiting;  // what an absent field means
  CUBE_TRY(record::read(bytes, "attempt", [&](const Field& f) { return take_status(f, status); }));
  return status;
}

std::string encode(const Event& e) {
  RecordWriter out(record::version);
  out.uint(tag_event_revision, e.revision);
  put(out, tag_event_at, e.at);
  out.bytes(tag_event_kind, e.kind);
  put(out, tag_event_task, e.task);
  out.bytes(tag_event_name, e.name);
  out.bytes(tag_event_node, e.node);
  out.uint(tag_event_attempt, e.attempt);
  out.uint(tag_event_restart, e.restart);
  out.bytes(tag_event_text, e.text);
  return std::move(out).finish();
}

Result<Event> decode_event(std::string_view bytes) {
  Event event;
  CUBE_TRY(record::read(bytes, "event", [&](const Field& f) { return take_event(f, event); }));
  return event;
}

}  // namespace cube
