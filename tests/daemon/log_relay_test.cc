// Logs on their way from an engine to a client, straight and through a second daemon: whole however
// slow the client, over when the container is, and let go of when the client is gone.

#include "daemon/log_relay.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <future>
#include <string>
#include <thread>

#include "runtime/fake_runtime.h"
#include "tests/daemon/support.h"

namespace cube::daemon {
namespace {

using testing::eventually;

// The worker's side and the manager's: `/near` is the log of the container "app" from the engine,
// `/far` the same through the other server. Both follow.
struct Relays {
  Relays() {
    loop.start();
    id = engine.add_foreign("app");
    worker = listen([this](http::Request, std::shared_ptr<http::Responder> to) {
      runtime::LogOptions options;
      options.follow = true;
      relay_logs(engine, id, options, std::move(to));
    });
    manager = listen([this](http::Request request, std::shared_ptr<http::Responder> to) {
      relay_logs(client, {{}, "127.0.0.1", worker->port()}, request.path, "", std::move(to));
    });
  }
  ~Relays() {
    manager.reset();
    worker.reset();
  }

  std::unique_ptr<http::Server> listen(http::Handler handler) {
    auto server = http::Server::listen(loop, {}, std::move(handler));
    REQUIRE(server.ok());
    return std::move(*server);
  }
  int port(bool far) const { return (far ? manager : worker)->port(); }

  http::Loop loop;
  runtime::FakeRuntime engine{&loop};
  std::string id;
  http::Client client{loop};
  std::unique_ptr<http::Server> worker, manager;
};

// A client on a thread of its own, which takes a rest of `pace` before each piece.
struct Reader {
  Reader(Relays& relays, bool far, Duration pace)
      : client("127.0.0.1", relays.port(far)), thread([this, pace] {
          client.set_read_timeout(60);
          const auto got = client.Get("/tasks/x/logs", [this, pace](const char* bytes, size_t n) {
            if (pace > 0ms) std::this_thread::sleep_for(pace);  // paced
            text.append(bytes, n);
            received = text.size();
            return !hang_up;
          });
          whole = got && got->status == 200;
          status = got ? got->status : 0;
          over = true;
        }) {}
  ~Reader() { end(); }
  void end() {
    if (thread.joinable()) thread.join();
  }

  httplib::Client client;
  std::string text;  // of the thread, until end()
  std::atomic<std::size_t> received = 0;
  std::atomic<bool> hang_up = false, whole = false, over = false;
  std::atomic<int> status = 0;
  std::thread thread;
};

std::string long_log() {
  std::string text;
  for (int line = 0; text.size() < 12'000'000; ++line) {
    text += "line " + std::to_string(line) + " of a log that is longer than any buffer\n";
  }
  return text;
}

TEST_CASE("a slow client gets a long log whole, and its end with the container's") {
  for (const bool far : {false, true}) {
    CAPTURE(far);
    Relays relays;
    const std::string text = long_log();
    relays.engine.write_log(relays.id, text);
    Reader reader(relays, far, 1ms);
    REQUIRE(eventually([&] { return reader.received > 1'000'000; }));
    relays.engine.write_log(relays.id, "last words\n");
    relays.engine.exit_container(relays.id, 0);
    reader.end();
    CHECK(reader.whole);
    CHECK((reader.text == text + "last words\n"));
    CHECK(eventually([&] { return relays.engine.open_logs() == 0; }));
  }
}

TEST_CASE("a client that hangs up on a silent log ends the engine's stream") {
  for (const bool far : {false, true}) {
    CAPTURE(far);
    Relays relays;
    Reader reader(relays, far, 0ms);
    REQUIRE(eventually([&] { return relays.engine.open_logs() == 1; }));
    reader.client.stop();
    CHECK(eventually([&] { return relays.engine.open_logs() == 0; }));
    CHECK(reader.text.empty());
  }
}

TEST_CASE("a client that hangs up while the engine waits for it ends the engine's stream") {
  for (const bool far : {false, true}) {
    CAPTURE(far);
    Relays relays;
    relays.engine.write_log(relays.id, long_log());
    Reader reader(relays, far, 1ms);
    REQUIRE(eventually([&] { return reader.received > 500'000; }));
    CHECK(relays.engine.open_logs() == 1);
    reader.hang_up = true;
    CHECK(eventually([&] { return relays.engine.open_logs() == 0; }));
    reader.end();
    CHECK(reader.text.size() < long_log().size());
  }
}

TEST_CASE("a log that breaks off on its way is not taken for the whole") {
  Relays relays;
  relays.engine.write_log(relays.id, "begun\n");
  Reader reader(relays, true, 0ms);
  REQUIRE(eventually([&] { return reader.received == 6; }));
  relays.worker.reset();
  reader.end();
  CHECK(!reader.whole);
  CHECK(reader.text == "begun\n");
}

TEST_CASE("a container that is not there is a 404, an engine that is away a 503") {
  for (const bool far : {false, true}) {
    CAPTURE(far);
    Relays relays;
    relays.id = "nothing";
    Reader absent(relays, far, 0ms);
    absent.end();
    CHECK(absent.status == 404);
    relays.engine.go_away("the engine is restarting");
    Reader away(relays, far, 0ms);
    away.end();
    CHECK(away.status == 503);
  }
}

}  // namespace
}  // namespace cube::daemon
