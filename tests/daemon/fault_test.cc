// Bad luck: a disk that is full, and an end in the middle of everything.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cctype>

#include "tests/daemon/support.h"

using namespace cube;
using namespace cube::daemon::testing;

namespace {

// A daemon whose disk fills up and is emptied again. `steady` is a task that runs meanwhile.
void check_full_disk(Caller& caller, SmallDisk& disk, WorkerBox& box, const std::string& steady) {
  const std::string task = R"({"Name":"late","Image":"app"})";
  const auto check_refused = [](const Reply& reply) {
    CHECK(reply.status == 507);
    CHECK(reply.member("HTTPStatusCode") == "507");
    CHECK(reply.member("Message").find("full") != std::string::npos);
  };
  disk.full = true;
  check_refused(caller.post("/tasks", task));
  CHECK(disk.refused > 0);
  // What was acknowledged is there and can be read, once the containers were looked at again.
  CHECK(eventually([&] { return caller.all_tasks(1, 2); }));
  CHECK(caller.get("/healthz").status == 503);
  CHECK(caller.get("/metrics").body.find("cube_store_full 1") != std::string::npos);
  check_refused(caller.post("/tasks", task));

  disk.full = false;
  REQUIRE(runs(caller, submit(caller, "late")));
  CHECK(eventually([&] { return caller.all_tasks(2, 2); }));
  CHECK(caller.get("/healthz").status == 200);
  CHECK(box.created() == 2);  // nothing was started twice, or for those who were refused
  CHECK(caller.get("/tasks/" + steady).member("RestartCount") == "0");
  CHECK(caller.erase("/tasks/late").status == 204);
}

}  // namespace

TEST_CASE("the manager's disk is full: 507, nothing lost, and it goes on when there is room") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  Caller caller(api::Daemon::manager, manager.port);
  const auto steady = submit(caller, "steady");
  REQUIRE(runs(caller, steady));
  Follower events(manager.port, "/events?since=0", {{"Accept", "text/event-stream"}});
  REQUIRE(events.waits_for("task.running"));
  check_full_disk(caller, manager.store, box, steady);
  CHECK(events.waits_for("\"late\""));  // its followers stay
  CHECK(!events.over());
}

TEST_CASE("the worker's disk is full: 507, its containers stay, and it goes on") {
  WorkerBox box("n1");
  Caller caller(api::Daemon::worker, box.port);
  const auto steady = submit(caller, "steady");
  REQUIRE(runs(caller, steady));
  check_full_disk(caller, box.store, box, steady);
}

TEST_CASE("a manager works on while its worker's disk is full, and catches up") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  Caller caller(api::Daemon::manager, manager.port);
  REQUIRE(runs(caller, submit(caller, "early")));
  box.store.full = true;
  const auto late = submit(caller, "late");
  CHECK(eventually([&] { return box.store.refused > 0; }));
  CHECK(caller.get("/tasks/early").member("State") == "2");
  box.store.full = false;
  CHECK(runs(caller, late));
  CHECK(box.created() == 2);
}

namespace {

std::string to_lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

// Clients that ask for everything, without pause, whatever comes back.
class Crowd {
 public:
  Crowd(const ManagerBox& manager, const WorkerBox& worker) {
    add(api::Daemon::manager, manager.port, [](Caller& c, int n) {
      c.post("/tasks", fmt::format(R"({{"Name":"m{}","Image":"app"}})", n));
    });
    add(api::Daemon::manager, manager.port, [](Caller& c, int n) {
      c.erase(fmt::format("/tasks/m{}", n));
      c.get("/nodes");
    });
    add(api::Daemon::manager, manager.port, [](Caller& c, int n) {
      c.get(fmt::format("/tasks/m{}/logs", n));
      c.get("/metrics");
      c.get("/events?since=100");
    });
    add(api::Daemon::worker, worker.port, [](Caller& c, int n) {
      c.post("/tasks", fmt::format(R"({{"Name":"w{}","Image":"app"}})", n));
      c.get("/stats");
    });
    add(api::Daemon::worker, worker.port, [](Caller& c, int) {
      const auto report = c.get("/report");
      std::string poll = "/report?wait=30s";
      for (const std::string name : {"Epoch", "Session", "Incarnation", "Change"}) {
        poll += fmt::format("&{}={}", to_lower(name), report.member(name));
      }
      c.get(poll);
    });
  }
  ~Crowd() {
    ending_ = true;
    for (auto& thread : threads_) thread.join();
  }
  // Every one of them has had so many turns.
  bool has_asked(int turns) const {
    return eventually([&] {
      for (const auto& counter : turns_) {
        if (*counter < turns) return false;
      }
      return true;
    });
  }

 private:
  void add(api::Daemon daemon, std::uint16_t port, std::function<void(Caller&, int)> turn) {
    turns_.push_back(std::make_unique<std::atomic<int>>(0));
    threads_.emplace_back([this, daemon, port, turn, &turns = *turns_.back()] {
      while (!ending_) {
        auto caller = Caller::hasty(daemon, port);
        turn(caller, turns++);
      }
    });
  }

  std::atomic<bool> ending_ = false;
  std::vector<std::unique_ptr<std::atomic<int>>> turns_;
  std::vector<std::thread> threads_;
};

enum class First { manager, worker, both };

}  // namespace

TEST_CASE("an end in the middle of everything is quick and clean, and so is the next start") {
  WorkerBox one("n1"), two("n2");
  ManagerBox manager({one.address(), two.address()});
  for (const auto first : {First::manager, First::worker, First::both}) {
    CAPTURE(static_cast<int>(first));
    std::string id;
    {
      Caller caller(api::Daemon::manager, manager.port);
      id = submit(caller, fmt::format("talker{}", static_cast<int>(first)));
      REQUIRE(runs(caller, id));
    }
    for (auto* box : {&one, &two}) {
      for (const auto& container : box->engine.containers()) {
        box->engine.write_log(container.id, "hello\n");
      }
    }
    Follower events(manager.port, "/events?since=0", {{"Accept", "text/event-stream"}});
    Follower logs(manager.port, "/tasks/" + id + "/logs?follow");
    REQUIRE(logs.waits_for("hello\n"));
    REQUIRE(events.waits_for("id: "));
    {
      Crowd crowd(manager, one);
      REQUIRE(crowd.has_asked(2));
      const auto began = std::chrono::steady_clock::now();
      const auto end_workers = [&] {
        one.stop();
        two.stop();
      };
      switch (first) {
        case First::manager:
          manager.stop();
          end_workers();
          break;
        case First::worker:
          end_workers();
          manager.stop();
          break;
        case First::both: {
          std::thread other([&] { manager.stop(); });
          end_workers();
          other.join();
          break;
        }
      }
      CHECK(std::chrono::steady_clock::now() - began < patience / 3);
    }
    CHECK(eventually([&] { return events.over() && logs.over(); }));
    for (auto* box : {&one, &two}) box->start();
    manager.start();
    Caller caller(api::Daemon::manager, manager.port);
    CHECK(eventually([&] { return caller.get("/tasks/" + id).member("State") == "2"; }));
    CHECK(caller.get("/tasks/" + id).member("Attempt") == "1");
  }
}
