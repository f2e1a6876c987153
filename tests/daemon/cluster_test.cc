// Daemons together: a worker that announces itself, retries of a submission, many who submit.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/daemon/support.h"

using namespace cube;
using namespace cube::daemon::testing;

namespace {

bool becomes_ready(Caller& caller, const std::string& node) {
  return eventually([&] { return caller.get("/nodes/" + node).member("State") == "ready"; });
}

}  // namespace

TEST_CASE("a worker told to join makes itself known, and again to a manager that forgot") {
  ManagerBox manager;
  WorkerBox one("n1", {manager.address()}), two("n2", {manager.address()});
  {
    Caller caller(api::Daemon::manager, manager.port);
    CHECK(becomes_ready(caller, "n1"));
    CHECK(becomes_ready(caller, "n2"));
    const auto node = caller.get("/nodes/n1");
    CHECK(node.member("Api") == "http://" + one.address());  // as the manager sees it
    CHECK(node.member("Ip") == "127.0.0.1");
    CHECK(caller.get("/nodes").json().list()->size() == 2);
    CHECK(runs(caller, submit(caller, "web")));
  }
  manager.stop();
  manager.start();  // with its memory: the nodes are known, and join again without harm
  Caller caller(api::Daemon::manager, manager.port);
  CHECK(becomes_ready(caller, "n1"));
  CHECK(becomes_ready(caller, "n2"));
  CHECK(caller.get("/nodes").json().list()->size() == 2);
  CHECK(caller.get("/tasks/web").member("State") == "2");
  CHECK(one.created() + two.created() == 1);
}

TEST_CASE("a worker may be there before its manager") {
  std::uint16_t port = 0;
  {
    ManagerBox early;  // only to learn of a port that is free
    port = early.port;
  }
  WorkerBox box("n1", {fmt::format("127.0.0.1:{}", port), "not an address"});
  ManagerBox manager({}, port);
  Caller caller(api::Daemon::manager, manager.port);
  CHECK(becomes_ready(caller, "n1"));
}

TEST_CASE("the same idempotency key gives the same answer, also after a restart") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  const std::string task = R"({"Name":"web","Image":"app"})";
  const auto post = [&](const std::string& body, const std::string& key) {
    Caller caller(api::Daemon::manager, manager.port);
    return caller.post("/tasks", body, {{"Idempotency-Key", key}});
  };
  // All at once: one of them makes the task, the others are told of it.
  std::vector<std::string> ids(8);
  std::vector<std::thread> clients;
  for (auto& id : ids) {
    clients.emplace_back([&] { id = post(task, "order-1").member("ID"); });
  }
  for (auto& client : clients) client.join();
  for (const auto& id : ids) CHECK(id == ids[0]);
  CHECK(ids[0].size() == 36);

  manager.stop();
  manager.start();
  CHECK(post(task, "order-1").member("ID") == ids[0]);
  CHECK(post(R"({"Name":"other","Image":"app"})", "order-1").status == 409);
  CHECK(post(task, std::string(10'000, 'k')).status == 400);
  const auto second = post(task, "order-2");
  CHECK(second.status == 201);
  CHECK(second.member("ID") != ids[0]);
  Caller caller(api::Daemon::manager, manager.port);
  CHECK(caller.get("/tasks").json().list()->size() == 2);
}

TEST_CASE("many submit at once: every task runs, exactly once") {
  constexpr std::size_t submitters = 8, tasks_each = 50, total = submitters * tasks_each;
  WorkerBox one("n1"), two("n2");
  ManagerBox manager({one.address(), two.address()});
  std::atomic<std::size_t> accepted = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < submitters; ++i) {
    threads.emplace_back([&, i] {
      auto caller = Caller::hasty(api::Daemon::manager, manager.port);
      for (std::size_t n = 0; n < tasks_each; ++n) {
        const auto body = fmt::format(R"({{"Name":"t{}-{}","Image":"app"}})", i, n);
        if (caller.post("/tasks", body).status == 201) ++accepted;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(accepted == total);

  const auto running = [&] {
    std::map<std::string, int> by_task;
    for (const auto* box : {&one, &two}) {
      for (const auto& container : box->engine.containers()) {
        if (container.state != runtime::ContainerState::running) continue;
        ++by_task[container.labels.at("cube.task")];
      }
    }
    return by_task;
  };
  CHECK(eventually([&] { return running().size() == total; }));
  Caller caller(api::Daemon::manager, manager.port);
  CHECK(eventually([&] { return caller.all_tasks(total, 2); }));
  for (const auto& [task, containers] : running()) CHECK_MESSAGE(containers == 1, task);
  CHECK(one.created() + two.created() == total);
  CHECK(one.created() > 0);
  CHECK(two.created() > 0);
}
