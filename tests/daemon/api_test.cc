// Every route of both daemons, asked by a client that is not ours. Caller holds each reply against
// the OpenAPI document; here it is checked that every status the document promises can be had.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "api/json_reader.h"
#include "daemon/task_list.h"
#include "tests/daemon/support.h"

using namespace cube;
using namespace cube::daemon::testing;

namespace {

constexpr std::string_view known_id = "7d5e9a30-3c1f-4b52-9f0a-5b6a1c2d3e4f";

struct Ask {
  std::string method, target, body;
  int status;
};

void ask_all(Caller& caller, const std::vector<Ask>& asks) {
  for (const auto& ask : asks) {
    const auto reply = caller.call(ask.method, ask.target, ask.body);
    CHECK_MESSAGE(reply.status == ask.status, ask.method, " ", ask.target, ": ",
                  reply.body.substr(0, 300));
    if (reply.status >= 400) CHECK(reply.member("HTTPStatusCode") == std::to_string(ask.status));
    if (reply.status >= 400) CHECK(reply.member("Message").size() > 5);
  }
}

std::string task_text(std::string_view id, std::string_view image) {
  return fmt::format(R"({{"ID":"{}","Name":"fixed","Image":"{}"}})", id, image);
}

std::string assignment(int epoch, std::string_view tasks, int generation = 1, int base = 0) {
  return fmt::format(
      R"({{"Cluster":"test","Manager":"0c9ad3c1-6b1c-4d35-8f52-111111111111","Epoch":{},)"
      R"("Session":1,"Generation":{},"Base":{},"Tasks":[{}]}})",
      epoch, generation, base, tasks);
}

// Statuses that belong to a state of the world which other tests make: away and full.
bool is_bad_luck(int status) {
  return status == 503 || status == 507;
}

// Each status that the daemon's own document promises for each of its operations was seen.
void check_coverage(Caller& caller) {
  const auto document = caller.get("/openapi.json").json();
  REQUIRE(document.find("paths") != nullptr);
  std::size_t operations = 0;
  for (const auto& path : *document.find("paths")->object()) {
    for (const auto& method : *path.value.object()) {
      const std::string operation = member(method.value, "operationId");
      ++operations;
      for (const auto& response : *method.value.find("responses")->object()) {
        if (response.key == "default" || is_bad_luck(std::stoi(response.key))) continue;
        CHECK_MESSAGE(caller.seen[operation].contains(std::stoi(response.key)), operation,
                      " never answered ", response.key);
      }
    }
  }
  CHECK(operations == caller.seen.size());
}

// What is the same on both. Two tasks called "twin" and one called "web", with a log, are there.
std::vector<Ask> common_asks(std::size_t body_bytes_max) {
  const std::string bare = R"({"Name":"a","Image":"app"})";
  return {
      {"GET", "/tasks", "", 200},
      {"GET", "/tasks/web", "", 200},
      {"GET", "/tasks/nowhere", "", 404},
      {"GET", "/tasks/twin", "", 409},
      {"POST", "/tasks", task_text(known_id, "app"), 201},
      {"POST", "/tasks", task_text(known_id, "app"), 201},
      {"POST", "/tasks", task_text(known_id, "other"), 409},
      {"POST", "/tasks", R"({"State":2,"Task":)" + bare + "}", 201},
      {"POST", "/tasks", R"({"State":2,"Sail":)" + bare + "}", 201},
      {"POST", "/tasks", R"({"State":3,"Task":{"ID":")" + std::string(known_id) + R"("}})", 201},
      {"POST", "/tasks", "", 400},
      {"POST", "/tasks", R"({"Name":"a")", 400},
      {"POST", "/tasks", R"({"Name":"a"})", 400},
      {"POST", "/tasks", R"({"Name":"a","Image":"app","Imagge":"b"})", 400},
      {"POST", "/tasks", R"({"Name":"a","Image":"app","Cpu":-1})", 400},
      {"POST", "/tasks", "{\"Name\":\"\xff\",\"Image\":\"app\"}", 400},
      {"POST", "/tasks", std::string(body_bytes_max + 1, ' '), 413},
      {"GET", "/tasks/web/logs", "", 200},
      {"GET", "/tasks/web/logs?tail=1&timestamps=0&since=1h", "", 200},
      {"GET", "/tasks/web/logs?tail=many", "", 400},
      {"GET", "/tasks/web/logs?since=tomorrow", "", 400},
      {"GET", "/tasks/web/logs?follow=banana", "", 400},
      {"GET", "/tasks/nowhere/logs", "", 404},
      {"GET", "/tasks/twin/logs", "", 409},
      {"DELETE", "/tasks/nowhere", "", 404},
      {"DELETE", "/tasks/twin", "", 409},
      {"DELETE", "/tasks/web", "", 204},
      {"GET", "/metrics", "", 200},
      {"GET", "/healthz", "", 200},
      {"GET", "/openapi.json", "", 200},
      {"GET", "/version", "", 200},
      {"GET", "/", "", 404},
      {"GET", "/tasks/web/nothing", "", 404},
      {"PATCH", "/tasks", "{}", 405},
      {"PUT", "/version", "{}", 405},
  };
}

// The three tasks that common_asks() speaks of.
void prepare(Caller& caller, WorkerBox& box) {
  submit(caller, "twin");
  submit(caller, "twin");
  const auto web = submit(caller, "web");
  REQUIRE(runs(caller, web));
  box.engine.write_log(caller.get("/tasks/" + web).member("ContainerID"), "hello\n");
}

// Node n1 is there.
void ask_services(Caller& caller) {
  const auto spec = [](std::string_view name, std::string_view more = "") {
    return fmt::format(R"({{"Name":"{}","Task":{{"Image":"app"}}{}}})", name, more);
  };
  const std::string ports = R"(,"PortRange":{"Start":8000,"Port":"80/tcp"})";
  ask_all(caller, {
                      {"POST", "/services", spec("one"), 201},
                      {"POST", "/services", spec("one"), 201},
                      {"POST", "/services", spec("one", R"(,"Replicas":2)"), 409},
                      {"POST", "/services", spec("two", ports), 201},
                      {"POST", "/services", spec("Three"), 400},
                      {"POST", "/services", R"({"Name":"four"})", 400},
                      {"POST", "/services", spec("four", R"(,"Imagge":1)"), 400},
                      {"POST", "/services", std::string(limits::http_body_bytes_max + 1, ' '), 413},
                      {"GET", "/services", "", 200},
                      {"GET", "/services/one", "", 200},
                      {"GET", "/services/nine", "", 404},
                      {"GET", "/services/one/tasks", "", 200},
                      {"GET", "/services/nine/tasks", "", 404},
                      {"GET", "/services/one/history", "", 200},
                      {"GET", "/services/nine/history", "", 404},
                      {"POST", "/services/one/rollback", "", 409},
                      {"PUT", "/services/one", spec("one", R"(,"Drain":"1s")"), 200},
                      {"PUT", "/services/one", spec("other"), 400},
                      {"PUT", "/services/one", spec("one", ports), 409},
                      {"PUT", "/services/nine", spec("nine"), 404},
                      {"POST", "/services/one/scale", R"({"Replicas":2})", 200},
                      {"POST", "/services/one/scale", R"({"Replicas":-2})", 400},
                      {"POST", "/services/nine/scale", R"({"Replicas":2})", 404},
                      {"POST", "/services/nine/rollback", "", 404},
                      {"GET", "/routes", "", 200},
                      {"GET", "/routes?wait=soon", "", 400},
                      {"GET", "/routes?busy=x", "", 400},
                      {"POST", "/routes/report?ingress=i", R"({"Services":[]})", 204},
                      {"POST", "/routes/report", R"({"Services":[]})", 400},
                      {"POST", "/nodes/n1/pause", "", 204},
                      {"POST", "/nodes/n9/pause", "", 404},
                      {"POST", "/nodes/n1/drain", "", 204},
                      {"POST", "/nodes/n9/drain", "", 404},
                      {"POST", "/nodes/n1/activate", "", 204},
                      {"POST", "/nodes/n9/activate", "", 404},
                      {"POST", "/spawn", R"({"image":"app"})", 200},
                  });
  CHECK(caller.call("PUT", "/services/one", spec("one"), {{"If-Match", "\"1\""}}).status == 412);
  CHECK(caller.call("POST", "/services/one/rollback", "", {{"If-Match", "1"}}).status == 412);
  const auto one = caller.get("/services/one");
  CHECK(one.headers.find("ETag")->second == "\"" + one.member("Version") + "\"");
  CHECK(caller.call("POST", "/services/one/rollback").status == 200);
  CHECK(caller.get("/services/one/history").json().list()->size() == 2);
  CHECK(caller.erase("/services/nine").status == 404);
  for (const char* name : {"/services/one", "/services/two"}) {
    CHECK(caller.erase(name).status == 202);
    CHECK(eventually([&] { return caller.get(name).status == 404; }));
  }
}

}  // namespace

TEST_CASE("every route of the manager answers as the document says") {
  WorkerBox box("n1");
  box.engine.expose("app", {{80, "tcp"}});
  ManagerBox manager({box.address()});
  Caller caller(api::Daemon::manager, manager.port);
  CHECK(caller.get("/tasks").body == "[]");
  REQUIRE(eventually([&] { return caller.get("/nodes/n1").status == 200; }));
  prepare(caller, box);
  ask_all(caller, common_asks(limits::http_body_bytes_max));

  const auto join = [&](std::string_view cluster, std::string_view address) {
    return fmt::format(R"({{"Cluster":"{}","Name":"n2","Worker":)"
                       R"("5a5a5a5a-0000-4000-8000-000000000001","Address":"{}"}})",
                       cluster, address);
  };
  const std::string batch = R"([{"Name":"b1","Image":"app"},{"Name":"b2","Image":"app"}])";
  ask_all(caller, {
                      {"POST", "/tasks", batch, 201},
                      {"POST", "/tasks", R"([{"Name":"b1","Image":"app"},{"Name":"b2"}])", 400},
                      {"GET", "/nodes", "", 200},
                      {"GET", "/nodes/n1", "", 200},
                      {"GET", "/nodes/n9", "", 404},
                      {"POST", "/nodes", join("test", "127.0.0.1:1"), 204},
                      {"POST", "/nodes", join("else", "127.0.0.1:1"), 409},
                      {"POST", "/nodes", join("test", ""), 400},
                      {"POST", "/nodes", "{}", 400},
                      {"DELETE", "/nodes/n1", "", 409},
                      {"DELETE", "/nodes/n9", "", 404},
                      {"DELETE", "/nodes/127.0.0.1:1", "", 204},
                      {"GET", "/events", "", 200},
                      {"GET", "/events?since=1", "", 200},
                      {"GET", "/events?since=-1", "", 400},
                      {"DELETE", "/kill", R"({"alias":"nobody"})", 200},
                      {"GET", "/stats", "", 404},
                  });
  ask_services(caller);
  CHECK(caller.get("/nodes").json().list()->size() == 1);
  CHECK(caller.get("/version").member("Version") == "1.2.3");
  CHECK(caller.get("/healthz").member("Status") == "ok");
  const auto from_two = caller.get("/events?since=1").json();
  CHECK(member(from_two.list()->front(), "Revision") == "2");
  check_coverage(caller);
}

TEST_CASE("every route of the worker answers as the document says") {
  WorkerBox box("n1");
  Caller caller(api::Daemon::worker, box.port);
  CHECK(caller.get("/tasks").body == "[]");
  prepare(caller, box);
  ask_all(caller, common_asks(limits::link_body_bytes_max));
  ask_all(caller,
          {
              {"GET", "/stats", "", 200},
              {"GET", "/report", "", 200},
              {"GET", "/report?wait=soon", "", 400},
              {"GET", "/report?epoch=x", "", 400},
              {"PUT", "/assignment", assignment(5, ""), 200},
              {"PUT", "/assignment", assignment(5, ""), 200},
              {"PUT", "/assignment", assignment(4, ""), 409},
              {"PATCH", "/assignment", assignment(5, "", 2), 400},
              {"PUT", "/assignment", assignment(5, "", 2, 1), 400},
              {"PATCH", "/assignment", assignment(5, "", 2, 1), 200},
              {"PATCH", "/assignment", assignment(4, "", 3, 2), 409},
              {"PUT", "/assignment", assignment(6, R"({"ID":"x"})"), 400},
              {"PUT", "/assignment",
               assignment(6, fmt::format(R"({{"ID":"{}","Attempt":1,"Run":true,"Spec":{{"Name":)"
                                         R"("m","Image":"app"}}}})",
                                         "11111111-0000-4000-8000-000000000001")),
               200},
              {"GET", "/report?epoch=6&session=1", "", 200},
              {"GET", "/report?epoch=5&session=1", "", 409},
              {"DELETE", "/tasks/11111111", "", 409},  // the manager's
              {"GET", "/nodes", "", 404},
              {"GET", "/events", "", 404},
          });
  CHECK(caller.get("/healthz").member("EngineReady") == "true");
  CHECK(member(*caller.get("/stats").json().find("CpuStats"), "id") == "cpu");
  REQUIRE(eventually([&] { return caller.get("/tasks/m").member("State") == "2"; }));
  check_coverage(caller);
}

TEST_CASE("a list of more tasks than a page holds is one list, in the order of submission") {
  ManagerBox manager;
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  constexpr std::size_t count = 5 * daemon::task_list_page + 1;
  std::string body;
  for (std::size_t i = 0; i < count; ++i) {
    body += fmt::format(R"({}{{"Name":"t{}","Image":"app"}})", body.empty() ? "[" : ",", i);
  }
  REQUIRE(caller.post("/tasks", body + "]").status == 201);
  const auto reply = caller.get("/tasks");
  REQUIRE(reply.status == 200);
  const auto list = reply.json();
  REQUIRE(list.list() != nullptr);
  REQUIRE(list.list()->size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(member((*list.list())[i], "Name") == fmt::format("t{}", i));
  }
}

TEST_CASE("who prefers little is answered with IDs only") {
  ManagerBox manager;
  Caller caller(api::Daemon::manager, manager.port);
  const Caller::Headers prefer = {{"Prefer", "return=minimal"}};
  const std::string one = R"({"Name":"a","Image":"app"})";
  const auto list = caller.post("/tasks", "[" + one + "," + one + "]", prefer);
  REQUIRE(list.status == 201);
  REQUIRE(list.json().list() != nullptr);
  REQUIRE(list.json().list()->size() == 2);
  CHECK(list.json().list()->front().object()->size() == 1);
  CHECK(list.headers.find("Preference-Applied")->second == "return=minimal");
  const auto single = caller.post("/tasks", one, prefer);
  CHECK(single.json().object()->size() == 1);
  CHECK(caller.get("/tasks/" + single.member("ID")).member("Name") == "a");
}

TEST_CASE("a long poll is answered when something changes, not before, and when its time is over") {
  WorkerBox box("n1");
  Caller caller(api::Daemon::worker, box.port);
  REQUIRE(eventually([&] { return caller.get("/healthz").member("EngineReady") == "true"; }));
  CHECK(caller.put("/assignment", assignment(1, "")).status == 200);
  // Until nothing is new any more: a wait of no time is answered with the same change again.
  Reply report;
  std::string poll;
  REQUIRE(eventually([&] {
    const std::string before = report.member("Change");
    report = caller.get("/report?epoch=1&session=1");
    poll = fmt::format("/report?epoch=1&session=1&incarnation={}&change={}",
                       report.member("Incarnation"), report.member("Change"));
    return report.member("Change") == before;
  }));
  CHECK(caller.get(poll + "&wait=50ms").member("Change") == report.member("Change"));

  std::promise<Reply> changed;
  std::thread poller([&] {
    Caller other(api::Daemon::worker, box.port);
    changed.set_value(other.get(poll + "&wait=30s"));
  });
  const std::string one = R"({"ID":"11111111-0000-4000-8000-000000000001","Attempt":1,"Run":true,)"
                          R"("Spec":{"Name":"m","Image":"app"}})";
  CHECK(caller.put("/assignment", assignment(2, one)).status == 200);
  const auto reply = changed.get_future().get();
  poller.join();
  // The answer to a manager that was outdated meanwhile, or the news: never silence.
  CHECK((reply.status == 200 || reply.status == 409));
  if (reply.status == 200) CHECK(reply.member("Change") != report.member("Change"));
}

TEST_CASE("a task is placed, runs, is stopped, and its container is gone") {
  WorkerBox one("n1"), two("n2");
  ManagerBox manager({one.address(), two.address()});
  Caller caller(api::Daemon::manager, manager.port);
  const auto id = submit(caller, "web", R"(,"ExposedPorts":["7777/tcp"],"PublishAll":true)");
  REQUIRE(runs(caller, id));
  const auto task = caller.get("/tasks/web");
  CHECK((task.member("Node") == "n1" || task.member("Node") == "n2"));
  CHECK(task.json().find("HostPorts")->find("7777/tcp") != nullptr);
  Caller worker(api::Daemon::worker, task.member("Node") == "n1" ? one.port : two.port);
  CHECK(worker.get("/tasks/" + id).member("State") == "2");

  CHECK(caller.erase("/tasks/web").status == 204);
  CHECK(eventually([&] { return caller.get("/tasks/" + id).member("State") == "3"; }));
  CHECK(eventually(
      [&] { return one.engine.containers().size() + two.engine.containers().size() == 0; }));
}

TEST_CASE("who waits for the table of routes is answered at a change, or when its time is over") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  Caller caller = Caller::hasty(api::Daemon::manager, manager.port);
  const auto version = caller.get("/routes").member("Version");
  CHECK(caller.get("/routes?wait=1&ingress=i&after=" + version).member("Version") == version);

  std::promise<Reply> changed;
  std::thread waiter([&] {
    Caller other = Caller::hasty(api::Daemon::manager, manager.port);
    changed.set_value(other.get("/routes?wait=30&ingress=i&after=" + version));
  });
  CHECK(
      caller.post("/services", R"({"Name":"web","Task":{"Image":"app","ExposedPorts":["80/tcp"]}})")
          .status == 201);
  auto future = changed.get_future();
  REQUIRE(future.wait_for(patience) == std::future_status::ready);
  waiter.join();
  CHECK(future.get().member("Version") != version);
  CHECK(eventually([&] {
    const auto table = caller.get("/routes").json();
    const auto* services = table.find("Services")->list();
    return services->size() == 1 && services->front().find("Replicas")->list()->size() == 1;
  }));
}
