// Bad luck, and what comes of it: docs/ingress.md has the table.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "tests/ingress/support.h"

using namespace cube;
using namespace cube::ingress;
using namespace cube::ingress::testing;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n";
const std::string post =
    "POST / HTTP/1.1\r\nHost: h.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

// Nobody listens there.
std::string closed_address() {
  ScriptedServer gone([](Peer&, int) {});
  return gone.endpoint().str();
}

std::string replica_metric(std::string_view name, const std::string& address) {
  return fmt::format("cube_ingress_replica_{}{{service=\"web\",replica=\"{}\"}}", name, address);
}

api::RoutedService quick(api::RoutedService service) {
  service.rules.connect_timeout = 200ms;
  service.rules.response_timeout = 200ms;
  service.rules.idle_timeout = 200ms;
  return service;
}

// Whose own side takes little that it has not asked for yet.
Peer slow_client(const RunningProxy& proxy) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int small = 16 * 1024;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(proxy.proxy->port());
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return Peer(fd);
}

bool nothing_in_flight(const RunningProxy& proxy) {
  return eventually([&] { return proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 0; });
}

}  // namespace

TEST_CASE("a replica that refuses: another takes the request, whatever its method") {
  ScriptedServer good(serving([](const std::string&) { return ok("good"); }));
  RunningProxy proxy(web({closed_address(), good.endpoint().str()}));
  for (int i = 0; i < 4; ++i) {
    CHECK(body_of(proxy.get()) == "good");
    CHECK(body_of(proxy.ask(post)) == "good");
  }
}

TEST_CASE("no replica takes a connection: 503") {
  RunningProxy proxy(web({closed_address(), closed_address()}));
  const auto reply = proxy.get();
  CHECK(status_of(reply) == 503);
  CHECK(body_of(reply) ==
        R"({"HTTPStatusCode":503,"Message":"a replica of web refused the connection"})");
  CHECK(nothing_in_flight(proxy));
}

TEST_CASE("a replica that never answers: 504 in time, not tried elsewhere, then left out") {
  ScriptedServer silent([](Peer& peer, int) { peer.read_all(); });
  ScriptedServer good(serving([](const std::string&) { return ok("good"); }));
  RunningProxy proxy(quick(web({silent.endpoint().str(), good.endpoint().str()})));
  int late = 0;
  for (int i = 0; i < 6; ++i) {
    const auto reply = proxy.get();
    if (status_of(reply) == 504) {
      ++late;
      CHECK(body_of(reply).find("a replica of web did not answer in time") != std::string::npos);
    } else {
      CHECK(body_of(reply) == "good");
    }
  }
  CHECK(late == 3);
  const auto ejected = replica_metric("ejected", silent.endpoint().str());
  CHECK(proxy.metric(ejected) == 1);
  for (int i = 0; i < 10; ++i) CHECK(body_of(proxy.get()) == "good");
}

TEST_CASE("a replica that takes no connection in time is passed over") {
  // A listener whose queue is full: the system drops what comes on top.
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(fd, 0) == 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const auto port = ntohs(address.sin_port);
  std::vector<int> fill;
  for (int i = 0; i < 4; ++i) {
    fill.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(fill.back(), reinterpret_cast<const sockaddr*>(&address), size);
  }
  ScriptedServer good(serving([](const std::string&) { return ok("good"); }));
  RunningProxy proxy(quick(web({fmt::format("127.0.0.1:{}", port), good.endpoint().str()})));
  for (int i = 0; i < 2; ++i) CHECK(body_of(proxy.ask(post)) == "good");
  CHECK(proxy.metric("cube_ingress_retries_total{service=\"web\"}") >= 1);
  for (const int f : fill) ::close(f);
  ::close(fd);
}

TEST_CASE("a replica that dies before it answers: another, if the method allows it") {
  std::atomic<int> posts = 0;
  ScriptedServer dying([](Peer& peer, int) { peer.read_until("\r\n\r\n"); });
  ScriptedServer good(serving([&posts](const std::string& head) {
    posts += head.starts_with("POST") ? 1 : 0;
    return ok("good");
  }));
  auto service = web({dying.endpoint().str(), good.endpoint().str()});
  service.rules.retries = 1;
  {
    RunningProxy proxy(service);
    for (int i = 0; i < 4; ++i) CHECK(body_of(proxy.get()) == "good");
  }
  RunningProxy proxy(service);
  const auto reply = proxy.ask(post);
  CHECK(status_of(reply) == 502);
  CHECK(body_of(reply).find("before it answered") != std::string::npos);
  CHECK(posts == 0);
}

TEST_CASE("no more retries than the service allows") {
  ScriptedServer dying([](Peer& peer, int) { peer.read_until("\r\n\r\n"); });
  const auto address = dying.endpoint().str();
  for (const std::uint32_t retries : {0U, 2U}) {
    auto service = web({address, address, address, address, address});
    service.rules.retries = retries;
    RunningProxy proxy(service);
    CHECK(status_of(proxy.get()) == 502);
    CHECK(proxy.metric("cube_ingress_retries_total{service=\"web\"}") == retries);
  }
}

TEST_CASE("an idempotent request with a body is sent again whole") {
  ScriptedServer dying([](Peer& peer, int) { peer.read_until("hello"); });
  ScriptedServer good([](Peer& peer, int) {
    const auto request = peer.read_until("hello");
    peer.send(ok(request.ends_with("hello") ? "whole" : "cut"));
  });
  RunningProxy proxy(web({dying.endpoint().str(), good.endpoint().str()}));
  for (int i = 0; i < 2; ++i) {
    CHECK(body_of(proxy.ask("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                            "Connection: close\r\n\r\nhello")) == "whole");
  }
}

TEST_CASE("a kept connection that the replica closed costs nobody a request") {
  ScriptedServer backend([](Peer& peer, int n) {
    peer.read_until("\r\n\r\n");
    peer.send(ok("one"));
    // The second request of a connection is closed upon, the first few times.
    if (n < 3) peer.read_until("\r\n\r\n");
    if (n >= 3) serving([](const std::string&) { return ok("more"); })(peer, n);
  });
  auto service = web(backend);
  service.rules.retries = 0;  // this is none
  RunningProxy proxy(service);
  for (int i = 0; i < 6; ++i) CHECK(status_of(proxy.get()) == 200);
  CHECK(proxy.metric(replica_metric("failures_total", backend.endpoint().str())) == 0);
}

TEST_CASE("a replica that closes in mid-reply: the client sees that it is not whole") {
  struct Row {
    std::string framing, sent;
  };
  const Row rows[] = {{"Content-Length: 100\r\n", "only this"},
                      {"Transfer-Encoding: chunked\r\n", "9\r\nonly this\r\n"},
                      {"Transfer-Encoding: chunked\r\n", "64\r\nonly this"}};
  for (const auto& row : rows) {
    CAPTURE(row.framing);
    ScriptedServer backend([&](Peer& peer, int) {
      peer.read_until("\r\n\r\n");
      peer.send("HTTP/1.1 200 OK\r\n" + row.framing + "\r\n" + row.sent);
    });
    RunningProxy proxy(web({backend.endpoint().str(), backend.endpoint().str()}));
    auto client = proxy.connect();
    client.send(get);
    const auto reply = client.read_all();
    CHECK(status_of(reply) == 200);
    CHECK(body_of(reply) == row.sent);
    CHECK(backend.accepted() == 1);  // it cannot be tried elsewhere any more
    CHECK(proxy.metric("cube_ingress_cut_total{service=\"web\"}") == 1);
    CHECK(nothing_in_flight(proxy));
  }
}

TEST_CASE("a reset in a reply that only the close would end is a reset to the client") {
  ScriptedServer backend([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\n\r\npart");
    peer.read_until("go");
    peer.reset();
  });
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
  client.read_until("part");
  client.send("go");
  char byte = 0;
  pollfd waiting{client.fd(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 20'000) == 1);
  CHECK(::recv(client.fd(), &byte, 1, 0) == -1);
  CHECK(errno == ECONNRESET);
}

TEST_CASE("a replica that falls silent in mid-reply is not waited for") {
  ScriptedServer backend([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.read_all();
  });
  RunningProxy proxy(quick(web(backend)));
  auto client = proxy.connect();
  client.send(get);
  CHECK(body_of(client.read_all()) == "part");
  CHECK(nothing_in_flight(proxy));
}

TEST_CASE("what is no HTTP, or a protocol that nobody asked for, is 502") {
  for (const std::string wrong :
       {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"}) {
    CAPTURE(wrong);
    ScriptedServer backend(serving([&](const std::string&) { return wrong; }));
    RunningProxy proxy(web(backend));
    CHECK(status_of(proxy.get()) == 502);
  }
  const std::string long_head = "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n";
  ScriptedServer backend(serving([&](const std::string&) { return long_head; }));
  RunningProxy proxy(web(backend));
  CHECK(status_of(proxy.get()) == 502);
}

TEST_CASE("bad chunks in a reply end it") {
  ScriptedServer backend(serving([](const std::string&) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n";
  }));
  RunningProxy proxy(web(backend));
  const auto reply = proxy.get();
  CHECK(reply.find("0\r\n\r\n") == reply.npos);
  CHECK(reply.find("xyz") == reply.npos);
}

TEST_CASE("bytes behind a reply never become the next client's") {
  ScriptedServer backend(serving([](const std::string& head) {
    return ok(head.substr(4, 2)) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  }));
  RunningProxy proxy(web(backend));
  for (const char* path : {"/a", "/b", "/c"}) CHECK(body_of(proxy.get(path)) == path);
}

TEST_CASE("a client that vanishes takes its request with it") {
  std::atomic<int> closed = 0;
  ScriptedServer backend([&closed](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.read_all();
    ++closed;
  });
  RunningProxy proxy(web(backend));
  {
    auto client = proxy.connect();  // while it waits for the reply
    client.send(get);
    CHECK(eventually([&] { return backend.accepted() == 1; }));
    client.reset();
  }
  CHECK(eventually([&] { return closed == 1; }));
  {
    auto client = proxy.connect();  // in the middle of its body
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\npart");
    CHECK(eventually([&] { return backend.accepted() == 2; }));
    client.close();
  }
  CHECK(eventually([&] { return closed == 2; }));
  CHECK(nothing_in_flight(proxy));
  CHECK(proxy.metric("cube_ingress_requests_total{service=\"web\",code=\"499\"}") == 2);
  CHECK(proxy.metric(replica_metric("failures_total", backend.endpoint().str())) == 0);
}

TEST_CASE("a client that reads slowly but steadily gets all of its reply") {
  const std::string body(8'000'000, 'x');
  ScriptedServer backend([&body](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send(ok(body));
    peer.read_all();
  });
  auto service = web(backend);
  service.rules.idle_timeout = 1s;
  RunningProxy proxy(service);
  auto client = slow_client(proxy);
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string got;
  std::vector<char> piece(8 * 1024);
  for (int i = 0; i < 25; ++i) {
    const ssize_t n = ::recv(client.fd(), piece.data(), piece.size(), 0);
    if (n > 0) got.append(piece.data(), static_cast<std::size_t>(n));
    std::this_thread::sleep_for(200ms);  // paced
  }
  CHECK(got.size() > 25 * 1024);
  CHECK(proxy.metric("cube_ingress_cut_total{service=\"web\"}") == 0);
  CHECK(body_of(got + client.read_all()).size() == body.size());
}

TEST_CASE("clients that stop for a while near the end get the rest") {
  constexpr std::size_t step = 4 * 1024;  // of some the ingress has read all, and sent not all
  ScriptedServer backend(serving([](const std::string& head) {
    return ok(std::string(std::stoul(head.substr(head.find('/') + 1)), 'x'));
  }));
  RunningProxy proxy(web(backend));
  std::vector<Peer> clients;
  for (std::size_t i = 1; i <= 64; ++i) {
    clients.push_back(slow_client(proxy));
    clients.back().send(
        fmt::format("GET /{} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", i * step));
  }
  std::this_thread::sleep_for(limits::http_linger + 500ms);  // paced
  for (std::size_t i = 1; i <= clients.size(); ++i) {
    CAPTURE(i);
    CHECK(body_of(clients[i - 1].read_all()).size() == i * step);
  }
}

TEST_CASE("a client that takes nothing is let go") {
  const std::string body(8'000'000, 'x');
  ScriptedServer backend(serving([&body](const std::string&) { return ok(body); }));
  auto service = web(backend);
  service.rules.idle_timeout = 200ms;
  RunningProxy proxy(service);
  auto client = proxy.connect();
  client.send(get);
  CHECK(eventually([&] { return proxy.metric("cube_ingress_cut_total{service=\"web\"}") == 1; }));
  CHECK(client.read_all().size() < ok(body).size());
}

TEST_CASE("a client that vanishes in mid-reply stops the replica's") {
  std::atomic<bool> stopped = false;
  ScriptedServer backend([&stopped](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
    while (peer.send(chunk)) {
    }
    stopped = true;
  });
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send(get);
  client.read_until("xxxx");
  client.close();
  CHECK(eventually([&] { return stopped.load(); }));
  CHECK(nothing_in_flight(proxy));
}

TEST_CASE("a client that only ends its sending gets its reply") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send(get);
  client.end_sending();
  CHECK(client.read_all() == ok("x"));
}

TEST_CASE("an ejected replica comes back when it answers again") {
  std::atomic<bool> well = false;
  ScriptedServer shaky([&well](Peer& peer, int n) {
    if (!well) return;
    serving([](const std::string&) { return ok("shaky"); })(peer, n);
  });
  ScriptedServer good(serving([](const std::string&) { return ok("good"); }));
  RunningProxy proxy(web({shaky.endpoint().str(), good.endpoint().str()}));
  const auto ejected = replica_metric("ejected", shaky.endpoint().str());
  CHECK(eventually([&] {
    CHECK(body_of(proxy.get()) == "good");
    return proxy.metric(ejected) == 1;
  }));
  well = true;
  CHECK(eventually([&] { return body_of(proxy.get()) == "shaky"; }));
  CHECK(proxy.metric(ejected) == 0);
}

TEST_CASE("a single replica is asked also when it has failed") {
  std::atomic<bool> well = false;
  ScriptedServer backend([&well](Peer& peer, int n) {
    if (!well) return;
    serving([](const std::string&) { return ok("back"); })(peer, n);
  });
  RunningProxy proxy(web(backend));
  for (int i = 0; i < 5; ++i) CHECK(status_of(proxy.get()) == 502);
  well = true;
  CHECK(body_of(proxy.get()) == "back");
}
