// Which handler a request reaches, and what it is told when it reaches none.

#include "http/router.h"

#include <doctest/doctest.h>

using namespace cube;
using namespace cube::http;

namespace {

struct FakeResponder : Responder {
  void send(Response r) override { response = std::move(r); }
  std::shared_ptr<Body> stream(Response) override { return nullptr; }
  Response response;
};

Response route(const Router& router, std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  auto responder = std::make_shared<FakeResponder>();
  router.handle(std::move(request), responder);
  return responder->response;
}

Router example() {
  Router router;
  auto add = [&](std::string method, std::string pattern) {
    router.add(method, pattern,
               [pattern](const Request& r, const Params& params, std::shared_ptr<Responder> to) {
                 std::string said = r.method + " " + pattern;
                 for (const auto& [name, value] : params) said += " " + name + "=" + value;
                 to->send({200, said, "text/plain", {}});
               });
  };
  add("GET", "/");
  add("GET", "/tasks");
  add("POST", "/tasks");
  add("GET", "/tasks/{id}");
  add("DELETE", "/tasks/{id}");
  add("GET", "/tasks/stats");
  add("GET", "/tasks/{id}/logs/{n}");
  return router;
}

}  // namespace

TEST_CASE("a request reaches the most exact pattern") {
  const auto router = example();
  struct Row {
    const char *method, *path, *said;
  };
  const Row rows[] = {
      {"GET", "/", "GET /"},
      {"GET", "/tasks", "GET /tasks"},
      {"GET", "/tasks/", "GET /tasks"},
      {"HEAD", "/tasks", "HEAD /tasks"},
      {"POST", "/tasks", "POST /tasks"},
      {"GET", "/tasks/a b", "GET /tasks/{id} id=a b"},
      {"GET", "/tasks/stats", "GET /tasks/stats"},
      {"DELETE", "/tasks/stats", "DELETE /tasks/{id} id=stats"},
      {"GET", "/tasks/x/logs/3", "GET /tasks/{id}/logs/{n} id=x n=3"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    CHECK(route(router, row.method, row.path).body == row.said);
  }
}

TEST_CASE("no pattern is a 404, another method a 405 with Allow") {
  const auto router = example();
  for (const char* path : {"/nodes", "/tasks/x/logs", "//", "/tasks//logs/1", "/tasks/a/b"}) {
    CAPTURE(path);
    CHECK(route(router, "GET", path).status == 404);
  }
  const auto refused = route(router, "PUT", "/tasks");
  CHECK(refused.status == 405);
  REQUIRE(refused.headers.size() == 1);
  CHECK(refused.headers[0] == std::pair<std::string, std::string>("Allow", "GET, HEAD, POST"));
  CHECK(refused.body.find("PUT is not possible on /tasks, only GET, HEAD, POST") !=
        refused.body.npos);
  CHECK(route(router, "GET", "/\x1b[31m").body.find('\x1b') == std::string::npos);
}
