// Replies without an end: events and logs.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "api/codec.h"
#include "tests/daemon/support.h"

using namespace cube;
using namespace cube::daemon::testing;

namespace {

const Caller::Headers as_stream = {{"Accept", "text/event-stream"}};

Caller::Headers resumed_after(std::uint64_t revision) {
  return {{"Accept", "text/event-stream"}, {"Last-Event-ID", std::to_string(revision)}};
}

// The whole messages in a stream of server-sent events; each is checked against itself.
std::vector<Event> events_in(std::string_view text) {
  std::vector<Event> events;
  for (std::size_t end; (end = text.find("\n\n")) != std::string_view::npos;) {
    const auto message = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (message.starts_with(":")) continue;  // a comment
    const auto kind_at = message.find("\nevent: "), data_at = message.find("\ndata: ");
    REQUIRE(message.starts_with("id: "));
    REQUIRE(kind_at < data_at);
    REQUIRE(data_at != std::string_view::npos);
    auto event = api::parse_event(message.substr(data_at + 7));
    REQUIRE(event.ok());
    CHECK(message.substr(4, kind_at - 4) == std::to_string(event->revision));
    CHECK(message.substr(kind_at + 8, data_at - kind_at - 8) == event->kind);
    events.push_back(std::move(*event));
  }
  return events;
}

bool comes(const Follower& follower, std::string_view name, std::string_view kind) {
  return eventually([&] {
    const auto events = events_in(follower.text());
    return std::any_of(events.begin(), events.end(), [&](const Event& event) {
      return event.name == name && event.kind == kind;
    });
  });
}

// Every revision once, in order, from `first` on.
void check_unbroken(const std::vector<Event>& events, std::uint64_t first) {
  for (const auto& event : events) CHECK(event.revision == first++);
}

}  // namespace

TEST_CASE("followers of events see everything from when they came, in order, each once") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  Caller caller(api::Daemon::manager, manager.port);
  REQUIRE(runs(caller, submit(caller, "one")));
  Follower late(manager.port, "/events", as_stream);  // from now on
  REQUIRE(late.waits_for(": cube events\n\n"));
  Follower all(manager.port, "/events?since=0", as_stream);  // from the beginning
  REQUIRE(runs(caller, submit(caller, "two")));
  for (const auto* follower : {&late, &all}) {
    CHECK(comes(*follower, "two", "task.running"));
    CHECK(follower->status() == 200);
  }
  CHECK(events_in(late.text()).front().name == "two");
  check_unbroken(events_in(late.text()), events_in(late.text()).front().revision);
  check_unbroken(events_in(all.text()), 1);

  SUBCASE("one who comes back with Last-Event-ID misses nothing and gets nothing twice") {
    const auto seen = events_in(all.text()).back().revision;
    all.stop();
    REQUIRE(runs(caller, submit(caller, "three")));
    Follower again(manager.port, "/events?since=0", resumed_after(seen));
    CHECK(comes(again, "three", "task.running"));
    REQUIRE(runs(caller, submit(caller, "four")));
    CHECK(comes(again, "four", "task.running"));
    CHECK(comes(late, "four", "task.running"));
    check_unbroken(events_in(again.text()), seen + 1);
  }
  SUBCASE("the list and the stream tell the same") {
    const auto list = api::parse_events(caller.get("/events").body);
    REQUIRE(list.ok());
    check_unbroken(*list, 1);
    const auto streamed = events_in(all.text());
    REQUIRE(list->size() >= streamed.size());
    for (std::size_t i = 0; i < streamed.size(); ++i) {
      CHECK((*list)[i].text == streamed[i].text);
    }
  }
  SUBCASE("what is no revision is refused") {
    CHECK(caller.get("/events", {{"Accept", "text/event-stream"}, {"Last-Event-ID", "x"}}).status ==
          400);
  }
}

TEST_CASE("events go on after a restart of the manager where they ended") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  std::uint64_t seen = 0;
  {
    Caller caller(api::Daemon::manager, manager.port);
    Follower follower(manager.port, "/events?since=0", as_stream);
    REQUIRE(runs(caller, submit(caller, "one")));
    REQUIRE(comes(follower, "one", "task.running"));
    seen = events_in(follower.text()).back().revision;
    manager.stop();
    CHECK(eventually([&] { return follower.over(); }));
  }
  manager.start();
  Caller caller(api::Daemon::manager, manager.port);
  Follower follower(manager.port, "/events", resumed_after(seen));
  REQUIRE(runs(caller, submit(caller, "two")));
  CHECK(comes(follower, "two", "task.running"));
  check_unbroken(events_in(follower.text()), seen + 1);
  CHECK(box.created() == 2);
}

namespace {

// A manager, its worker, and a running task "web" that wrote three lines.
struct LogWorld {
  WorkerBox box{"n1"};
  ManagerBox manager{{box.address()}};
  Caller caller{api::Daemon::manager, manager.port};
  Caller worker{api::Daemon::worker, box.port};
  std::string container;

  LogWorld() {
    REQUIRE(runs(caller, submit(caller, "web", R"(,"RestartPolicy":"no")")));
    container = caller.get("/tasks/web").member("ContainerID");
    box.engine.write_log(container, "one\ntwo\nthree\n");
  }
};

}  // namespace

TEST_CASE("logs come through the manager byte for byte") {
  LogWorld world;
  for (auto* caller : {&world.caller, &world.worker}) {
    CHECK(caller->get("/tasks/web/logs").body == "one\ntwo\nthree\n");
    CHECK(caller->get("/tasks/web/logs?tail=1").body == "three\n");
    CHECK(caller->get("/tasks/web/logs?tail=all").body == "one\ntwo\nthree\n");
  }
  const std::string large(3'000'000, 'x');
  world.box.engine.write_log(world.container, large);
  CHECK(world.caller.get("/tasks/web/logs").body == "one\ntwo\nthree\n" + large);
}

TEST_CASE("logs of a task that ended and was stopped later are gone, and the answer says so") {
  LogWorld world;
  world.box.engine.exit_container(world.container, 0);
  REQUIRE(eventually([&] { return world.caller.get("/tasks/web").member("State") == "3"; }));
  REQUIRE(world.caller.erase("/tasks/web").status == 204);
  REQUIRE(eventually([&] { return world.caller.get("/tasks/web/logs").status == 404; }));
  const auto message = world.caller.get("/tasks/web/logs").member("Message");
  CHECK(message.find("its container was removed from node n1, and its logs with it") !=
        std::string::npos);
}

TEST_CASE("who follows a log gets what comes, until the container is over") {
  LogWorld world;
  Follower first(world.manager.port, "/tasks/web/logs?follow=true");
  Follower second(world.manager.port, "/tasks/web/logs?follow&tail=1");
  Follower direct(world.box.port, "/tasks/web/logs?follow");
  for (const auto* follower : {&first, &second, &direct}) {
    REQUIRE(follower->waits_for("three\n"));
    CHECK(follower->status() == 200);
  }
  second.stop();  // one who hangs up disturbs nobody
  world.box.engine.write_log(world.container, "four\n");
  REQUIRE(first.waits_for("four\n"));
  world.box.engine.exit_container(world.container, 0);
  for (const auto* follower : {&first, &direct}) {
    CHECK(eventually([&] { return follower->over(); }));
    CHECK(follower->text() == "one\ntwo\nthree\nfour\n");
  }
  CHECK(eventually([&] { return world.caller.get("/tasks/web").member("State") == "3"; }));
  CHECK(world.caller.get("/tasks/web/logs").body == "one\ntwo\nthree\nfour\n");
}

TEST_CASE("who follows a log that is silent is answered all the same") {
  LogWorld world;
  REQUIRE(runs(world.caller, submit(world.caller, "silent")));
  const auto container = world.caller.get("/tasks/silent").member("ContainerID");
  Follower one(world.manager.port, "/tasks/silent/logs?follow");
  Follower two(world.manager.port, "/tasks/silent/logs?follow");
  CHECK(eventually([&] { return one.status() == 200 && two.status() == 200; }));
  CHECK(one.text().empty());
  two.stop();
  world.box.engine.write_log(container, "at last\n");
  CHECK(one.waits_for("at last\n"));
}

TEST_CASE("logs that cannot be had say why, through the manager as well") {
  LogWorld world;
  const auto check = [](const Reply& reply, int status, std::string_view why) {
    CHECK(reply.status == status);
    CHECK_MESSAGE(reply.member("Message").find(why) != std::string::npos, reply.body);
  };
  submit(world.caller, "huge", R"(,"Cpu":1000)");
  check(world.caller.get("/tasks/huge/logs"), 404, "on no node");
  check(world.caller.get("/tasks/web/logs?tail=x"), 400, "tail");
  check(world.worker.get("/tasks/huge/logs"), 404, "huge");
  world.box.engine.go_away("the engine is being looked after");
  check(world.worker.get("/tasks/web/logs"), 503, "looked after");
  check(world.caller.get("/tasks/web/logs"), 503, "looked after");
  world.box.engine.come_back(true);
  CHECK(world.caller.get("/tasks/web/logs").body == "one\ntwo\nthree\n");
  world.box.stop();
  check(world.caller.get("/tasks/web/logs"), 503, "cannot be asked");
}
