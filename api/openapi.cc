#include "api/openapi.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/openapi_schemas.h"
#include "api/schema_check.h"

namespace cube::api {

namespace {

struct Parameter {
  std::string_view name, in, schema, description;
};

// What the routes table does not say about an operation.
struct Detail {
  std::string_view operation;
  int status;                     // of success
  std::string_view reply;         // JSON schema; "text": not JSON; empty: no body
  std::string_view request = {};  // JSON schema; empty: no body
  std::array<int, 5> errors{};    // statuses of the errors to expect, 0: no more
  std::array<Parameter, 9> parameters{};
};

constexpr std::string_view id_text = R"({"type":"string"})";
constexpr std::string_view number = R"({"type":"integer","minimum":0})";
constexpr std::string_view flag = R"({"type":"boolean"})";
constexpr Parameter task_id{"id", "path", id_text, "Full ID, unique prefix of one, or unique name"};
constexpr Parameter node_name{"name", "path", id_text, "The node's name"};

constexpr std::string_view task_ref = R"({"$ref":"#/components/schemas/Task"})";
constexpr std::string_view tasks_ref =
    R"({"type":"array","items":{"$ref":"#/components/schemas/Task"}})";
constexpr std::string_view task_or_tasks =
    R"({"anyOf":[{"$ref":"#/components/schemas/Task"},)"
    R"({"type":"array","items":{"$ref":"#/components/schemas/Task"}},)"
    R"({"$ref":"#/components/schemas/TaskID"},)"
    R"({"type":"array","items":{"$ref":"#/components/schemas/TaskID"}}]})";
constexpr std::string_view submission =
    R"({"anyOf":[{"$ref":"#/components/schemas/TaskEvent"},)"
    R"({"$ref":"#/components/schemas/TaskRequest"},{"type":"array","items":{"anyOf":[)"
    R"({"$ref":"#/components/schemas/TaskEvent"},{"$ref":"#/components/schemas/TaskRequest"}]}}]})";
constexpr std::string_view node_ref = R"({"$ref":"#/components/schemas/Node"})";
constexpr std::string_view nodes_ref =
    R"({"type":"array","items":{"$ref":"#/components/schemas/Node"}})";
constexpr std::string_view events_ref =
    R"({"type":"array","items":{"$ref":"#/components/schemas/Event"}})";
constexpr std::string_view service_ref = R"({"$ref":"#/components/schemas/Service"})";
constexpr std::string_view services_ref =
    R"({"type":"array","items":{"$ref":"#/components/schemas/Service"}})";
constexpr std::string_view service_spec_ref = R"({"$ref":"#/components/schemas/ServiceSpec"})";
constexpr std::string_view history_ref =
    R"({"type":"array","items":{"$ref":"#/components/schemas/ServicePast"}})";
constexpr std::string_view scale_body =
    R"({"type":"object","required":["Replicas"],"properties":{"Replicas":{"type":"integer"}}})";
constexpr Parameter service_id{"ref", "path", id_text, "Name, full ID or unique prefix of one"};
constexpr Parameter if_match{"If-Match", "header", id_text,
                             "Only when this is the service's present version"};
constexpr std::string_view report_ref = R"({"$ref":"#/components/schemas/Report"})";

constexpr Detail details[] = {
    {"listTasks", 200, tasks_ref},
    {"submitTask",
     201,
     task_or_tasks,
     submission,
     {400, 409, 413, 503, 507},
     {{{"Idempotency-Key", "header", id_text,
        "The same key gives the same answer for 24 hours (manager)"},
       {"Prefer", "header", id_text, "return=minimal: answered with IDs only (manager)"}}}},
    {"getTask", 200, task_ref, {}, {404, 409}, {{task_id}}},
    {"stopTask", 204, {}, {}, {404, 409}, {{task_id}}},
    {"getTaskLogs",
     200,
     "text",
     {},
     {400, 404, 409, 503},
     {{task_id,
       {"follow", "query", flag, "Go on with what comes"},
       {"tail", "query", id_text, "So many last lines, or all"},
       {"since", "query", id_text, "A duration back from now such as 10m, or an RFC 3339 time"},
       {"timestamps", "query", flag, "Begin each line with its time"}}}},
    {"listNodes", 200, nodes_ref},
    {"joinNode", 204, {}, R"({"$ref":"#/components/schemas/Join"})", {400, 409}},
    {"getNode", 200, node_ref, {}, {404}, {{node_name}}},
    {"forgetNode", 204, {}, {}, {404, 409}, {{node_name}}},
    {"drainNode", 204, {}, {}, {404}, {{node_name}}},
    {"pauseNode", 204, {}, {}, {404}, {{node_name}}},
    {"activateNode", 204, {}, {}, {404}, {{node_name}}},
    {"listServices", 200, services_ref},
    {"createService", 201, service_ref, service_spec_ref, {400, 409, 413, 507}},
    {"getService", 200, service_ref, {}, {404}, {{service_id}}},
    {"updateService",
     200,
     service_ref,
     service_spec_ref,
     {400, 404, 409, 412, 507},
     {{service_id, if_match}}},
    {"removeService", 202, {}, {}, {404}, {{service_id}}},
    {"scaleService", 200, service_ref, scale_body, {400, 404}, {{service_id}}},
    {"rollbackService", 200, service_ref, {}, {404, 409, 412}, {{service_id, if_match}}},
    {"listServiceTasks", 200, tasks_ref, {}, {404}, {{service_id}}},
    {"listServiceHistory", 200, history_ref, {}, {404}, {{service_id}}},
    {"getRoutes",
     200,
     R"({"$ref":"#/components/schemas/RouteTable"})",
     {},
     {400},
     {{{"after", "query", id_text, "The version that is in force; answered when it is another"},
       {"wait", "query", id_text, "At most so many seconds without a change"},
       {"ingress", "query", id_text, "Who asks"},
       {"busy", "query", id_text,
        "Replicas out of the table that still have requests, by comma"}}}},
    {"reportRoutes",
     204,
     {},
     R"({"$ref":"#/components/schemas/RouteReport"})",
     {400},
     {{{"ingress", "query", id_text, "Who tells"}}}},
    {"spawn", 200,
     R"({"type":"object","required":["containerId","containerPORT","hostPORT","alias"],)"
     R"("properties":{"containerId":{"type":"string"},"containerPORT":{"type":"string"},)"
     R"("hostPORT":{"type":"string"},"alias":{"type":"string"}}})",
     R"({"type":"object","required":["image"],"properties":{"image":{"type":"string"},)"
     R"("tag":{"type":"string"},"minContainers":{"type":"integer"},)"
     R"("maxContainers":{"type":"integer"}}})"},
    {"kill", 200,
     R"({"type":"object","required":["success"],"properties":{"success":{"type":"boolean"}}})",
     R"({"type":"object","required":["alias"],"properties":{"alias":{"type":"string"}}})"},
    {"listEvents",
     200,
     events_ref,
     {},
     {400},
     {{{"since", "query", number, "Only events after this revision"},
       {"Last-Event-ID", "header", number, "The same, for server-sent events"}}}},
    {"getMetrics", 200, "text"},
    {"getHealth", 200, R"({"$ref":"#/components/schemas/Status"})", {}, {503}},
    {"getOpenApi", 200, R"({"type":"object","additionalProperties":true})"},
    {"getVersion", 200, R"({"$ref":"#/components/schemas/Version"})"},
    {"getStats", 200, R"({"$ref":"#/components/schemas/Stats"})"},
    {"putAssignment", 200, report_ref, R"({"$ref":"#/components/schemas/Assignment"})", {400, 409}},
    {"patchAssignment",
     200,
     report_ref,
     R"({"$ref":"#/components/schemas/Assignment"})",
     {400, 409}},
    {"getReport",
     200,
     report_ref,
     {},
     {400, 409},
     {{{"manager", "query", id_text, "Who asks; another than the worker's own is refused"},
       {"cluster", "query", id_text, "Of which cluster; another than the worker's is refused"},
       {"epoch", "query", number, "The asking manager's"},
       {"session", "query", number, "The asking manager's"},
       {"incarnation", "query", number, "Of the report last seen"},
       {"change", "query", number, "Of the report last seen; answered when there is a newer one"},
       {"lease", "query", number, "Lease of the report that this poll follows: renews the lease"},
       {"ttl", "query", id_text, "How long the lease lasts from then, such as 15s"},
       {"wait", "query", id_text, "At most so long without a change, such as 5s"}}}},
};

const Detail& detail_of(std::string_view operation) {
  const auto* found = std::find_if(std::begin(details), std::end(details),
                                   [&](const Detail& d) { return d.operation == operation; });
  CUBE_ASSERT(found != std::end(details));
  return *found;
}

bool serves(Daemon daemon, const Route& route) {
  return (static_cast<unsigned>(daemon) & static_cast<unsigned>(route.daemon)) != 0;
}

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "Done";
    case 201:
      return "Accepted; it will not be lost";
    case 202:
      return "Accepted; it goes on by itself";
    case 204:
      return "Done; nothing to say";
    case 400:
      return "The request is wrong; the message names the field";
    case 404:
      return "There is no such thing";
    case 409:
      return "Ambiguous, in use, or known with other content";
    case 412:
      return "Another version is the present one";
    case 413:
      return "Too large";
    case 503:
      return "Not now; try again later";
    case 507:
      return "The store's disk is full";
    default:
      return "Error";
  }
}

void write_content(JsonWriter& w, std::string_view type, std::string_view schema) {
  w.key_text(type);
  w.open_object();
  w.key("schema");
  w.raw(schema);
  w.close_object();
}

void write_parameters(JsonWriter& w, const Detail& detail) {
  if (detail.parameters[0].name.empty()) return;
  w.key("parameters");
  w.open_list();
  for (const Parameter& p : detail.parameters) {
    if (p.name.empty()) break;
    w.open_object();
    w.member("name", p.name);
    w.member("in", p.in);
    w.member("required", p.in == "path");
    w.member("description", p.description);
    w.key("schema");
    w.raw(p.schema);
    w.close_object();
  }
  w.close_list();
}

void write_success(JsonWriter& w, const Detail& detail) {
  w.key(std::to_string(detail.status));
  w.open_object();
  w.member("description", status_text(detail.status));
  if (!detail.reply.empty()) {
    w.key("content");
    w.open_object();
    bool text = detail.reply == "text";
    write_content(w, text ? "text/plain" : "application/json", text ? id_text : detail.reply);
    if (detail.operation == "listEvents") write_content(w, "text/event-stream", id_text);
    w.close_object();
  }
  w.close_object();
}

void write_error(JsonWriter& w, std::string_view key, std::string_view description) {
  w.key(key);
  w.open_object();
  w.member("description", description);
  w.key("content");
  w.open_object();
  write_content(w, "application/json", R"({"$ref":"#/components/schemas/Error"})");
  w.close_object();
  w.close_object();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

void write_operation(JsonWriter& w, const Route& route) {
  const Detail& detail = detail_of(route.operation);
  w.key(lower(route.method));
  w.open_object();
  w.member("operationId", route.operation);
  w.member("summary", route.summary);
  write_parameters(w, detail);
  if (!detail.request.empty()) {
    w.key("requestBody");
    w.open_object();
    w.member("required", true);
    w.key("content");
    w.open_object();
    write_content(w, "application/json", detail.request);
    w.close_object();
    w.close_object();
  }
  w.key("responses");
  w.open_object();
  write_success(w, detail);
  for (int status : detail.errors)
    if (status != 0) write_error(w, std::to_string(status), status_text(status));
  write_error(w, "default", "Any other error");
  w.close_object();
  w.close_object();
}

void write_paths(JsonWriter& w, Daemon daemon) {
  w.open_object();
  auto all = routes();
  for (auto it = all.begin(); it != all.end(); ++it) {
    auto same = [&](const Route& r) { return r.path == it->path && serves(daemon, r); };
    if (!serves(daemon, *it) || std::any_of(all.begin(), it, same)) continue;
    w.key_text(it->path);
    w.open_object();
    for (const Route& route : all)
      if (same(route)) write_operation(w, route);
    w.close_object();
  }
  w.close_object();
}

}  // namespace

std::string openapi_json(Daemon daemon, std::string_view version) {
  JsonWriter w;
  w.open_object();
  w.member("openapi", "3.1.0");
  w.key("info");
  w.open_object();
  w.member("title", daemon == Daemon::worker ? "Cube worker" : "Cube manager");
  w.member("version", version);
  w.member("description",
           "Names are PascalCase and matched without regard to case in requests. Unknown fields "
           "of a submission are refused.");
  w.close_object();
  w.key("paths");
  write_paths(w, daemon);
  w.key("components");
  w.open_object();
  w.key("schemas");
  w.raw(openapi_schemas());
  w.close_object();
  w.close_object();
  return std::move(w).finish();
}

Result<void> check_reply(Daemon daemon, std::string_view method, std::string_view path_pattern,
                         int status, std::string_view body) {
  auto document = read_json(openapi_json(daemon, "0"));
  if (!document) return std::move(document).error().in("OpenAPI document");
  const Value* operation = &*document;
  for (std::string step : {std::string("paths"), std::string(path_pattern), lower(method)})
    if (operation != nullptr) operation = operation->find(step);
  if (operation == nullptr)
    return Error{Code::not_found,
                 fmt::format("{} {} is not in the document", method, path_pattern)};
  const Value* responses = operation->find("responses");
  const Value* response = responses->find(std::to_string(status));
  if (response == nullptr && status >= 400) response = responses->find("default");
  std::string answer = fmt::format("{} {} {}", method, path_pattern, status);
  if (response == nullptr) return Error{Code::invalid, answer + " is not in the document"};
  const Value* content = response->find("content");
  if (content == nullptr) {
    if (body.empty()) return {};
    return Error{Code::invalid, answer + " has a body and should have none"};
  }
  const Value* json = content->find("application/json");
  if (json == nullptr) return {};
  auto value = read_json(body);
  if (!value) return std::move(value).error().in(answer);
  auto fits = check_schema(*document, *json->find("schema"), *value);
  if (!fits) return std::move(fits).error().in(answer);
  return {};
}

}  // namespace cube::api
