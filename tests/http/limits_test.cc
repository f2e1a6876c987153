// Clients that send too much, too slowly or nothing at all, and one that is healthy beside them.

#include <doctest/doctest.h>
#include <httplib.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: localhost\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: localhost\r\n";

void say_ok(Request, std::shared_ptr<Responder> responder) {
  responder->send({200, "ok", "text/plain", {}});
}

bool healthy(std::uint16_t port) {
  httplib::Client client("127.0.0.1", port);
  auto got = client.Get("/");
  return got && got->status == 200;
}

// Sends `piece` until the server has had enough; then what it says.
std::string flood(Peer& peer, const std::string& piece, std::size_t bytes_max, std::size_t& sent) {
  for (sent = 0; sent < bytes_max && peer.send(piece);) sent += piece.size();
  return peer.read_all();
}

}  // namespace

TEST_CASE("a header as large as allowed is taken, one byte more is refused") {
  RunningServer running(say_ok, {.header_bytes_max = 1000});
  for (const int more : {0, 1}) {
    std::string request = get + "X: ";
    request += std::string(1000 - 4 - request.size() + static_cast<std::size_t>(more), 'x');
    request += "\r\n\r\n";
    auto peer = Peer::connect(running.port);
    peer.send(request);
    peer.end_sending();
    CHECK(status_of(peer.read_all()) == (more == 0 ? 200 : 431));
  }
}

TEST_CASE("bombs are refused early") {
  RunningServer running(say_ok);
  struct Row {
    const char* what;
    std::string start, piece;
    int status;
  };
  const std::string four_k(4096, 'x');
  const Row rows[] = {
      {"request line", "GET /", four_k, 414},
      {"one header", get + "X: ", four_k, 431},
      {"many headers", get, "X: y\r\n", 431},
      {"chunked body", post + "Transfer-Encoding: chunked\r\n\r\n", "1000\r\n" + four_k + "\r\n",
       413},
      {"one chunk", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", four_k, 413},
      {"chunk extension", post + "Transfer-Encoding: chunked\r\n\r\n1;x", four_k, 431},
      {"trailer", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", four_k, 431},
      {"body by length", post + "Content-Length: 99999999999\r\n\r\n", four_k, 413},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto peer = Peer::connect(running.port);
    peer.send(row.start);
    std::size_t sent = 0;
    // Not more than a limit's worth of bytes: then all of it has been read and the reply arrives.
    const bool body = row.status == 413;
    const auto reply = flood(peer, row.piece, body ? 5 * 1024 * 1024 : 40 * 1024, sent);
    CHECK(status_of(reply) == row.status);
  }
  CHECK(healthy(running.port));
}

TEST_CASE("an endless body does not keep its connection") {
  RunningServer running(say_ok);
  auto peer = Peer::connect(running.port);
  peer.send(post + "Transfer-Encoding: chunked\r\n\r\n");
  std::thread sender([&] {
    const std::string piece = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    while (peer.send(piece)) {
    }
  });
  CHECK(eventually([&] { return running.server->connections() == 1; }));
  CHECK(eventually([&] { return running.server->connections() == 0; }));
  sender.join();
}

TEST_CASE("slow clients get a 408, in the header and in the body") {
  RunningServer running(say_ok, {.header_timeout = 150ms, .body_timeout = 150ms});
  for (const std::string& part : {get, post + "Content-Length: 10\r\n\r\nabc",
                                  post + "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    auto peer = Peer::connect(running.port);
    peer.send(part);
    CHECK(status_of(peer.read_all()) == 408);
  }
}

TEST_CASE("dripping bytes does not stretch the deadline") {
  RunningServer running(say_ok, {.header_timeout = 300ms});
  auto peer = Peer::connect(running.port);
  std::atomic<bool> closed = false;
  std::thread drip([&] {
    peer.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
    while (!closed && peer.send("x")) std::this_thread::sleep_for(5ms);  // paced
  });
  const auto reply = peer.read_all();
  closed = true;
  drip.join();
  CHECK(status_of(reply) == 408);
}

TEST_CASE("a connection without a request is closed without a word") {
  RunningServer running(say_ok, {.header_timeout = 100ms, .idle_timeout = 100ms});
  auto silent = Peer::connect(running.port);
  CHECK(silent.read_all().empty());
  auto once = Peer::connect(running.port);
  once.send(get + "\r\n");
  CHECK(once.read_all().ends_with("\r\n\r\nok"));
}

TEST_CASE("the header's time begins with its first byte, not with the last reply") {
  RunningServer running(say_ok, {.header_timeout = 500ms, .idle_timeout = 60s});
  auto peer = Peer::connect(running.port);
  peer.send(get + "\r\n");
  CHECK(status_of(peer.read_until("ok")) == 200);
  const auto later = std::chrono::steady_clock::now() + 600ms;
  REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > later; }));
  peer.send(get + "\r\n");
  CHECK(status_of(peer.read_until("ok")) == 200);
}

TEST_CASE("a client that does not take its reply is closed") {
  RunningServer running(
      [](Request, std::shared_ptr<Responder> responder) {
        responder->send({200, std::string(64 * 1024 * 1024, 'x'), "text/plain", {}});
      },
      {.body_timeout = 150ms});
  auto peer = Peer::connect(running.port);
  peer.send(get + "\r\n");
  CHECK(eventually([&] { return running.server->connections() == 1; }));
  CHECK(eventually([&] { return running.server->connections() == 0; }));
}

TEST_CASE("two hundred idle and fifty stuck clients do not disturb a healthy one") {
  RunningServer running(say_ok);
  std::vector<Peer> peers;
  for (int i = 0; i < 200; ++i) peers.push_back(Peer::connect(running.port));
  for (int i = 0; i < 50; ++i) {
    peers.push_back(Peer::connect(running.port));
    peers.back().send(i % 2 == 0 ? get : post + "Content-Length: 10\r\n\r\nabc");
  }
  REQUIRE(eventually([&] { return running.server->connections() == 250; }));
  for (int i = 0; i < 20; ++i) CHECK(healthy(running.port));
}

TEST_CASE("stalled bodies give their room to those that come, and are told") {
  RunningServer running(say_ok, {.held_bytes_max = 1024 * 1024});
  std::vector<Peer> stalled;
  for (int i = 0; i < 10; ++i) {
    stalled.push_back(Peer::connect(running.port));
    stalled.back().send(post + "Content-Length: 500000\r\n\r\n" + std::string(400'000, 'x'));
  }
  // There is room for two of them, and for a third that is not whole yet.
  CHECK(eventually([&] { return running.server->connections() <= 3; }));
  int told = 0;
  for (auto& peer : stalled) {
    peer.end_sending();  // who was not let go is closed now, without a word
    const auto reply = peer.read_all();
    CHECK((reply.empty() || status_of(reply) == 503));
    if (!reply.empty()) ++told;
  }
  CHECK(told >= 7);
  httplib::Client client("127.0.0.1", running.port);
  for (int i = 0; i < 5; ++i) {
    const auto posted = client.Post("/", std::string(300'000, 'x'), "text/plain");
    REQUIRE(posted);
    CHECK(posted->status == 200);
  }
  // A request that is larger than all the room is still taken when it is the only one.
  const auto large = client.Post("/", std::string(3'000'000, 'x'), "text/plain");
  REQUIRE(large);
  CHECK(large->status == 200);
}

TEST_CASE("replies that nobody takes give their room to those that are taken") {
  const std::string large(16 * 1024 * 1024, 'x');
  RunningServer running(
      [&](Request, std::shared_ptr<Responder> responder) {
        responder->send({200, large, "text/plain", {}});
      },
      {.held_bytes_max = 20 * 1024 * 1024});
  std::vector<Peer> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(Peer::connect(running.port));
    stuck.back().send(get + "\r\n");
  }
  REQUIRE(eventually([&] { return running.server->connections() == 4; }));
  // None is cut off before it has stood still for a while; then all but a reader's are.
  CHECK(eventually([&] {
    httplib::Client client("127.0.0.1", running.port);
    const auto got = client.Get("/");
    CHECK((got && got->body == large));
    return running.server->connections() <= 2;
  }));
}

TEST_CASE("at the limit an idle connection makes room; busy ones do not") {
  std::mutex mutex;
  std::vector<std::shared_ptr<Responder>> held;
  RunningServer running(
      [&](Request r, std::shared_ptr<Responder> responder) {
        if (r.path == "/") return say_ok(std::move(r), std::move(responder));
        const std::lock_guard lock(mutex);
        held.push_back(std::move(responder));
      },
      {.connections_max = 3});
  std::vector<Peer> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(Peer::connect(running.port));
  REQUIRE(eventually([&] { return running.server->connections() == 3; }));
  CHECK(healthy(running.port));        // in the place of the longest idle
  CHECK(peers[0].read_all().empty());  // which was closed
  peers.clear();
  for (int i = 0; i < 3; ++i) {
    peers.push_back(Peer::connect(running.port));
    peers.back().send("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return held.size() == 3;
  }));
  auto one_more = Peer::connect(running.port);
  one_more.send(get + "\r\n");
  const auto refusal = one_more.read_all();
  CHECK(status_of(refusal) == 503);
  CHECK(refusal.find("too many connections (3)") != refusal.npos);
  {
    const std::lock_guard lock(mutex);
    for (auto& responder : held) responder->send({200, "held", "text/plain", {}});
    held.clear();
  }
  for (auto& peer : peers) CHECK(status_of(peer.read_until("held")) == 200);
  CHECK(healthy(running.port));
}
