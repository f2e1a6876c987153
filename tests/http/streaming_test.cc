// Open-ended replies: framing, back-pressure, and seeing the client go.

#include <doctest/doctest.h>
#include <httplib.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

// A server whose every request opens a stream that the test then writes to.
struct StreamServer {
  explicit StreamServer(ServerOptions options = {})
      : running(
            [this](Request, std::shared_ptr<Responder> responder) {
              auto opened = responder->stream({200, "", "text/plain", {}});
              opened->on_gone([this] { ++gone; });
              const std::lock_guard lock(mutex);
              body = std::move(opened);
            },
            std::move(options)) {}

  std::shared_ptr<Responder::Body> wait_for_body() {
    std::shared_ptr<Responder::Body> out;
    REQUIRE(eventually([&] {
      const std::lock_guard lock(mutex);
      out = body;
      return out != nullptr;
    }));
    return out;
  }

  std::mutex mutex;
  std::shared_ptr<Responder::Body> body;
  std::atomic<int> gone = 0;
  RunningServer running;
};

}  // namespace

TEST_CASE("a streamed reply arrives piece by piece and ends") {
  StreamServer server;
  auto peer = Peer::connect(server.running.port);
  peer.send(get);
  auto body = server.wait_for_body();
  CHECK(body->write("one"));
  const auto head = peer.read_until("one\r\n");
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != head.npos);
  CHECK(head.ends_with("\r\n\r\n3\r\none\r\n"));
  CHECK(body->write(""));  // no empty chunk: that would be the end
  CHECK(body->write("two"));
  body->close();
  CHECK(!body->write("after the end"));
  CHECK(peer.read_all() == "3\r\ntwo\r\n0\r\n\r\n");
  CHECK(server.gone == 0);
}

TEST_CASE("another client reads a long stream whole") {
  StreamServer server;
  std::string expected;
  std::thread writer([&] {
    auto body = server.wait_for_body();
    for (int i = 0; i < 20'000; ++i) {
      const std::string line = "line " + std::to_string(i) + "\n";
      REQUIRE(eventually([&] { return body->waiting_bytes() < 512 * 1024; }));
      REQUIRE(body->write(line));
      expected += line;
    }
    body->close();
  });
  httplib::Client client("127.0.0.1", server.running.port);
  auto got = client.Get("/");
  writer.join();
  REQUIRE(got);
  CHECK(got->body == expected);
}

TEST_CASE("HTTP/1.0 gets a stream without chunks, ended by closing") {
  StreamServer server;
  auto peer = Peer::connect(server.running.port);
  peer.send("GET / HTTP/1.0\r\n\r\n");
  auto body = server.wait_for_body();
  body->write("one");
  body->write("two");
  body->close();
  const auto reply = peer.read_all();
  CHECK(reply.find("Transfer-Encoding") == reply.npos);
  CHECK(reply.ends_with("\r\n\r\nonetwo"));
}

TEST_CASE("HEAD of a stream gets its head and no more") {
  StreamServer server;
  auto peer = Peer::connect(server.running.port);
  peer.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(peer.read_all().ends_with("\r\n\r\n"));
  CHECK(eventually([&] { return server.gone == 1; }));
  CHECK(!server.wait_for_body()->write("x"));
}

TEST_CASE("a client that hangs up is noticed although nothing is written") {
  for (const bool hard : {false, true}) {
    CAPTURE(hard);
    StreamServer server;
    auto peer = Peer::connect(server.running.port);
    peer.send(get);
    auto body = server.wait_for_body();
    REQUIRE(body->write("x"));
    peer.read_until("\r\nx");
    if (hard) {
      peer.reset();
    } else {
      peer.close();
    }
    CHECK(eventually([&] { return server.gone == 1; }));
    CHECK(!body->write("y"));
    CHECK(body->waiting_bytes() == 0);
    int told_late = 0;
    body->on_gone([&] { ++told_late; });
    std::promise<void> after;
    server.running.loop.post([&] { after.set_value(); });
    after.get_future().wait();
    CHECK(told_late == 1);
  }
}

TEST_CASE("a client that does not read is cut off, with a bounded amount waiting") {
  StreamServer server;
  auto peer = Peer::connect(server.running.port);
  peer.send(get);
  auto body = server.wait_for_body();
  const std::string piece(16 * 1024, 'x');
  std::size_t most = 0;
  std::size_t written = 0;
  while (body->write(piece)) {
    most = std::max(most, body->waiting_bytes());
    written += piece.size();
    REQUIRE(written < 256 * 1024 * 1024);
  }
  CHECK(most <= 1024 * 1024);
  CHECK(eventually([&] { return server.gone == 1; }));
  const auto got = peer.read_all();
  CHECK(!got.ends_with("\r\n0\r\n\r\n"));  // it can tell that this is not the whole
}

TEST_CASE("a client that stands still with little waiting is closed after the time-out") {
  StreamServer server({.stream_timeout = 100ms});
  auto peer = Peer::connect(server.running.port);
  peer.send(get);
  auto body = server.wait_for_body();
  // Fill what the kernel takes; then less than the bound keeps waiting.
  CHECK(eventually([&] {
    if (body->waiting_bytes() < 512 * 1024) body->write(std::string(64 * 1024, 'x'));
    return server.gone == 1;
  }));
}

TEST_CASE("what a client sends during a stream is thrown away") {
  StreamServer server;
  auto peer = Peer::connect(server.running.port);
  peer.send(get + get);
  auto body = server.wait_for_body();
  peer.send(std::string(100'000, 'z'));
  body->write("x");
  body->close();
  const auto reply = peer.read_all();
  CHECK(reply.ends_with("\r\n0\r\n\r\n"));
  CHECK(server.gone == 0);
}

TEST_CASE("a dropped body ends the reply") {
  StreamServer server;
  auto peer = Peer::connect(server.running.port);
  peer.send(get);
  server.wait_for_body()->write("x");
  {
    const std::lock_guard lock(server.mutex);
    server.body.reset();
  }
  CHECK(peer.read_all().ends_with("1\r\nx\r\n0\r\n\r\n"));
}
