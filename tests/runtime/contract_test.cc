// One contract, two engines: the same cases against FakeRuntime and against the real engine, so
// that the fake stays honest. The real one is skipped, loudly, where there is none, unless
// CUBE_REQUIRE_DOCKER=1. All containers carry a label of this process and are removed at the end.

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/cgroup_stats.h"
#include "runtime/docker_runtime.h"
#include "runtime/fake_runtime.h"
#include "tests/runtime/await.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;

const std::string cluster = "runtime-test-" + std::to_string(getpid());
const std::string image = "cube-test/busybox";
int made = 0;

bool docker_answers() {
  http::Loop loop;
  loop.start();
  const auto endpoint = docker_endpoint("");
  DockerRuntime docker(loop, {.endpoint = *endpoint});
  auto listed = await<std::vector<Container>>([&](auto done) { docker.list({}, done); });
  loop.stop();
  return std::holds_alternative<std::vector<Container>>(listed);
}

bool build_images() {
  const std::string script = std::string(CUBE_SOURCE_DIR) + "/tests/support/images.sh >&2";
  return std::system(script.c_str()) == 0;  // NOLINT: a fixed command, and no other thread yet
}

bool have_docker() {
  static const bool have = docker_answers() && build_images();
  const char* required = std::getenv("CUBE_REQUIRE_DOCKER");
  if (!have && required != nullptr && std::string(required) == "1") {
    FAIL("no container engine answers, and CUBE_REQUIRE_DOCKER=1 asks for one");
  }
  if (!have) std::puts("SKIPPED: no container engine answers; only the fake was tested");
  return have;
}

// An engine of one kind with a loop of its own, and words to speak to it.
class Engine {
 public:
  explicit Engine(bool real) : real_(real) {
    loop_.start();
    if (real) {
      runtime_ =
          std::make_unique<DockerRuntime>(loop_, DockerOptions{.endpoint = *docker_endpoint("")});
      return;
    }
    auto fake = std::make_unique<FakeRuntime>(&loop_);
    fake->add_image(image);
    runtime_ = std::move(fake);
  }

  ~Engine() {
    for (const Container& left : list()) {
      await<Done>([&](auto done) { runtime_->remove(left.id, done); });
    }
    loop_.stop();
  }

  bool real() const { return real_; }
  Runtime& runtime() { return *runtime_; }
  http::Loop& loop() { return loop_; }

  // A task's container that runs `command`; every one has a name of its own.
  ContainerConfig config(std::vector<std::string> command) const {
    ContainerConfig config;
    config.name = cluster + "-" + std::to_string(++made);
    config.labels = labels();
    config.labels["cube.task"] = config.name;
    config.labels["cube.attempt"] = "1";
    config.labels["cube.restart"] = "0";
    config.spec.image = image;
    config.spec.command = std::move(command);
    return config;
  }

  std::map<std::string, std::string> labels() const {
    return {{"cube.cluster", cluster}, {"cube.node", real_ ? "real" : "fake"}};
  }

  std::vector<Container> list() {
    return good<std::vector<Container>>([&](auto done) { runtime_->list(labels(), done); });
  }
  std::string create(const ContainerConfig& config) {
    return good<std::string>([&](auto done) { runtime_->create(config, done); });
  }
  Container start(const std::string& id) {
    return good<Container>([&](auto done) { runtime_->start(id, done); });
  }
  Container inspect(const std::string& id) {
    return good<Container>([&](auto done) { runtime_->inspect(id, done); });
  }
  void stop(const std::string& id, Duration grace = 5s) {
    good<Done>([&](auto done) { runtime_->stop(id, grace, done); });
  }
  void remove(const std::string& id) {
    good<Done>([&](auto done) { runtime_->remove(id, done); });
  }

  // Watches into `out`: one line for each event.
  std::unique_ptr<Stream> watch(Transcript& out) {
    EventSink sink;
    sink.on_connected = [&out](const EngineInfo& info) {
      out.add(info.id.empty() ? "connected to nobody" : "connected");
    };
    sink.on_disconnected = [&out](const std::string& reason) { out.add("away: " + reason); };
    sink.on_event = [&out](const EngineEvent& event) {
      const std::string who = event.container_name;
      switch (event.kind) {
        case EngineEvent::Kind::started:
          return out.add("started " + who);
        case EngineEvent::Kind::died:
          return out.add("died " + who + " " + std::to_string(event.exit_code));
        case EngineEvent::Kind::destroyed:
          return out.add("destroyed " + who);
        case EngineEvent::Kind::oom:
          return out.add("oom " + who);
        case EngineEvent::Kind::paused:
          return out.add("paused " + who);
        case EngineEvent::Kind::unpaused:
          return out.add("unpaused " + who);
        case EngineEvent::Kind::killed:
        case EngineEvent::Kind::other:
          return;
      }
    };
    return on_loop([&] { return runtime_->watch(labels(), std::move(sink)); });
  }

  // The whole log, as "o:" and "e:" pieces, to its end.
  std::string log(const std::string& id, const LogOptions& options) {
    Transcript out;
    LogSink sink;
    auto text = std::make_shared<std::string>();
    sink.on_data = [text](bool is_stderr, std::string_view bytes) {
      *text += (is_stderr ? "e:" : "o:") + std::string(bytes);
    };
    sink.on_end = [text, &out](std::optional<EngineError> error) {
      out.add(error ? "error: " + error->message : *text);
    };
    auto stream = on_loop([&] { return runtime_->logs(id, options, sink); });
    CHECK(out.wait([](const auto& lines) { return !lines.empty(); }));
    end(std::move(stream));
    return out.all();
  }

  // Streams begin and end on the loop's thread.
  std::unique_ptr<Stream> on_loop(std::function<std::unique_ptr<Stream>()> f) {
    std::promise<std::unique_ptr<Stream>> promise;
    loop_.post([&] { promise.set_value(f()); });
    return promise.get_future().get();
  }
  void end(std::unique_ptr<Stream> stream) {
    std::promise<void> ended;
    loop_.post([&] {
      stream.reset();
      ended.set_value();
    });
    ended.get_future().get();
  }

 private:
  bool real_;
  http::Loop loop_;
  std::unique_ptr<Runtime> runtime_;
};

void publish(ContainerConfig& config, std::uint16_t host_port) {
  PortBinding binding;
  binding.container.number = 7777;
  binding.host_port = host_port;
  config.spec.ports.push_back(binding);
}

// Runs `test` once with each engine.
void on_both(const std::function<void(Engine&)>& test) {
  SUBCASE("fake") {
    Engine engine(false);
    test(engine);
  }
  SUBCASE("real") {
    if (!have_docker()) return;
    Engine engine(true);
    test(engine);
  }
}

TEST_CASE("contract: the life of a container, every step twice") {
  on_both([](Engine& engine) {
    const ContainerConfig config = engine.config({"sleep", "1000"});
    const std::string id = engine.create(config);
    CHECK(engine.create(config) == id);
    REQUIRE(engine.list().size() == 1);
    CHECK(engine.list()[0].state == ContainerState::created);
    auto labels = engine.list()[0].labels;
    labels.merge(std::map(config.labels));  // and the image's own
    CHECK(labels == engine.list()[0].labels);
    CHECK(labels.at("cube.task") == config.name);

    const Container running = engine.start(id);
    CHECK(running.state == ContainerState::running);
    CHECK(running.name == config.name);
    CHECK(running.pid > 0);
    CHECK(!running.ip.empty());
    CHECK(!running.started.is_zero());
    CHECK(running.finished.is_zero());
    CHECK(engine.start(id).pid == running.pid);

    engine.stop(id);
    const Container over = engine.inspect(config.name);
    CHECK(over.state == ContainerState::exited);
    CHECK(over.exit_code == 143);
    CHECK(over.pid == 0);
    CHECK(!over.finished.is_zero());
    engine.stop(id);

    engine.remove(id);
    CHECK(engine.list().empty());
    engine.remove(id);
    engine.stop(id);
    CHECK(bad<Container>([&](auto done) { engine.runtime().inspect(id, done); }).kind ==
          Kind::not_found);
    CHECK(bad<Container>([&](auto done) { engine.runtime().start(id, done); }).kind ==
          Kind::not_found);
  });
}

TEST_CASE("contract: many creates of one container make one") {
  on_both([](Engine& engine) {
    const ContainerConfig config = engine.config({"sleep", "1000"});
    std::vector<std::promise<std::string>> ids(8);
    for (auto& id : ids) {
      engine.runtime().create(config, [&id](Outcome<std::string> outcome) {
        const auto* made_id = std::get_if<std::string>(&outcome);
        id.set_value(made_id ? *made_id : std::get<EngineError>(outcome).message);
      });
    }
    const std::string first = ids[0].get_future().get();
    for (std::size_t i = 1; i < ids.size(); ++i) CHECK(ids[i].get_future().get() == first);
    CHECK(engine.list().size() == 1);
  });
}

// Every one of `count` calls made at once ends well; `call` gets each one's callback.
template <class T, class Call>
void all_at_once(std::size_t count, Call call) {
  std::vector<std::promise<Outcome<T>>> outcomes(count);
  for (auto& outcome : outcomes) {
    call([&outcome](Outcome<T> came) { outcome.set_value(std::move(came)); });
  }
  for (auto& outcome : outcomes) {
    const Outcome<T> came = outcome.get_future().get();
    const auto* error = std::get_if<EngineError>(&came);
    CHECK_MESSAGE(error == nullptr, (error != nullptr ? error->message : ""));
  }
}

TEST_CASE("contract: many starts, stops and removes of one container at once all end well") {
  on_both([](Engine& engine) {
    Runtime& runtime = engine.runtime();
    const std::string id = engine.create(engine.config({"sleep", "1000"}));
    all_at_once<Container>(8, [&](auto done) { runtime.start(id, done); });
    const Container running = engine.inspect(id);
    CHECK(running.state == ContainerState::running);
    all_at_once<Done>(8, [&](auto done) { runtime.stop(id, 5s, done); });
    CHECK(engine.inspect(id).exit_code == 143);
    CHECK(engine.inspect(id).started == running.started);
    all_at_once<Done>(8, [&](auto done) { runtime.remove(id, done); });
    CHECK(engine.list().empty());
  });
}

TEST_CASE("contract: a stop and a remove that race both end well, and nothing is left") {
  on_both([](Engine& engine) {
    for (int i = 0; i < 4; ++i) {
      const std::string id = engine.create(engine.config({"sleep", "1000"}));
      engine.start(id);
      std::size_t calls = 0;
      all_at_once<Done>(6, [&](auto done) {
        if (calls++ % 2 == 0) return engine.runtime().stop(id, 5s, done);
        engine.runtime().remove(id, done);
      });
      CHECK(engine.list().empty());
    }
  });
}

TEST_CASE("contract: what has ended is not started again by looking, stopping or removing it") {
  on_both([](Engine& engine) {
    const std::string id = engine.create(engine.config({"sh", "-c", "exit 3"}));
    engine.start(id);
    Container over = engine.inspect(id);
    for (int tries = 0; over.state == ContainerState::running && tries < 2000; ++tries) {
      over = engine.inspect(id);
    }
    REQUIRE(over.state == ContainerState::exited);
    engine.stop(id);
    const Container after = engine.inspect(id);
    CHECK(after.state == ContainerState::exited);
    CHECK(after.exit_code == 3);
    CHECK(after.finished == over.finished);
    engine.remove(id);
    CHECK(engine.list().empty());
  });
}

TEST_CASE("contract: a stranger's name is an error that names the holder") {
  on_both([](Engine& engine) {
    const ContainerConfig mine = engine.config({"sleep", "1000"});
    const std::string holder = engine.create(mine);
    ContainerConfig other = mine;
    other.labels["cube.restart"] = "1";
    const EngineError error =
        bad<std::string>([&](auto done) { engine.runtime().create(other, done); });
    CHECK(error.kind == Kind::name_in_use);
    CHECK(error.message.find(mine.name) != std::string::npos);
    CHECK(error.message.find(holder.substr(0, 12)) != std::string::npos);
    CHECK(engine.inspect(holder).state == ContainerState::created);
  });
}

TEST_CASE("contract: no image") {
  on_both([](Engine& engine) {
    ContainerConfig config = engine.config({});
    config.spec.image = "cube-test/no-such-image:v1";
    const EngineError error =
        bad<std::string>([&](auto done) { engine.runtime().create(config, done); });
    CHECK(error.kind == Kind::no_image);
    CHECK(error.message == "no image \"cube-test/no-such-image:v1\" on this machine");
  });
}

TEST_CASE("contract: what the engine refuses for good") {
  on_both([](Engine& engine) {
    ContainerConfig little = engine.config({});
    little.spec.memory_bytes = 1000;
    CHECK(bad<std::string>([&](auto done) { engine.runtime().create(little, done); }).kind ==
          Kind::bad_spec);

    ContainerConfig nobody = engine.config({"sleep", "1000"});
    nobody.spec.user = "nosuchuser";
    const std::string id = engine.create(nobody);
    const EngineError error = bad<Container>([&](auto done) { engine.runtime().start(id, done); });
    CHECK(error.kind == Kind::bad_spec);
    CHECK(error.message.find("nosuchuser") != std::string::npos);
    CHECK(engine.inspect(id).state == ContainerState::created);
  });
}

TEST_CASE("contract: a host port is taken once, and read back") {
  on_both([](Engine& engine) {
    ContainerConfig config = engine.config({"sleep", "1000"});
    publish(config, 0);
    const Container first = engine.start(engine.create(config));
    REQUIRE(first.ports.size() == 1);
    CHECK(first.ports[0].container.str() == "7777/tcp");
    CHECK(first.ports[0].host_port >= 1024);

    ContainerConfig second = engine.config({"sleep", "1000"});
    publish(second, first.ports[0].host_port);
    const std::string id = engine.create(second);
    const EngineError error = bad<Container>([&](auto done) { engine.runtime().start(id, done); });
    CHECK(error.kind == Kind::port_in_use);
    CHECK(error.message == "port " + std::to_string(first.ports[0].host_port) +
                               " is already in use on this machine");
    const Container left = engine.inspect(id);
    CHECK(left.state == ContainerState::created);
    CHECK(left.exit_code != 0);
    CHECK(!left.error.empty());

    engine.remove(first.id);
    CHECK(engine.start(id).ports[0].host_port == first.ports[0].host_port);
  });
}

TEST_CASE("contract: exposed ports are published when asked") {
  on_both([](Engine& engine) {
    ContainerConfig config = engine.config({"sleep", "1000"});
    config.spec.exposed_ports.emplace_back(Port{7777, "tcp"});
    CHECK(engine.start(engine.create(config)).ports.empty());
    ContainerConfig open = engine.config({"sleep", "1000"});
    open.spec.exposed_ports.emplace_back(Port{7777, "tcp"});
    open.spec.publish_all = true;
    CHECK(engine.start(engine.create(open)).ports.size() == 1);
  });
}

TEST_CASE("contract: events tell how containers end") {
  on_both([](Engine& engine) {
    Transcript out;
    auto watch = engine.watch(out);
    REQUIRE(out.wait_for("connected"));
    const ContainerConfig fails = engine.config({"sh", "-c", "exit 3"});
    engine.start(engine.create(fails));
    CHECK(out.wait_for("died " + fails.name + " 3"));
    CHECK(engine.inspect(fails.name).exit_code == 3);

    const ContainerConfig absent = engine.config({"no-such-program"});
    engine.start(engine.create(absent));
    CHECK(out.wait_for("died " + absent.name + " 127"));  // by the init process

    const ContainerConfig killed = engine.config({"sleep", "1000"});
    const std::string id = engine.create(killed);
    engine.start(id);
    engine.remove(id);
    CHECK(out.wait_for("started " + killed.name));
    CHECK(out.wait_for("died " + killed.name + " 137"));
    CHECK(out.wait_for("destroyed " + killed.name));
    engine.end(std::move(watch));
  });
}

TEST_CASE("contract: commands in a container") {
  on_both([](Engine& engine) {
    const std::string id = engine.create(engine.config({"sleep", "1000"}));
    const auto exec = [&](std::vector<std::string> command) {
      return good<ExecResult>([&](auto done) { engine.runtime().exec(id, command, 10s, done); });
    };
    const EngineError too_early =
        bad<ExecResult>([&](auto done) { engine.runtime().exec(id, {"true"}, 10s, done); });
    CHECK(too_early.message.find("is not running") != std::string::npos);
    engine.start(id);
    CHECK(exec({"true"}).exit_code == 0);
    CHECK(exec({"sh", "-c", "exit 3"}).exit_code == 3);
    CHECK(exec({"echo", "hello", "you"}).output.starts_with("hello you"));
    const ExecResult absent = exec({"no-such-program"});
    CHECK(absent.exit_code == 126);
    CHECK(absent.output.find("executable file not found") != std::string::npos);
    CHECK(bad<ExecResult>([&](auto done) {
            engine.runtime().exec("nosuch", {"true"}, 10s, done);
          }).kind == Kind::not_found);
  });
}

TEST_CASE("contract: logs") {
  on_both([](Engine& engine) {
    const std::string id = engine.create(engine.config({"echo", "one\ntwo\nthree"}));
    engine.start(id);
    LogOptions options;
    options.follow = true;  // ends with the container
    CHECK(engine.log(id, options).find("three\n") != std::string::npos);
    options.follow = false;
    options.tail = 1;
    CHECK(engine.log(id, options) == "o:three\n\n");
    CHECK(engine.log("nosuch", options) == "error: no container \"nosuch\"\n");
  });
}

TEST_CASE("contract: an image that no registry has") {
  on_both([](Engine& engine) {
    if (engine.real()) return;  // needs a registry to say no
    const EngineError error =
        bad<Done>([&](auto done) { engine.runtime().pull("nosuch:v1", "", nullptr, done); });
    CHECK(error.kind == Kind::no_image);
  });
}

TEST_CASE("real: limits are really set, and statistics read from the kernel") {
  if (!have_docker()) return;
  Engine engine(true);
  ContainerConfig config = engine.config({"sleep", "1000"});
  config.spec.memory_bytes = 32 * 1024 * 1024;
  config.spec.cpu_milli = 500;
  const Container running = engine.start(engine.create(config));
  const auto stats = read_container_stats(running.pid);
  REQUIRE(stats.ok());
  CHECK(stats->memory_limit_bytes == 32 * 1024 * 1024);
  CHECK(stats->cpu_ns > 0);
  CHECK(stats->pids >= 1);
  const ExecResult quota = good<ExecResult>([&](auto done) {
    engine.runtime().exec(running.id,
                          {"sh", "-c",
                           "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || "
                           "cut -d' ' -f1 /sys/fs/cgroup/cpu.max"},
                          10s, done);
  });
  CHECK(quota.output.starts_with("50000"));
}

TEST_CASE("real: a command that hangs is given up, its endless output cut") {
  if (!have_docker()) return;
  Engine engine(true);
  const std::string id = engine.create(engine.config({"sleep", "1000"}));
  engine.start(id);
  const EngineError slow = bad<ExecResult>([&](auto done) {
    engine.runtime().exec(id, {"sleep", "1000"}, 300ms, done);
  });
  CHECK(slow.message == "the command does not end within 300ms");
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  std::int32_t left = 2;  // and it does not go on there: only the container's own is left
  while (left != 1) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    left = good<ExecResult>([&](auto done) {
             engine.runtime().exec(id, {"sh", "-c", "set -- $(pidof sleep); exit $#"}, 10s, done);
           }).exit_code;
  }
  const ExecResult loud = good<ExecResult>([&](auto done) {
    engine.runtime().exec(id, {"sh", "-c", "yes | head -c 100000; exit 7"}, 10s, done);
  });
  CHECK(loud.output.size() == 4096);
  CHECK(loud.exit_code == 7);
}

TEST_CASE("real: graceful stop within its grace, then the kill") {
  if (!have_docker()) return;
  Engine engine(true);
  const std::string deaf =
      engine.create(engine.config({"sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"}));
  engine.start(deaf);
  engine.stop(deaf, 1s);
  CHECK(engine.inspect(deaf).exit_code == 137);
}

TEST_CASE("real: standard error apart from standard output") {
  if (!have_docker()) return;
  Engine engine(true);
  const std::string id = engine.create(engine.config({"sh", "-c", "echo out; echo err >&2"}));
  engine.start(id);
  LogOptions options;
  options.follow = true;
  const std::string log = engine.log(id, options);
  CHECK(log.find("o:out\n") != std::string::npos);
  CHECK(log.find("e:err\n") != std::string::npos);
}

}  // namespace
}  // namespace cube::runtime
