// The server as others see it: cpp-httplib's client as an independent second opinion, and raw
// sockets where order and bytes matter.

#include "http/server.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

void echo(Request r, std::shared_ptr<Responder> responder) {
  Response response{200, r.method + " " + r.path + " " + r.body, "text/plain", {}};
  response.headers.emplace_back("X-Peer", r.peer);
  responder->send(std::move(response));
}

int count(std::string_view text, std::string_view piece) {
  int n = 0;
  for (auto at = text.find(piece); at != text.npos; at = text.find(piece, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("another client understands the replies") {
  RunningServer running(echo);
  httplib::Client client("127.0.0.1", running.port);
  client.set_keep_alive(true);
  auto got = client.Get("/a%20b");
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->body == "GET /a b ");
  CHECK(got->get_header_value("Content-Type") == "text/plain");
  CHECK(got->get_header_value("X-Peer") == "127.0.0.1");
  CHECK(got->get_header_value("Date").ends_with(" GMT"));
  const std::string large(3 * 1024 * 1024, 'x');
  auto posted = client.Post("/p", large, "text/plain");
  REQUIRE(posted);
  CHECK(posted->body == "POST /p " + large);
  auto head = client.Head("/h");
  REQUIRE(head);
  CHECK(head->body.empty());
  CHECK(head->get_header_value("Content-Length") == "8");
  auto chunked = client.Post(
      "/c",
      [](std::size_t, httplib::DataSink& sink) {
        sink.write("one ", 4);
        sink.write("two", 3);
        sink.done();
        return true;
      },
      "text/plain");
  REQUIRE(chunked);
  CHECK(chunked->body == "POST /c one two");
  CHECK(running.server->connections() == 1);  // all on one kept-alive connection
}

TEST_CASE("no header shadows the peer's address") {
  RunningServer running(echo);
  httplib::Client client("127.0.0.1", running.port);
  auto got = client.Get("/", {{"REMOTE_ADDR", "1.2.3.4"}, {"X-Forwarded-For", "1.2.3.4"}});
  REQUIRE(got);
  CHECK(got->get_header_value("X-Peer") == "127.0.0.1");
}

TEST_CASE("pipelined requests are answered one by one, in order") {
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  {
    RunningServer running([&](Request r, std::shared_ptr<Responder> responder) {
      most = std::max<int>(most, ++under_way);
      threads.emplace_back([&under_way, path = r.path, responder] {
        --under_way;
        responder->send({200, "<" + path + ">", "text/plain", {}});
      });
    });
    auto peer = Peer::connect(running.port);
    std::string all;
    for (int i = 0; i < 20; ++i) {
      all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    }
    peer.send(all);
    auto replies = peer.read_until("</19>");
    std::string order;
    for (std::size_t at = 0; (at = replies.find('<', at)) != replies.npos; ++at) {
      order += replies.substr(at, replies.find('>', at) + 1 - at);
    }
    std::string expected;
    for (int i = 0; i < 20; ++i) expected += "</" + std::to_string(i) + ">";
    CHECK(order == expected);
    CHECK(most == 1);
  }
  for (auto& thread : threads) thread.join();
}

TEST_CASE("HTTP/1.0 is closed unless it asks to stay") {
  RunningServer running(echo);
  auto plain = Peer::connect(running.port);
  plain.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(plain.read_all().starts_with("HTTP/1.0 200 OK\r\n"));
  auto kept = Peer::connect(running.port);
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(kept.read_until("GET /x").find("Connection: keep-alive\r\n") != std::string::npos);
  }
}

TEST_CASE("a client that waits for 100 Continue gets it, once") {
  RunningServer running(echo);
  auto peer = Peer::connect(running.port);
  peer.send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  CHECK(peer.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("bo");
  peer.send("dy");
  const auto reply = peer.read_until("body");
  CHECK(status_of(reply) == 200);
  CHECK(count(reply, "100 Continue") == 0);
}

TEST_CASE("who expects to send too much is told before") {
  RunningServer running(echo, {.body_bytes_max = 10});
  auto peer = Peer::connect(running.port);
  peer.send(
      "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  CHECK(status_of(peer.read_all()) == 413);
}

TEST_CASE("a reply may come later and from any thread; a dropped one is a 500") {
  std::vector<std::thread> threads;
  {
    RunningServer running([&](Request r, std::shared_ptr<Responder> responder) {
      if (r.path == "/dropped") return;
      threads.emplace_back([responder] { responder->send({201, "late", "text/plain", {}}); });
    });
    httplib::Client client("127.0.0.1", running.port);
    auto late = client.Get("/late");
    REQUIRE(late);
    CHECK(late->status == 201);
    auto dropped = client.Get("/dropped");
    REQUIRE(dropped);
    CHECK(dropped->status == 500);
    CHECK(dropped->body.find("\"HTTPStatusCode\":500") != std::string::npos);
  }
  for (auto& thread : threads) thread.join();
}

TEST_CASE("a responder outlives its connection, its server and its loop") {
  std::shared_ptr<Responder> kept;
  std::shared_ptr<Responder::Body> body;
  {
    std::promise<void> asked;
    RunningServer running([&](Request, std::shared_ptr<Responder> responder) {
      kept = std::move(responder);
      asked.set_value();
    });
    auto peer = Peer::connect(running.port);
    peer.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(asked.get_future().wait_for(patience) == std::future_status::ready);
  }
  body = kept->stream({});
  CHECK(body->write("x") == true);  // goes nowhere: nobody can say so any more
  kept->send({});
}

TEST_CASE("replies without a body have none") {
  RunningServer running([](Request r, std::shared_ptr<Responder> responder) {
    responder->send({r.path == "/204" ? 204 : 304, "never sent", "text/plain", {}});
  });
  httplib::Client client("127.0.0.1", running.port);
  client.set_keep_alive(true);
  for (int i = 0; i < 2; ++i) {  // what follows on the same connection is read right
    auto got = client.Get("/204");
    REQUIRE(got);
    CHECK(got->status == 204);
    CHECK(got->body.empty());
    CHECK(!got->has_header("Content-Length"));
  }
}

TEST_CASE("a header value cannot add lines to the reply") {
  RunningServer running([](Request, std::shared_ptr<Responder> responder) {
    responder->send({200, "", "text/plain", {{"X", "a\r\nSet-Cookie: b"}}});
  });
  auto peer = Peer::connect(running.port);
  peer.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(peer.read_all().find("X: a  Set-Cookie: b\r\n") != std::string::npos);
}

TEST_CASE("listening fails in words") {
  RunningServer first(echo);
  struct Row {
    std::string host;
    std::uint16_t port;
    std::string message;
  };
  const Row rows[] = {
      {"127.0.0.1", first.port,
       "127.0.0.1:" + std::to_string(first.port) +
           " is already in use; choose another with --port or stop the other program"},
      {"192.0.2.1", 5, "192.0.2.1:5: this machine has no such address; choose another with --host"},
      {"no such host", 5, "no such host:5: the host name is not known here"},
  };
  for (const auto& row : rows) {
    ServerOptions options;
    options.host = row.host;
    options.port = row.port;
    auto made = Server::listen(first.loop, options, echo);
    REQUIRE(!made.ok());
    CHECK(made.error().message == row.message);
  }
}

TEST_CASE("the end of the server closes every connection") {
  RunningServer running([](Request, std::shared_ptr<Responder>) {});
  auto idle = Peer::connect(running.port);
  auto busy = Peer::connect(running.port);
  busy.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
  REQUIRE(eventually([&] { return running.server->connections() == 2; }));
  running.server.reset();
  CHECK(idle.read_all().empty());
  CHECK(busy.read_all().empty());
}
