// Requests and replies through a real proxy, byte by byte on both sides.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "tests/ingress/support.h"

using namespace cube;
using namespace cube::ingress;
using namespace cube::ingress::testing;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n";

// A backend that reads `expected` bytes after the added fields of the head, then answers.
ScriptedServer::Script taking(std::string until, std::promise<std::string>& got) {
  return [until, &got](Peer& peer, int n) {
    const auto bytes = peer.read_until(until);
    peer.send(ok("thanks"));
    if (n == 0) got.set_value(bytes);
    peer.read_all();
  };
}

}  // namespace

TEST_CASE("a request goes through, and connections on both sides are kept") {
  ScriptedServer backend(serving([](const std::string& head) { return ok(head + "end"); }));
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a?b=c HTTP/1.1\r\nHost: h.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    const auto reply = client.read_until("end");
    CHECK(status_of(reply) == 200);
    CHECK(body_of(reply).starts_with("GET /a?b=c HTTP/1.1\r\nHost: h.example\r\n"));
  }
  CHECK(backend.accepted() == 1);
  const auto seen = body_of(proxy.get("/x"));
  CHECK(seen.starts_with("GET /x HTTP/1.1\r\nHost: h.example\r\n"));
  CHECK(header_of(seen, "X-Forwarded-For") == "127.0.0.1");
  CHECK(header_of(seen, "X-Forwarded-Port") == std::to_string(proxy.proxy->port()));
  CHECK(header_of(seen, "Connection") == "-");
  CHECK(backend.accepted() == 1);
  CHECK(proxy.metric("cube_ingress_requests_total{service=\"web\",code=\"200\"}") == 4);
  CHECK(proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 0);
  CHECK(proxy.metric("cube_ingress_request_duration_seconds_count{service=\"web\"}") == 4);
}

TEST_CASE("the path behind an alias is what the replica sees") {
  ScriptedServer backend(serving([](const std::string& head) { return ok(head); }));
  RunningProxy proxy(web(backend));
  const auto seen = body_of(proxy.get("/alias0web/a/b?c"));
  CHECK(seen.starts_with("GET /a/b?c HTTP/1.1\r\n"));
  CHECK(header_of(seen, "X-Forwarded-Prefix") == "/alias0web");
}

TEST_CASE("requests sent behind each other are answered in order") {
  ScriptedServer backend(
      serving([](const std::string& head) { return ok(head.substr(0, head.find(" HTTP"))); }));
  RunningProxy proxy(web(backend));
  std::string many;
  for (int i = 0; i < 50; ++i) many += fmt::format("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", i);
  auto client = proxy.connect();
  client.send(many + "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto replies = client.read_all();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = replies.find(fmt::format("\r\n\r\nGET /{}HTTP", i), at);
    REQUIRE(at != replies.npos);  // the next reply begins right behind
  }
  CHECK(replies.ends_with("GET /last"));
}

TEST_CASE("bodies reach the replica as they are") {
  struct Row {
    std::string fields, sent, until, seen;
  };
  const Row rows[] = {
      {"Content-Length: 5\r\n", "hello", "hello", "hello"},
      {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n",
       "5\r\nhello\r\n0\r\n\r\n"},
      {"Transfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", "0\r\n\r\n",
       "5\r\nhello\r\n0\r\n\r\n"},
  };
  for (const auto& row : rows) {
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, row.sent.size()}) {
      CAPTURE(row.sent);
      CAPTURE(cut);
      std::promise<std::string> got;
      ScriptedServer backend(taking(row.until, got));
      RunningProxy proxy(web(backend));
      auto client = proxy.connect();
      client.send("POST / HTTP/1.1\r\nHost: h\r\n" + row.fields + "\r\n" + row.sent.substr(0, cut));
      CHECK(eventually([&] { return backend.accepted() == 1; }));
      client.send(row.sent.substr(cut));
      CHECK(status_of(client.read_until("thanks")) == 200);
      CHECK(body_of(got.get_future().get()) == row.seen);
      client.close();
    }
  }
}

TEST_CASE("replies of every framing reach clients of both versions") {
  struct Row {
    std::string reply, body_11, body_10;
    bool keeps_11, keeps_10;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const Row rows[] = {
      {head + "Content-Length: 5\r\n\r\nhello", "hello", "hello", true, true},
      {head + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
       "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", true, false},
      {head + "\r\nhello", "hello", "hello", false, false},
      {"HTTP/1.0 200 OK\r\n\r\nhello", "hello", "hello", false, false},
      {head + "Content-Length: 5\r\nConnection: close\r\n\r\nhello", "hello", "hello", true, true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.reply);
    ScriptedServer backend([&](Peer& peer, int) {
      peer.read_until("\r\n\r\n");
      peer.send(row.reply);
    });
    RunningProxy proxy(web(backend));
    {
      auto client = proxy.connect();
      client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      client.end_sending();
      const auto reply = client.read_all();
      CHECK(body_of(reply) == row.body_11);
      CHECK(header_of(reply, "Connection") == (row.keeps_11 ? "-" : "close"));
    }
    const auto reply = proxy.ask("GET / HTTP/1.0\r\n\r\n");
    CHECK(body_of(reply) == row.body_10);
    CHECK(header_of(reply, "Transfer-Encoding") == "-");
    CHECK(header_of(reply, "Connection") == "close");
    auto client = proxy.connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client.end_sending();
    CHECK(header_of(client.read_all(), "Connection") == (row.keeps_10 ? "keep-alive" : "close"));
  }
}

TEST_CASE("replies without a body") {
  ScriptedServer backend(serving([](const std::string& head) -> std::string {
    if (head.starts_with("HEAD")) return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    if (head.starts_with("GET /204")) return "HTTP/1.1 204 No Content\r\n\r\n";
    if (head.starts_with("GET /304")) {
      return "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n";
    }
    return ok("hello");
  }));
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send(
      "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET /204 HTTP/1.1\r\nHost: h\r\n\r\n"
      "GET /304 HTTP/1.1\r\nHost: h\r\n\r\n" +
      get);
  CHECK(client.read_until("hello") ==
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n" +
            ok("hello"));
  CHECK(backend.accepted() == 1);
}

TEST_CASE("a client that waits for a word before its body gets the replica's") {
  ScriptedServer backend([](Peer& peer, int) {
    const auto head = peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    peer.read_until("hello");
    peer.send(ok(header_of(head, "Expect")));
    peer.read_all();
  });
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(client.read_until("Link: x\r\n\r\n") ==
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  client.send("hello");
  CHECK(client.read_until("100-continue") == ok("100-continue"));
}

TEST_CASE("a reply before the end of the request is the reply") {
  ScriptedServer backend([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
  });
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  const auto reply = client.read_until("no!");
  CHECK(status_of(reply) == 413);
  CHECK(header_of(reply, "Connection") == "close");
  CHECK(client.read_all() == "");
}

TEST_CASE("a WebSocket is a tunnel, also for what is sent at once") {
  ScriptedServer backend([](Peer& peer, int) {
    const auto asked = peer.read_until("\r\n\r\n");
    CHECK(asked.ends_with("\r\n\r\n"));  // what is behind it has to wait for the 101
    peer.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: x\r\n\r\nfirst");
    CHECK(peer.read_until("early") == "early");
    peer.send(header_of(asked, "Upgrade"));
    CHECK(peer.read_until("\x01\x02 raw").ends_with("\x01\x02 raw"));
    peer.send("echo");
    CHECK(peer.read_all().empty());  // the client's end comes through
    peer.send(std::string(1'000'000, 'x') + "last");
  });
  RunningProxy proxy(web(backend));
  auto client = proxy.connect();
  client.send(
      "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly");
  const auto reply = client.read_until("firstwebsocket");
  CHECK(status_of(reply) == 101);
  CHECK(header_of(reply, "Sec-WebSocket-Accept") == "x");
  CHECK(proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 1);
  client.send("\x01\x02 raw");
  CHECK(client.read_until("echo") == "echo");
  client.end_sending();
  CHECK(client.read_all() == std::string(1'000'000, 'x') + "last");
  CHECK(eventually([&] { return proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 0; }));
}

TEST_CASE("each request goes to the next replica") {
  ScriptedServer a(serving([](const std::string&) { return ok("a"); }));
  ScriptedServer b(serving([](const std::string&) { return ok("b"); }));
  RunningProxy proxy(web({a.endpoint().str(), b.endpoint().str()}));
  std::map<std::string, int> counts;
  for (int i = 0; i < 10; ++i) ++counts[body_of(proxy.get())];
  CHECK(counts == std::map<std::string, int>{{"a", 5}, {"b", 5}});
  for (const auto* backend : {&a, &b}) {
    CHECK(proxy.metric(
              fmt::format("cube_ingress_replica_requests_total{{service=\"web\",replica=\"{}\"}}",
                          backend->endpoint().str())) == 5);
    CHECK(backend->accepted() == 1);
  }
}

TEST_CASE("without table, route or replica the answer says which is missing") {
  RunningProxy proxy;
  auto reply = proxy.get();
  CHECK(status_of(reply) == 503);
  CHECK(body_of(reply) ==
        R"({"HTTPStatusCode":503,"Message":"the ingress has no routes from its manager yet"})");
  auto only = web(std::vector<std::string>{});
  only.rules.path = "/web";
  proxy.set({only});
  CHECK(status_of(proxy.get("/other")) == 404);
  reply = proxy.get("/web");
  CHECK(status_of(reply) == 503);
  CHECK(body_of(reply) == R"({"HTTPStatusCode":503,"Message":"no replica of web is ready"})");
  only.reason = "no port";
  proxy.set({only});
  reply = proxy.get("/web");
  CHECK(body_of(reply) ==
        R"({"HTTPStatusCode":503,"Message":"no replica of web is reached: no port"})");
}

TEST_CASE("a service has a port of its own while the table says so") {
  ScriptedServer backend(serving([](const std::string& head) { return ok(head); }));
  RunningProxy proxy;
  auto service = web(backend);
  const std::uint16_t port = [] {  // that nobody has, as far as one can know
    RunningProxy other;
    return other.proxy->port();
  }();
  service.rules.path = "";
  service.rules.port = port;
  proxy.set({service});
  {
    auto client = Peer::connect(port);
    client.send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const auto seen = body_of(client.read_all());
    CHECK(seen.starts_with("GET /a HTTP"));
    CHECK(header_of(seen, "X-Forwarded-Port") == std::to_string(port));
  }
  CHECK(status_of(proxy.get("/a")) == 404);
  service.rules.port = 0;
  service.rules.path = "/";
  proxy.set({service});
  CHECK(status_of(proxy.get("/a")) == 200);
  ProxyOptions same_port;
  same_port.port = port;
  CHECK(Proxy::start(same_port).ok());  // it is free again
}

TEST_CASE("a port that somebody else has is tried until it is free") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  auto other = std::make_unique<RunningProxy>();
  const auto port = other->proxy->port();
  RunningProxy proxy;
  auto service = web(backend);
  service.rules.path = "";
  service.rules.port = port;
  proxy.set({service});
  CHECK(proxy.metric("cube_ingress_closed_ports") == 1);
  REQUIRE(proxy.log().size() == 1);
  CHECK(proxy.log()[0] ==
        fmt::format("ingress.listen: 127.0.0.1:{} is already in use; trying on", port));
  other.reset();
  CHECK(eventually([&] { return proxy.metric("cube_ingress_closed_ports") == 0; }));
  auto client = Peer::connect(port);
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(body_of(client.read_all()) == "x");
}

TEST_CASE("the port that all share is no service's own") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  RunningProxy proxy;
  auto service = web(backend);
  service.rules.port = proxy.proxy->port();
  proxy.set({service});
  CHECK(proxy.metric("cube_ingress_closed_ports") == 1);
  REQUIRE(proxy.log().size() == 1);
  CHECK(proxy.log()[0].starts_with(
      fmt::format("ingress.listen: port {} is the one that all services of this ingress share",
                  proxy.proxy->port())));
  service.rules.port = 0;
  proxy.set({service});
  CHECK(proxy.metric("cube_ingress_closed_ports") == 0);
}

TEST_CASE("two services with one route: the first in the table has it") {
  ScriptedServer a(serving([](const std::string&) { return ok("first"); }));
  ScriptedServer b(serving([](const std::string&) { return ok("second"); }));
  RunningProxy proxy;
  auto first = web(a), second = web(b);
  second.id = Uuid::from_random(3, 4);
  second.name = "late";
  second.alias = "late";
  proxy.set({first, second});
  CHECK(body_of(proxy.get("/")) == "first");
  CHECK(body_of(proxy.get("/late")) == "second");  // its alias is its own
  CHECK(proxy.metric("cube_ingress_route_conflicts") == 1);
  proxy.set({first, second});
  CHECK(proxy.log() ==
        std::vector<std::string>{"ingress.conflict: any host: web has it, late does not get it"});
  proxy.set({second, first});
  CHECK(body_of(proxy.get("/")) == "second");
}

TEST_CASE("a client that asks too often gets 429, others go on") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  auto service = web(backend);
  service.rules.rate_limit.requests = 3;
  RunningProxy proxy(service);
  for (int i = 0; i < 3; ++i) CHECK(status_of(proxy.get()) == 200);
  const auto reply = proxy.get();
  CHECK(reply.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  const int wait = std::stoi(header_of(reply, "Retry-After"));
  CHECK(wait > 0);
  CHECK(wait <= 120);
  CHECK(proxy.metric("cube_ingress_limited_total{service=\"web\"}") == 1);
  const auto report = proxy.state().report;
  REQUIRE(report.services.size() == 1);
  CHECK(report.services[0].requests == 4);
  CHECK(report.services[0].counted == 3);  // one client cannot drive the number of replicas
  service.rules.rate_limit.requests = 0;
  proxy.set({service});
  CHECK(status_of(proxy.get()) == 200);
}

TEST_CASE("what is not counted is left out of what the manager hears") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  auto service = web(backend);
  service.rules.not_counted = {"/_health"};
  RunningProxy proxy(service);
  for (const char* path : {"/", "/_health", "/alias0web/_health/x", "/_healthy"}) proxy.get(path);
  const auto report = proxy.state().report;
  REQUIRE(report.services.size() == 1);
  CHECK(report.services[0].requests == 4);
  CHECK(report.services[0].counted == 2);
  REQUIRE(report.services[0].replicas.size() == 1);
  CHECK(report.services[0].replicas[0].requests == 4);
  CHECK(report.services[0].replicas[0].task == task(0));
}
