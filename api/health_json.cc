#include "api/health_json.h"

#include <fmt/format.h>

#include <optional>

namespace cube::api {

namespace {

using Kind = HealthCheck::Kind;

struct Draft {
  HealthCheck check;
  std::optional<Kind> kind;
};

Result<void> read_kind(const Value& v, const At& at, Draft& draft) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a string", v);
  if (text->empty()) return {};
  if (*text == "none") draft.kind = Kind::none;
  if (*text == "http") draft.kind = Kind::http;
  if (*text == "tcp") draft.kind = Kind::tcp;
  if (*text == "command") draft.kind = Kind::command;
  if (draft.kind) return {};
  std::string shown = printable(text->substr(0, 64));
  return at.error(fmt::format("\"{}\" is none of http, tcp, command, none", shown));
}

template <auto Pointer>
Result<void> in_check(const Value& v, const At& at, Draft& draft) {
  return read(v, at, draft.check.*Pointer);
}

Result<void> read_command(const Value& v, const At& at, Draft& draft) {
  if (v.list() == nullptr)
    return at.expected("a list of strings such as [\"test\", \"-f\", \"/ready\"]", v);
  return read(v, at, draft.check.command);
}

constexpr Field<Draft> fields[] = {
    {"Type", read_kind, Role::plain, "Kind"},
    {"Path", in_check<&HealthCheck::path>},
    {"Port", in_check<&HealthCheck::port>},
    {"Command", read_command},
    {"Interval", in_check<&HealthCheck::interval>},
    {"Timeout", in_check<&HealthCheck::timeout>},
    {"Retries", in_check<&HealthCheck::retries>},
    {"StartPeriod", in_check<&HealthCheck::start_period>},
};

// The kind that the other fields imply.
Result<Kind> inferred(const HealthCheck& check, const At& at) {
  if (!check.path.empty() && !check.command.empty())
    return at.error("has a Path and a Command; say which with Type");
  if (!check.path.empty()) return Kind::http;
  if (!check.command.empty()) return Kind::command;
  if (check.port != 0) return Kind::tcp;
  return at.error("needs a Type (http, tcp or command), a Path, a Command or a Port");
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::none:
      return "none";
    case Kind::http:
      return "http";
    case Kind::tcp:
      return "tcp";
    case Kind::command:
      return "command";
  }
  return "none";
}

HealthCheck of_path(std::string path) {
  HealthCheck check;
  check.kind = path.empty() ? Kind::none : Kind::http;
  check.path = std::move(path);
  return check;
}

}  // namespace

Result<void> read_health_check(const Value& v, const At& at, HealthCheck& out) {
  if (const std::string* path = v.text()) {
    out = of_path(*path);
    return {};
  }
  if (v.object() == nullptr) return at.expected("a path such as \"/health\" or an object", v);
  Draft draft;
  CUBE_TRY(decode(v, at, Part(fields, draft)));
  if (!draft.kind) {
    auto kind = inferred(draft.check, at);
    if (!kind) return std::move(kind).error();
    draft.kind = *kind;
  }
  out = draft.kind == Kind::none ? HealthCheck{} : std::move(draft.check);
  out.kind = *draft.kind;
  return {};
}

void write_health_check(JsonWriter& w, const HealthCheck& check) {
  if (check.kind == Kind::none) return w.text("");
  if (!check.path.empty() && check == of_path(check.path)) return w.text(check.path);
  w.open_object();
  w.member("Type", kind_name(check.kind));
  if (!check.path.empty()) w.member("Path", check.path);
  if (check.port != 0) w.member("Port", check.port);
  if (!check.command.empty()) {
    w.key("Command");
    w.open_list();
    for (const std::string& word : check.command) w.text(word);
    w.close_list();
  }
  w.member("Interval", format_duration(check.interval));
  w.member("Timeout", format_duration(check.timeout));
  w.member("Retries", check.retries);
  w.member("StartPeriod", format_duration(check.start_period));
  w.close_object();
}

}  // namespace cube::api
