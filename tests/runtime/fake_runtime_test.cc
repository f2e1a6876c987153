// The accidents that FakeRuntime does on demand, without a loop: deterministic, step by step.

#include "runtime/fake_runtime.h"

#include <doctest/doctest.h>

namespace cube::runtime {
namespace {

using Op = FakeRuntime::Op;
using Kind = EngineError::Kind;

struct Fixture {
  FakeRuntime fake;
  std::string log;
  std::unique_ptr<Stream> watch;

  Fixture() {
    fake.add_image("app");
    EventSink sink;
    sink.on_connected = [this](const EngineInfo&) { log += "connected;"; };
    sink.on_disconnected = [this](const std::string& reason) { log += "away " + reason + ";"; };
    sink.on_event = [this](const EngineEvent& event) {
      if (event.kind == EngineEvent::Kind::died) {
        log += "died " + std::to_string(event.exit_code) + ";";
      }
      if (event.kind == EngineEvent::Kind::oom) log += "oom;";
      if (event.kind == EngineEvent::Kind::destroyed) log += "destroyed;";
    };
    watch = fake.watch({{"cube.cluster", "c"}}, sink);
    fake.run_pending();
  }

  ContainerConfig config(const std::string& name) {
    ContainerConfig config;
    config.name = name;
    config.spec.image = "app";
    for (const char* key : {"cube.node", "cube.task", "cube.attempt", "cube.restart"}) {
      config.labels[key] = name;
    }
    config.labels["cube.cluster"] = "c";
    return config;
  }

  std::string run(const std::string& name) {
    std::string id;
    fake.create(config(name), [&](Outcome<std::string> made) { id = std::get<std::string>(made); });
    fake.run_pending();
    fake.start(id, [](const Outcome<Container>&) {});
    fake.run_pending();
    return id;
  }
};

TEST_CASE_FIXTURE(Fixture, "a lost answer: the error comes, the effect stays") {
  fake.fail_next(Op::create, {Kind::unavailable, "cut off"}, true);
  Kind kind = Kind::other;
  fake.create(config("a"),
              [&](Outcome<std::string> outcome) { kind = std::get<EngineError>(outcome).kind; });
  CHECK(fake.run_pending() == 1);
  CHECK(kind == Kind::unavailable);
  REQUIRE(fake.containers().size() == 1);
  std::string again;
  fake.create(config("a"), [&](Outcome<std::string> o) { again = std::get<std::string>(o); });
  fake.run_pending();
  CHECK(again == fake.containers()[0].id);
  CHECK(fake.calls(Op::create) == 2);
}

TEST_CASE_FIXTURE(Fixture, "held outcomes come when they are released") {
  fake.hold(Op::create);
  bool done = false;
  fake.create(config("a"), [&](const Outcome<std::string>&) { done = true; });
  CHECK(fake.run_pending() == 0);
  CHECK(fake.containers().size() == 1);
  fake.release(Op::create);
  CHECK(fake.run_pending() == 1);
  CHECK(done);
}

TEST_CASE_FIXTURE(Fixture, "the engine goes away and comes back without its containers") {
  const std::string id = run("a");
  fake.go_away("stopped");
  Kind kind = Kind::other;
  fake.inspect(id, [&](Outcome<Container> o) { kind = std::get<EngineError>(o).kind; });
  fake.run_pending();
  CHECK(kind == Kind::unavailable);
  fake.come_back(false);
  fake.run_pending();
  CHECK(log == "connected;away stopped;connected;");  // and no event of what died meanwhile
  CHECK(fake.containers()[0].state == ContainerState::exited);
  CHECK(fake.containers()[0].exit_code == 137);
}

TEST_CASE_FIXTURE(Fixture, "containers end by themselves, by memory, by another hand") {
  run("a");
  run("b");
  run("c");
  fake.exit_container("a", 3);
  fake.exit_container("b", 137, true);
  fake.remove_container("c");
  fake.run_pending();
  CHECK(log == "connected;died 3;oom;died 137;died 137;destroyed;");
  CHECK(fake.containers().size() == 2);
  CHECK(fake.containers()[1].oom_killed);
}

TEST_CASE_FIXTURE(Fixture, "strangers are neither listed nor watched, and hold their names") {
  const std::string id = fake.add_foreign("a");
  fake.kill_container(id);
  fake.run_pending();
  CHECK(log == "connected;");
  Kind kind = Kind::other;
  fake.create(config("a"), [&](Outcome<std::string> o) { kind = std::get<EngineError>(o).kind; });
  fake.run_pending();
  CHECK(kind == Kind::name_in_use);
}

TEST_CASE_FIXTURE(Fixture, "a stream that is destroyed says no more") {
  run("a");
  fake.exit_container("a", 1);
  watch.reset();
  fake.run_pending();
  CHECK(log == "connected;");
}

TEST_CASE_FIXTURE(Fixture, "logs are followed to the end of the container") {
  const std::string id = run("a");
  std::string text;
  LogSink sink;
  sink.on_data = [&](bool, std::string_view bytes) { text += bytes; };
  sink.on_end = [&](std::optional<EngineError> error) { text += error ? "error" : "end"; };
  LogOptions options;
  options.follow = true;
  auto stream = fake.logs(id, options, sink);
  fake.write_log(id, "one\n");
  fake.run_pending();
  CHECK(text == "one\n");
  fake.exit_container(id, 0);
  fake.run_pending();
  CHECK(text == "one\nend");
}

TEST_CASE_FIXTURE(Fixture, "images come from the registry, or not at all") {
  fake.add_to_registry("other:v2");
  std::string words, first, second;
  const auto note = [](std::string& out) {
    return [&out](const Outcome<Done>& o) { out = o.index() == 0 ? "done" : "failed"; };
  };
  fake.pull(
      "other:v2", "", [&](std::string w) { words = std::move(w); }, note(first));
  fake.pull("absent", "", nullptr, note(second));
  fake.run_pending();
  CHECK(first == "done");
  CHECK(second == "failed");
  CHECK(!words.empty());
  ContainerConfig other = config("o");
  other.spec.image = "other:v2";
  bool made = false;
  fake.create(other, [&](const Outcome<std::string>& o) { made = o.index() == 0; });
  fake.run_pending();
  CHECK(made);
}

TEST_CASE_FIXTURE(Fixture, "a port that something else holds") {
  fake.occupy_port(8080);
  ContainerConfig web = config("w");
  PortBinding binding;
  binding.container.number = 80;
  binding.host_port = 8080;
  web.spec.ports.push_back(binding);
  std::string message;
  fake.create(web, [&](const Outcome<std::string>& o) {
    fake.start(std::get<std::string>(o), [&](Outcome<Container> started) {
      message = std::get<EngineError>(started).message;
    });
  });
  fake.run_pending();
  CHECK(message == "port 8080 is already in use on this machine");
}

}  // namespace
}  // namespace cube::runtime
