// Events on the wire.

#include "api/codec.h"
#include "api/decode.h"
#include "api/json_reader.h"
#include "api/json_writer.h"

namespace cube::api {

namespace {

constexpr Field<Event> event_fields[] = {
    {"Revision", field<&Event::revision>}, {"Time", field<&Event::at>},
    {"Kind", field<&Event::kind>},         {"Task", field<&Event::task>},
    {"Name", field<&Event::name>},         {"Node", field<&Event::node>},
    {"Attempt", field<&Event::attempt>},   {"Restart", field<&Event::restart>},
    {"Text", field<&Event::text>},
};

Result<void> read_event(const Value& v, const At& at, Event& out) {
  return decode(v, at, Part(event_fields, out));
}

void write_event(JsonWriter& w, const Event& event) {
  w.open_object();
  w.member("Revision", event.revision);
  w.member("Time", format_time(event.at));
  w.member("Kind", event.kind);
  w.member("Task", event.task.is_nil() ? std::string() : event.task.str());
  w.member("Name", event.name);
  w.member("Node", event.node);
  w.member("Attempt", event.attempt);
  w.member("Restart", event.restart);
  w.member("Text", event.text);
  w.close_object();
}

}  // namespace

std::string event_json(const Event& event) {
  JsonWriter w;
  write_event(w, event);
  return std::move(w).finish();
}

std::string events_json(const std::vector<Event>& events) {
  JsonWriter w;
  w.open_list();
  for (const Event& event : events) write_event(w, event);
  w.close_list();
  return std::move(w).finish();
}

Result<Event> parse_event(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  Event event;
  CUBE_TRY(read_event(*value, At(Reading::message), event));
  return event;
}

Result<std::vector<Event>> parse_events(std::string_view json) {
  return parse_list<Event>(json, read_event);
}

}  // namespace cube::api
