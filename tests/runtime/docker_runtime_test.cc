// DockerRuntime against engines that misbehave: of odd versions, hung, gone, half-way through.

#include "runtime/docker_runtime.h"

#include <doctest/doctest.h>

#include "tests/runtime/await.h"
#include "tests/runtime/scripted_engine.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;

Scripted ping(const std::string& version) {
  return reply(200, "OK", "Api-Version: " + version + "\r\n");
}

// Healthy answers to what every watch asks.
Scripted well(const std::string& request, const std::string& version = "1.41") {
  if (request == "GET /_ping") return ping(version);
  if (request.find("/info") != std::string::npos) {
    return reply(200, R"({"ID":"one","OSType":"linux","Architecture":"x86_64"})");
  }
  if (request.find("/events") != std::string::npos) return stream("", true);
  return reply(404, R"({"message":"not scripted"})");
}

class Client {
 public:
  explicit Client(const ScriptedEngine& engine) {
    DockerOptions options;
    options.endpoint.unix_path = engine.path();
    options.watchdog_every = 20ms;
    options.pull_stall_max = 300ms;
    loop_.start();
    docker_ = std::make_unique<DockerRuntime>(loop_, options);
  }
  ~Client() {
    end(std::move(watch_));
    loop_.stop();
  }

  DockerRuntime& docker() { return *docker_; }
  Transcript& transcript() { return transcript_; }

  void watch() {
    EventSink sink;
    sink.on_connected = [this](const EngineInfo& info) {
      transcript_.add("connected " + info.id + " " + info.api_version);
    };
    sink.on_disconnected = [this](const std::string& reason) {
      transcript_.add("away: " + reason);
    };
    sink.on_event = [this](const EngineEvent& event) {
      transcript_.add("event " + event.container_id);
    };
    std::promise<void> begun;
    loop_.post([&] {
      watch_ = docker_->watch({{"a", "b"}}, sink);
      begun.set_value();
    });
    begun.get_future().get();
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
  Transcript transcript_;
  http::Loop loop_;
  std::unique_ptr<DockerRuntime> docker_;
  std::unique_ptr<Stream> watch_;
};

bool has(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

TEST_CASE("the version is the newest that both know") {
  struct {
    const char* engine;
    const char* spoken;
  } const cases[] = {{"1.40", "1.40"}, {"1.41", "1.41"}, {"1.44", "1.44"}, {"1.52", "1.44"}};
  for (const auto& c : cases) {
    ScriptedEngine engine([&](const std::string& request) {
      if (request == "GET /version") return reply(200, R"({"MinAPIVersion":"1.44"})");
      return well(request, c.engine);
    });
    Client client(engine);
    client.watch();
    CHECK(client.transcript().wait_for(std::string("connected one ") + c.spoken));
    CHECK(engine.asked(std::string("GET /v") + c.spoken + "/events"));
  }
}

TEST_CASE("an engine that cannot be spoken with is away, with the reason") {
  struct {
    const char* version;
    const char* oldest;
    const char* reason;
  } const cases[] = {{"1.39", "1.12", "too old"},
                     {"1.60", "1.50", "too new"},
                     {"nonsense", "1.12", "tells no API version"}};
  for (const auto& c : cases) {
    ScriptedEngine engine([&](const std::string& request) {
      if (request == "GET /version") {
        return reply(200, R"({"MinAPIVersion":")" + std::string(c.oldest) + "\"}");
      }
      return well(request, c.version);
    });
    Client client(engine);
    client.watch();
    CHECK(client.transcript().wait([&](const auto& lines) { return has(lines, c.reason); }));
    const EngineError error =
        bad<std::vector<Container>>([&](auto done) { client.docker().list({}, done); });
    CHECK(error.kind == Kind::unavailable);
    CHECK(error.message.find(c.reason) != std::string::npos);
  }
}

TEST_CASE("no engine, then one, then another version of it") {
  std::atomic<int> minor = 41;
  ScriptedEngine engine(
      [&](const std::string& request) { return well(request, "1." + std::to_string(minor)); });
  engine.shut();
  Client client(engine);
  const EngineError error =
      bad<std::vector<Container>>([&](auto done) { client.docker().list({}, done); });
  CHECK(error.kind == Kind::unavailable);
  client.watch();
  CHECK(client.transcript().wait([](const auto& lines) { return has(lines, "away: "); }));
  engine.open();
  CHECK(client.transcript().wait_for("connected one 1.41"));
  engine.shut();
  minor = 43;
  engine.open();
  CHECK(client.transcript().wait_for("connected one 1.43"));
}

TEST_CASE("an engine that accepts and says no more is found out") {
  std::atomic<bool> hung = false;
  ScriptedEngine engine([&](const std::string& request) {
    if (hung) return Scripted{"", true};
    return well(request);
  });
  Client client(engine);
  client.watch();
  REQUIRE(client.transcript().wait_for("connected one 1.41"));
  hung = true;
  CHECK(client.transcript().wait_for("away: the container engine hangs: it does not answer"));
  hung = false;
  CHECK(client.transcript().wait([](const auto& lines) {
    return std::count(lines.begin(), lines.end(), "connected one 1.41") == 2;
  }));
}

TEST_CASE("events continue where they were cut") {
  std::atomic<int> rounds = 0;
  ScriptedEngine engine([&](const std::string& request) {
    if (request.find("/events") == std::string::npos) return well(request);
    const std::string event =
        R"({"Type":"container","Action":"die","Actor":{"ID":"c1"},"timeNano":1795191992614465687})";
    return stream(event + "\n", ++rounds > 1);
  });
  Client client(engine);
  client.watch();
  CHECK(client.transcript().wait(
      [](const auto& lines) { return std::count(lines.begin(), lines.end(), "event c1") == 2; }));
  const auto requests = engine.requests();
  CHECK(has(requests, "&since=1795191992.614466000"));
}

TEST_CASE("a removal that another hand has begun is awaited") {
  std::atomic<int> inspects = 0;
  ScriptedEngine engine([&](const std::string& request) {
    if (request.starts_with("DELETE")) {
      return reply(409, R"({"message":"removal of container c1 is already in progress"})");
    }
    if (request.find("/containers/c1/json") == std::string::npos) return well(request);
    if (++inspects < 3) return reply(200, R"({"Id":"c1","State":{"Status":"removing"}})");
    return reply(404, R"({"message":"No such container: c1"})");
  });
  Client client(engine);
  good<Done>([&](auto done) { client.docker().remove("c1", done); });
  CHECK(inspects == 3);
}

TEST_CASE("an answer cut off, or no answer to HTTP at all, is unavailable") {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", "SSH-2.0-x\r\n"}) {
    ScriptedEngine engine([&](const std::string& request) {
      if (request == "GET /_ping") return ping("1.41");
      return Scripted{bytes, false, true};
    });
    Client client(engine);
    const EngineError error =
        bad<std::vector<Container>>([&](auto done) { client.docker().list({}, done); });
    CHECK(error.kind == Kind::unavailable);
  }
}

TEST_CASE("odd bytes of the engine never reach a terminal") {
  ScriptedEngine engine([&](const std::string& request) {
    if (request == "GET /_ping") return ping("1.41");
    return reply(500, "\x1b[31mdriver failed\x07\xff");
  });
  Client client(engine);
  const EngineError error = bad<std::string>([&](auto done) { client.docker().create({}, done); });
  CHECK(error.kind == Kind::other);
  CHECK(error.message.find("driver failed") != std::string::npos);
  CHECK(error.message.find('\x1b') == std::string::npos);
}

TEST_CASE("pulls: done, refused in a good answer, refused at once, stalled, cut off") {
  const std::string layers = "{\"status\":\"Pulling fs layer\",\"id\":\"a\"}\n";
  Scripted answer;
  ScriptedEngine engine(
      [&](const std::string& request) { return request == "GET /_ping" ? ping("1.41") : answer; });
  Client client(engine);
  std::string said;
  const auto pull = [&](auto done) {
    client.docker().pull(
        "repo/app", "", [&said](std::string words) { said = words; }, done);
  };
  answer = stream(layers + "{\"status\":\"Pull complete\",\"id\":\"a\"}\n", false);
  good<Done>(pull);
  CHECK(said == "1 of 1 layers");
  CHECK(engine.asked("POST /v1.41/images/create?fromImage=repo%2Fapp&tag=latest"));

  answer = stream(layers + R"({"errorDetail":{"message":"manifest unknown"},"error":"x"})", false);
  CHECK(bad<Done>(pull).kind == Kind::no_image);

  answer = reply(404, R"({"message":"pull access denied for repo/app"})");
  CHECK(bad<Done>(pull).kind == Kind::no_image);

  answer = stream(layers, true);
  CHECK(bad<Done>(pull).message == "image \"repo/app\" cannot be pulled: no progress any more");

  answer = stream(layers, true);
  answer.hang = false;
  answer.hang_up = true;
  CHECK(bad<Done>(pull).kind == Kind::unavailable);
}

TEST_CASE("a garbled log ends with an error") {
  ScriptedEngine engine([&](const std::string& request) {
    if (request.find("/logs") != std::string::npos) return stream("not a frame at all", false);
    if (request.find("/json") != std::string::npos) {
      return reply(200, R"({"Id":"c1","Config":{"Tty":false}})");
    }
    return well(request);
  });
  http::Loop loop;
  loop.start();
  DockerOptions options;
  options.endpoint.unix_path = engine.path();
  DockerRuntime docker(loop, options);
  Transcript out;
  std::unique_ptr<Stream> log;
  loop.post([&] {
    LogSink sink;
    sink.on_data = [&](bool, std::string_view) { out.add("data"); };
    sink.on_end = [&](std::optional<EngineError> error) {
      out.add(error ? error->message : "end");
    };
    log = docker.logs("c1", {}, sink);
  });
  CHECK(out.wait_for("the log stream of the container engine is garbled"));
  CHECK(out.all() == "the log stream of the container engine is garbled\n");
  loop.stop();
}

}  // namespace
}  // namespace cube::runtime
