// Error bodies, and JSON made readable for people.

#include <fmt/format.h>

#include "api/codec.h"
#include "api/decode.h"
#include "api/json_reader.h"
#include "api/json_writer.h"

namespace cube::api {

namespace {

constexpr std::size_t shown_body_bytes_max = 400;

struct ErrorWire {
  std::string message;
};

constexpr Field<ErrorWire> error_fields[] = {
    {"Message", field<&ErrorWire::message>},
};

void new_line(std::string& out, std::size_t depth) {
  out.push_back('\n');
  out.append(depth * 2, ' ');
}

void append_pretty(std::string& out, const Value& v, std::size_t depth) {
  if (const std::string* text = v.text()) return append_json_string(out, *text);
  if (const Value::Real* real = v.real()) return static_cast<void>(out += real->text);
  const Value::List* list = v.list();
  const Value::Object* object = v.object();
  std::size_t size = list != nullptr ? list->size() : object != nullptr ? object->size() : 0;
  if (list == nullptr && object == nullptr) {
    out += v.describe();
    return;
  }
  out.push_back(list != nullptr ? '[' : '{');
  for (std::size_t i = 0; i < size; ++i) {
    if (i != 0) out.push_back(',');
    new_line(out, depth + 1);
    if (object != nullptr) {
      append_json_string(out, (*object)[i].key);
      out += ": ";
    }
    append_pretty(out, list != nullptr ? (*list)[i] : (*object)[i].value, depth + 1);
  }
  if (size != 0) new_line(out, depth);
  out.push_back(list != nullptr ? ']' : '}');
}

}  // namespace

std::string error_json(int status, std::string_view message) {
  JsonWriter w;
  w.open_object();
  w.member("HTTPStatusCode", status);
  w.member("Message", message);
  w.close_object();
  return std::move(w).finish();
}

std::string error_message(std::string_view body) {
  if (auto value = read_json(body); value && value->object() != nullptr) {
    ErrorWire wire;
    auto read = decode(*value, At(Reading::message), Part(error_fields, wire));
    if (read && !wire.message.empty()) return printable(wire.message);
  }
  std::string shown = printable(body.substr(0, shown_body_bytes_max));
  return body.size() > shown_body_bytes_max ? shown + "..." : shown;
}

std::string pretty(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::string(json);
  std::string out;
  append_pretty(out, *value, 0);
  return out;
}

}  // namespace cube::api
