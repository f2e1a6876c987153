// What people and old clients post: a TaskEvent, a bare Task, or a list of these.

#include <fmt/format.h>

#include <optional>

#include "api/codec.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/spec_json.h"
#include "api/task_json.h"

namespace cube::api {

namespace {

// The numbers of an event's State (contract): 2 starts, and so do 0 and 1; 3 stops.
constexpr int event_start = 2, event_stop = 3;

// The outer object of a TaskEvent; its Task is read on its own.
struct EventWire {
  Uuid id;
  WallTime timestamp;
  int state = event_start;
  const Value* task = nullptr;
};

Result<void> read_event_state(const Value& v, const At& at, EventWire& event) {
  std::int64_t state = 0;
  CUBE_TRY(read(v, at, state));
  if (state < 0 || state > event_stop)
    return at.error(fmt::format("must be 2 (start) or 3 (stop), not {}", state));
  event.state = state == event_stop ? event_stop : event_start;
  return {};
}

Result<void> keep_task(const Value& v, const At&, EventWire& event) {
  event.task = &v;
  return {};
}

constexpr Field<EventWire> event_fields[] = {
    {"ID", field<&EventWire::id>},
    {"State", read_event_state},
    {"Timestamp", field<&EventWire::timestamp>},
    {"Task", keep_task, Role::plain, "Sail"},
};

bool has_member(const Value& v, std::string_view name) {
  for (const Member& m : *v.object())
    if (equal_ignoring_case(m.key, name)) return true;
  return false;
}

// The same, and with a value.
bool says(const Value& v, std::string_view name) {
  for (const Member& m : *v.object())
    if (equal_ignoring_case(m.key, name)) return !m.value.is_null();
  return false;
}

Result<Submission> read_body(const Value& v, const At& at) {
  TaskWire wire;
  Submission s;
  CUBE_TRY(decode(v, at, task_part(wire), spec_part(s.spec)));
  // Old clients only list what is exposed, and expect to reach it at some port of the host.
  if (publishes_by_default(s.spec) && !says(v, "PublishAll")) s.spec.publish_all = true;
  s.id = wire.task.id;
  s.container_id = std::move(wire.task.status.container_id);
  s.task_state = static_cast<int>(wire.state);
  return s;
}

Result<void> check_spec(const Submission& s, const At& at) {
  auto valid = validate(s.spec);
  if (valid) return {};
  std::string path = at.path();
  std::string before = path.empty() ? "" : path + ".";
  return Error{valid.error().code, before + valid.error().message};
}

Result<Submission> read_event(const Value& v, const At& at) {
  EventWire event;
  CUBE_TRY(decode(v, at, Part(event_fields, event)));
  At here(at, "Task");
  if (event.task == nullptr) return here.error("is missing");
  auto s = read_body(*event.task, here);
  if (!s) return s;
  s->event_state = event.state;
  if (event.state == event_stop) {
    if (s->id.is_nil()) return At(here, "ID").error("is missing: it tells which task to stop");
    return s;
  }
  if (s->task_state > 1)
    return At(here, "State").error(fmt::format("must be 0 or 1, not {}", s->task_state));
  CUBE_TRY(check_spec(*s, here));
  return s;
}

// A task without an event. Its State is not looked at, so that what was read can be posted.
Result<Submission> read_bare(const Value& v, const At& at) {
  if (has_member(v, "Timestamp")) return At(at, "Task").error("is missing");
  auto s = read_body(v, at);
  if (!s) return s;
  s->bare = true;
  if (s->spec.image.empty() && s->task_state == event_stop)
    return At(at, "Task")
        .error("is missing: to stop a task, post {\"State\":3,\"Task\":{\"ID\":...}}");
  CUBE_TRY(check_spec(*s, at));
  return s;
}

Result<Submission> read_submission(const Value& v, const At& at) {
  if (v.object() == nullptr) return at.expected("a task or a task event, as an object", v);
  return has_member(v, "Task") || has_member(v, "Sail") ? read_event(v, at) : read_bare(v, at);
}

Result<Value> read_request(std::string_view json) {
  return read_json(json, {.values_max = request_values_max});
}

}  // namespace

Result<Submission> parse_submission(std::string_view json) {
  auto value = read_request(json);
  if (!value) return std::move(value).error();
  return read_submission(*value, At(Reading::submission));
}

Result<std::vector<Submission>> parse_submissions(std::string_view json, bool& was_array) {
  auto value = read_request(json);
  if (!value) return std::move(value).error();
  At root(Reading::submission);
  const Value::List* list = value->list();
  was_array = list != nullptr;
  if (was_array && list->empty()) {
    return Error{Code::invalid, "the list of tasks is empty: there is nothing to submit"};
  }
  std::vector<Submission> out;
  for (std::size_t i = 0; i < (was_array ? list->size() : 1); ++i) {
    auto one = was_array ? read_submission((*list)[i], At(root, i)) : read_submission(*value, root);
    if (!one) return std::move(one).error();
    out.push_back(*std::move(one));
  }
  return out;
}

std::string submission_json(const TaskId& id, const TaskSpec& spec) {
  JsonWriter w;
  w.open_object();
  if (!id.is_nil()) w.member("ID", id.str());
  write_spec(w, spec);
  w.close_object();
  return std::move(w).finish();
}

}  // namespace cube::api
