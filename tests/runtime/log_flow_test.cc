// A log that is read slowly: the engine waits, nothing is lost.

#include <doctest/doctest.h>

#include "http/loop.h"
#include "runtime/docker_runtime.h"
#include "runtime/fake_runtime.h"
#include "tests/runtime/await.h"
#include "tests/runtime/scripted_engine.h"

namespace cube::runtime {
namespace {

constexpr std::size_t log_bytes = 8'000'000;
constexpr std::size_t pause_every = 1'000'000;

std::string long_log() {
  std::string text;
  for (int line = 0; text.size() < log_bytes; ++line) text += "line " + std::to_string(line) + "\n";
  return text;
}

// As the engine sends it: frames of standard output.
std::string in_frames(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 10'000) {
    const std::string piece = text.substr(at, 10'000);
    const auto size = static_cast<std::uint32_t>(piece.size());
    const std::array<char, 8> header = {
        1, 0, 0, 0, 0, 0, static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
    out.append(header.data(), header.size()) += piece;
  }
  return out;
}

// Reads the log of "c1" with a rest after each megabyte, and checks that it is `expected`.
void read_slowly(http::Loop& loop, Runtime& runtime, const std::string& id,
                 const std::string& expected) {
  struct {
    std::string text;
    std::size_t pauses = 0, while_paused = 0;
    bool opened = false, paused = false;
    std::unique_ptr<http::Loop::Timer> timer;
    std::unique_ptr<Stream> stream;
  } read;
  Transcript out;
  const auto resume = [&] {
    read.paused = false;
    read.stream->resume();
  };
  LogSink sink;
  sink.on_open = [&] { read.opened = read.text.empty(); };
  sink.on_data = [&](bool, std::string_view bytes) {
    read.text += bytes;
    if (read.paused) {
      read.while_paused += bytes.size();
    } else if (read.text.size() / pause_every > read.pauses) {
      ++read.pauses;
      read.paused = true;
      read.stream->pause();
      read.timer = loop.after(10ms, resume);
    }
  };
  sink.on_end = [&](std::optional<EngineError> error) { out.add(error ? error->message : "end"); };
  loop.post([&] {
    read.stream = runtime.logs(id, {}, sink);
    read.stream->pause();  // before it is there
    read.timer = loop.after(10ms, resume);
  });
  CHECK(out.wait_for("end"));
  std::promise<void> ended;
  loop.post([&] {
    read.timer.reset();
    read.stream.reset();
    ended.set_value();
  });
  ended.get_future().get();
  CHECK(read.opened);
  CHECK((read.text == expected));
  CHECK(read.pauses >= 7);
  CHECK(read.while_paused <= read.pauses * 64 * 1024);
}

TEST_CASE("a long log of an engine, read slowly, is whole") {
  const std::string text = long_log();
  ScriptedEngine engine([&](const std::string& request) {
    if (request.find("/logs") != std::string::npos) return stream(in_frames(text), false);
    if (request.find("/containers/") != std::string::npos) {
      return reply(200, R"({"Id":"c1","Config":{"Tty":false}})");
    }
    return reply(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})", "Api-Version: 1.41\r\n");
  });
  http::Loop loop;
  loop.start();
  DockerOptions options;
  options.endpoint.unix_path = engine.path();
  DockerRuntime docker(loop, options);
  Transcript ready;
  docker.list({}, [&](const auto&) { ready.add("ready"); });
  REQUIRE(ready.wait_for("ready"));
  read_slowly(loop, docker, "c1", text);
  loop.stop();
}

TEST_CASE("a long log of the fake engine, read slowly, is whole") {
  http::Loop loop;
  loop.start();
  FakeRuntime fake(&loop);
  const std::string id = fake.add_foreign("c1");
  const std::string text = long_log();
  fake.write_log(id, text);
  read_slowly(loop, fake, id, text);
  CHECK(fake.open_logs() == 0);
  loop.stop();
}

}  // namespace
}  // namespace cube::runtime
