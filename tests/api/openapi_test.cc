#include "api/openapi.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "api/codec.h"
#include "api/json_reader.h"
#include "api/schema_check.h"

namespace cube::api {
namespace {

Value document(Daemon daemon) {
  auto value = read_json(openapi_json(daemon, "1.2.3"));
  if (!value) FAIL(value.error().message);
  return std::move(value).value();
}

std::string error_of(int status, std::string_view body, std::string_view path = "/tasks/{id}") {
  auto fits = check_reply(Daemon::manager, "GET", path, status, body);
  return fits ? "no error" : fits.error().message;
}

TEST_CASE("the document has every route of its daemon and no other") {
  for (Daemon daemon : {Daemon::manager, Daemon::worker}) {
    Value doc = document(daemon);
    CHECK(*doc.find("openapi")->text() == "3.1.0");
    CHECK(*doc.find("info")->find("version")->text() == "1.2.3");
    std::set<std::string> documented, expected;
    for (const Member& path : *doc.find("paths")->object())
      for (const Member& method : *path.value.object())
        documented.insert(method.key + " " + path.key + " " +
                          *method.value.find("operationId")->text());
    for (const Route& route : routes()) {
      if ((static_cast<unsigned>(route.daemon) & static_cast<unsigned>(daemon)) == 0) continue;
      std::string method(route.method);
      for (char& c : method) c = static_cast<char>(c + 32);
      expected.insert(method + " " + std::string(route.path) + " " + std::string(route.operation));
    }
    CHECK(documented == expected);
  }
}

TEST_CASE("every path parameter is declared, and every reference leads somewhere") {
  for (Daemon daemon : {Daemon::manager, Daemon::worker}) {
    Value doc = document(daemon);
    for (const Member& path : *doc.find("paths")->object()) {
      if (path.key.find('{') == std::string::npos) continue;
      for (const Member& method : *path.value.object()) {
        const Value* parameters = method.value.find("parameters");
        CAPTURE(path.key);
        REQUIRE(parameters != nullptr);
        std::string name = *(*parameters->list())[0].find("name")->text();
        CHECK(path.key.find("{" + name + "}") != std::string::npos);
      }
    }
    std::string text = openapi_json(daemon, "");
    constexpr std::string_view mark = "#/components/schemas/";
    const Value* schemas = doc.find("components")->find("schemas");
    for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
      std::size_t begin = at + mark.size();
      std::string name = text.substr(begin, text.find('"', begin) - begin);
      CAPTURE(name);
      CHECK(schemas->find(name) != nullptr);
    }
  }
}

TEST_CASE("operations are unique") {
  std::set<std::string_view> seen;
  for (const Route& route : routes()) CHECK(seen.insert(route.operation).second);
}

TEST_CASE("a reply that differs from the document is found, with the place") {
  std::string good = task_json(Task{});
  CHECK(error_of(200, good) == "no error");
  auto with = [&](std::string_view from, std::string_view to) {
    std::string bad = good;
    REQUIRE(bad.find(from) != std::string::npos);
    return bad.replace(bad.find(from), from.size(), to);
  };
  struct {
    std::string body, message;
  } cases[] = {
      {with("\"State\":1", "\"State\":5"),
       "GET /tasks/{id} 200: State: 5 is none of the allowed values"},
      {with("\"State\":1", "\"State\":\"1\""),
       "GET /tasks/{id} 200: State: expected integer, got a string"},
      {with("\"State\":1,", ""), "GET /tasks/{id} 200: has no State"},
      {with("\"State\":1", "\"State\":1,\"New\":0"),
       "GET /tasks/{id} 200: New: is not in the document"},
      {with("\"Cpu\":0", "\"Cpu\":null"), "GET /tasks/{id} 200: Cpu: expected number, got null"},
      {with("\"HostPorts\":null", "\"HostPorts\":[]"),
       "GET /tasks/{id} 200: HostPorts: expected object or null, got a list"},
      {with("\"HostPorts\":null", R"("HostPorts":{"80/tcp":[{"HostIp":""}]})"),
       "GET /tasks/{id} 200: HostPorts[\"80/tcp\"][0]: has no HostPort"},
      {with("\"StartTime\":\"0001", "\"StartTime\":\"x0001"),
       "GET /tasks/{id} 200: StartTime: is no RFC 3339 time"},
      {with("\"ID\":\"0", "\"ID\":\"x"), "GET /tasks/{id} 200: ID: is no UUID"},
      {with("\"Attempt\":0", "\"Attempt\":-1"),
       "GET /tasks/{id} 200: Attempt: -1 is below the minimum"},
      {"[]", "GET /tasks/{id} 200: expected object, got a list"},
      {"",
       "GET /tasks/{id} 200: malformed JSON at line 1, column 1: unexpected end of input; "
       "expected '[', '{', or a literal"},
  };
  for (const auto& c : cases) CHECK(error_of(200, c.body) == c.message);
}

TEST_CASE("statuses, and bodies that are none of JSON") {
  CHECK(error_of(404, error_json(404, "no")) == "no error");
  CHECK(error_of(404, "{}") == "GET /tasks/{id} 404: has no HTTPStatusCode");
  CHECK(error_of(418, error_json(418, "no")) == "no error");  // the default
  CHECK(error_of(302, "") == "GET /tasks/{id} 302 is not in the document");
  CHECK(error_of(200, "", "/nowhere") == "GET /nowhere is not in the document");
  CHECK(error_of(200, "cube_up 1\n", "/metrics") == "no error");
  CHECK(error_of(200, "anything", "/tasks/{id}/logs") == "no error");
  CHECK(error_of(200, R"({"Version":"1"})", "/version") == "no error");
  CHECK(error_of(200, R"({"Status":"ok"})", "/healthz") == "no error");
  CHECK(error_of(200, openapi_json(Daemon::manager, "1"), "/openapi.json") == "no error");
  CHECK(check_reply(Daemon::manager, "DELETE", "/tasks/{id}", 204, "").ok());
  CHECK_FALSE(check_reply(Daemon::manager, "DELETE", "/tasks/{id}", 204, "{}").ok());
  CHECK_FALSE(check_reply(Daemon::worker, "GET", "/nodes", 200, "[]").ok());
  CHECK_FALSE(check_reply(Daemon::manager, "GET", "/stats", 200, "{}").ok());
}

TEST_CASE("the requests of the documentation fit their schema") {
  Value doc = document(Daemon::manager);
  const Value* schema = doc.find("components")->find("schemas")->find("TaskEvent");
  REQUIRE(schema != nullptr);
  auto request = read_json(R"({"ID":"a7aa1d44-08f6-443e-9378-f5884311019e","State":2,
      "Task":{"State":1,"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203","Name":"test-chapter-9.1",
      "Image":"timboring/echo-server:latest","ExposedPorts":{"7777/tcp":{}},
      "PortBindings":{"7777/tcp":"7777"},"HealthCheck":"/health"}})");
  REQUIRE(request.ok());
  auto fits = check_schema(doc, *schema, *request);
  CHECK_MESSAGE(fits.ok(), (fits.ok() ? "" : fits.error().message));
}

}  // namespace
}  // namespace cube::api
