// Much of everything: bodies of gigabytes, a thousand slow clients, an ingress restarted under
// load.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "tests/ingress/support.h"
#include "tests/support/rounds.h"

using namespace cube;
using namespace cube::ingress;
using namespace cube::ingress::testing;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t large = 64ULL << 20, larger = large;
constexpr int slow_clients = 200;
#else
constexpr std::uint64_t large = 1ULL << 30;
constexpr std::uint64_t larger = (4ULL << 30) + 7;  // no 32 bits count it
constexpr int slow_clients = 1000;
#endif
constexpr std::uint64_t memory_bytes_max = (64ULL << 20) * (test::is_sanitized ? 8 : 1);

const std::string get = "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n";

bool send_zeros(Peer& peer, std::uint64_t bytes) {
  static const std::string piece(1 << 20, '\0');
  while (bytes > 0) {
    const auto n = std::min<std::uint64_t>(bytes, piece.size());
    if (!peer.send(std::string_view(piece).substr(0, n))) return false;
    bytes -= n;
  }
  return true;
}

std::uint64_t drain(const Peer& peer) {  // until the end
  std::vector<char> buffer(1 << 20);
  std::uint64_t bytes = 0;
  for (;;) {
    const ssize_t n = ::recv(peer.fd(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return bytes;
    bytes += static_cast<std::uint64_t>(n);
  }
}

}  // namespace

TEST_CASE("a body of gigabytes in either direction takes no memory") {
  ScriptedServer backend([](Peer& peer, int) {
    auto head = peer.read_until("\r\n\r\n");
    while (head.starts_with("GET /nothing")) {
      peer.send(ok("x"));
      head = peer.read_until("\r\n\r\n");
    }
    if (head.starts_with("GET")) {
      peer.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", larger));
      send_zeros(peer, larger);
      return;
    }
    std::uint64_t left = large - body_of(head).size();
    std::vector<char> buffer(1 << 20);
    while (left > 0) {
      const ssize_t n = ::recv(peer.fd(), buffer.data(), buffer.size(), 0);
      if (n <= 0) return;
      left -= static_cast<std::uint64_t>(n);
    }
    peer.send(ok("all of it"));
  });
  RunningProxy proxy(web(backend));
  proxy.get("/nothing");  // whatever is set up once
  const std::uint64_t before = resident_bytes();
  {
    auto client = proxy.connect();
    client.send(fmt::format(
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", large));
    CHECK(send_zeros(client, large));
    CHECK(body_of(client.read_all()) == "all of it");
  }
  auto client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto head = client.read_until("\r\n\r\n");
  CHECK(body_of(head).size() + drain(client) == larger);
  CHECK(resident_bytes() < before + memory_bytes_max);
}

TEST_CASE("a thousand slow clients hold up nobody, in bounded memory") {
  const std::string big(256 * 1024, 'x');
  ScriptedServer backend(serving([&big](const std::string& head) {
    return head.starts_with("GET /big") ? ok(big) : ok("x");
  }));
  RunningProxy proxy(web(backend));
  CHECK(status_of(proxy.get()) == 200);
  const std::uint64_t before = resident_bytes();
  std::vector<Peer> slow;
  for (int i = 0; i < slow_clients; ++i) {
    slow.push_back(proxy.connect());
    slow.back().send(i % 2 == 0 ? "GET / HTTP/1.1\r\nHost: h\r\nX-Slo"
                                : "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1");
  }
  std::vector<Peer> readers;  // that do not read
  for (int i = 0; i < 50; ++i) {
    readers.push_back(proxy.connect());
    readers.back().send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  CHECK(eventually([&] { return proxy.metric("cube_ingress_connections") >= slow_clients + 50; }));
  for (int i = 0; i < 50; ++i) CHECK(status_of(proxy.get()) == 200);
  CHECK(resident_bytes() < before + memory_bytes_max);
  for (auto& client : readers) CHECK(client.read_until("x").find("200 OK") != std::string::npos);
  for (auto& client : slow) client.send("w: y\r\n\r\n12345678");
  CHECK(status_of(slow[0].read_until("\r\n\r\n")) == 200);
}

TEST_CASE("clients that never finish are let go in time") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  ProxyOptions options;
  options.header_timeout = 100ms;
  options.idle_timeout = 100ms;
  RunningProxy proxy(web(backend), options);
  auto silent = proxy.connect();
  auto half = proxy.connect();
  half.send("GET / HTTP/1.1\r\nHo");
  auto kept = proxy.connect();
  kept.send(get);
  CHECK(silent.read_all().empty());
  CHECK(status_of(half.read_all()) == 408);
  CHECK(kept.read_all() == ok("x"));
  CHECK(eventually([&] { return proxy.metric("cube_ingress_connections") == 0; }));
}

TEST_CASE("a full house: who waits for nothing makes room, else newcomers are closed") {
  ScriptedServer backend([](Peer& peer, int) {
    while (peer.read_until("\r\n\r\n").starts_with("GET / ")) peer.send(ok("x"));
    peer.read_all();
  });
  ProxyOptions options;
  options.connections_max = 2;
  RunningProxy proxy(web(backend), options);
  auto idle = proxy.connect();
  idle.send(get);
  CHECK(idle.read_until("x").ends_with("x"));
  auto busy = proxy.connect();
  busy.send("GET / HTTP/1.1\r\nHo");
  CHECK(eventually([&] { return proxy.metric("cube_ingress_connections") == 2; }));
  auto third = proxy.connect();
  CHECK(idle.read_all().empty());  // closed for it
  third.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(eventually([&] { return proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 1; }));
  auto fourth = proxy.connect();
  CHECK(fourth.read_all().empty());
  CHECK(proxy.metric("cube_ingress_refused_connections_total") == 1);
}

TEST_CASE("an ingress that ends brings requests to their end, and the next one listens at once") {
  std::promise<void> go;
  auto may_go = go.get_future().share();
  ScriptedServer backend(serving([may_go](const std::string& head) {
    if (head.starts_with("GET /slow")) may_go.wait();
    return ok("whole");
  }));
  RunningProxy proxy(web(backend));
  auto kept = proxy.connect();
  kept.send(get);
  kept.read_until("whole");
  auto client = proxy.connect();
  client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(eventually([&] { return proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 1; }));
  const auto port = proxy.proxy->port();
  CHECK_FALSE(proxy.proxy->drain(50ms));  // the slow one is still there
  CHECK(kept.read_all().empty());
  ProxyOptions options;
  options.port = port;
  auto next = Proxy::start(options);
  CHECK(next.ok());
  go.set_value();
  const auto reply = client.read_all();
  CHECK(body_of(reply) == "whole");
  CHECK(header_of(reply, "Connection") == "close");
  CHECK(proxy.proxy->drain(20s));
}

TEST_CASE("who has just connected when the ingress ends still gets an answer") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  RunningProxy proxy(web(backend));
  auto fresh = proxy.connect();  // perhaps not even accepted yet
  auto silent = proxy.connect();
  CHECK_FALSE(proxy.proxy->drain(10ms));
  fresh.send(get);
  const auto reply = fresh.read_all();
  CHECK(body_of(reply) == "x");
  CHECK(header_of(reply, "Connection") == "close");
  fresh.close();
  CHECK(silent.read_all().empty());
  CHECK(proxy.proxy->drain(20s));
}

TEST_CASE("a kept connection's next request is answered when the ingress ends just then") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  RunningProxy proxy(web(backend));
  auto kept = proxy.connect(), half = proxy.connect();
  for (Peer* client : {&kept, &half}) {
    client->send(get);
    CHECK(client->read_until("x").ends_with("x"));
  }
  half.send(get.substr(0, 10));
  CHECK_FALSE(proxy.proxy->drain(10ms));
  kept.send(get);
  half.send(get.substr(10));
  for (Peer* client : {&kept, &half}) {
    const auto reply = client->read_all();
    CHECK(body_of(reply) == "x");
    CHECK(header_of(reply, "Connection") == "close");
    client->close();
  }
  CHECK(proxy.proxy->drain(20s));
}

TEST_CASE("a request that comes just behind the end of an idle connection is not reset") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  for (const bool drains : {false, true}) {
    CAPTURE(drains);
    ProxyOptions options;
    if (!drains) options.idle_timeout = 100ms;
    RunningProxy proxy(web(backend), options);
    auto kept = proxy.connect();
    kept.send(get);
    CHECK(kept.read_until("x").ends_with("x"));
    if (drains) CHECK_FALSE(proxy.proxy->drain(10ms));
    CHECK(kept.read_all().empty());
    CHECK(kept.send(get));  // before the client has noticed
    kept.end_sending();
    CHECK(eventually([&] { return proxy.metric("cube_ingress_connections") == 0; }));
    char byte = 0;
    CHECK(::recv(kept.fd(), &byte, 1, 0) == 0);
  }
}

TEST_CASE("two ingresses can share a port, and one that has no table yet takes no connection") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  ProxyOptions options;
  options.share_port = true;
  options.port = 0;
  RunningProxy first(options);
  first.set({web({backend.endpoint().str()})});
  options.port = first.proxy->port();
  RunningProxy second(options);
  for (int i = 0; i < 50; ++i) CHECK(body_of(first.get()) == "x");
  second.set({web({backend.endpoint().str()})});
  CHECK(first.proxy->drain(20s));
  CHECK(body_of(second.get()) == "x");
  options.share_port = false;
  const auto third = Proxy::start(options);
  REQUIRE(!third.ok());
  CHECK(third.error().message.find("already in use") != std::string::npos);
}

TEST_CASE("a replica that leaves the table gets nothing new, and is busy until its last reply") {
  std::promise<void> go;
  auto may_go = go.get_future().share();
  std::atomic<int> old_requests = 0, old_closed = 0;
  ScriptedServer old([&, may_go](Peer& peer, int) {
    for (;;) {
      const auto head = peer.read_until("\r\n\r\n");
      if (head.empty()) break;
      ++old_requests;
      if (head.starts_with("GET /slow")) may_go.wait();
      peer.send(ok("old"));
    }
    ++old_closed;
  });
  ScriptedServer young(serving([](const std::string&) { return ok("young"); }));
  RunningProxy proxy(web({old.endpoint().str()}));
  CHECK(body_of(proxy.get()) == "old");
  auto client = proxy.connect();
  client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(eventually([&] { return old_requests == 2; }));
  {
    auto idle = proxy.connect();  // a second connection to it, which is idle afterwards
    idle.send(get);
    idle.read_until("old");
  }
  std::atomic<int> shrunk = 0;
  proxy.proxy->on_busy_shrunk([&shrunk] { ++shrunk; });
  auto next = web({young.endpoint().str()});
  next.replicas[0].task = task(1);
  proxy.set({next});
  CHECK(proxy.state().busy == std::vector<TaskId>{task(0)});
  CHECK(eventually([&] { return old_closed == 1; }));  // the idle one
  for (int i = 0; i < 5; ++i) CHECK(body_of(proxy.get()) == "young");
  CHECK(shrunk == 0);
  go.set_value();
  CHECK(client.read_until("old").ends_with("old"));
  CHECK(eventually([&] { return shrunk == 1; }));
  CHECK(proxy.state().busy.empty());
  CHECK(old_requests == 3);
  CHECK(eventually([&] { return old_closed == 2; }));
  client.send(get);  // and the client's connection is as good as ever
  CHECK(client.read_until("young").ends_with("young"));
}

TEST_CASE("a replica that comes back into the table is used again") {
  std::promise<void> go;
  auto may_go = go.get_future().share();
  ScriptedServer backend([may_go](Peer& peer, int n) {
    peer.read_until("\r\n\r\n");
    if (n == 0) may_go.wait();
    peer.send(ok("x"));
    peer.read_all();
  });
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send(get);
  CHECK(eventually([&] { return proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 1; }));
  proxy.set({web(std::vector<std::string>{})});
  CHECK(proxy.state().busy.size() == 1);
  CHECK(status_of(proxy.get()) == 503);
  proxy.set({web(backend)});
  CHECK(proxy.state().busy.empty());
  CHECK(status_of(proxy.get()) == 200);
  proxy.set({});  // and the whole service goes
  CHECK(proxy.state().busy.size() == 1);
  CHECK(status_of(proxy.get()) == 404);
  go.set_value();
  CHECK(client.read_until("x").ends_with("x"));
  CHECK(eventually([&] { return proxy.state().busy.empty(); }));
}
