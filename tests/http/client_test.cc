// The client against our own server and against scripted servers that misbehave.

#include "http/client.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

struct RunningClient {
  RunningClient() { loop.start(); }
  Result<Answer> get(const Endpoint& endpoint, std::string target = "/") {
    Call call;
    call.target = std::move(target);
    return ask(client, endpoint, std::move(call));
  }

  Loop loop;
  Client client{loop};
};

std::string socket_path(const char* name) {
  return "/tmp/cube-http-test-" + std::to_string(::getpid()) + "-" + name;
}

// Reads one request head and writes `reply`.
ScriptedServer::Script says(std::string reply) {
  return [reply = std::move(reply)](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send(reply);
  };
}

}  // namespace

TEST_CASE("a call carries what it should and brings back the answer") {
  RunningServer running([](Request r, std::shared_ptr<Responder> responder) {
    std::string said = r.method + " " + r.path + " " + r.header("host").value_or("no host") + " " +
                       r.header("content-type").value_or("no type") + " " +
                       r.header("x-more").value_or("no more") + " " + r.body;
    responder->send({201, said, "text/plain", {{"X-Answer", "yes"}}});
  });
  RunningClient c;
  Call call;
  call.method = "PUT";
  call.target = "/" + url_encode("a b/ä");
  call.target.replace(call.target.find("%2F"), 3, "-");
  call.headers = {{"X-More", "1"}};
  call.body = "{}";
  auto answer = ask(c.client, running.endpoint(), call);
  REQUIRE(answer.ok());
  CHECK(answer->status == 201);
  CHECK(answer->body ==
        "PUT /a b-ä 127.0.0.1:" + std::to_string(running.port) + " application/json 1 {}");
  CHECK(answer->header("x-answer") == "yes");
  CHECK(answer->header("x-other") == std::nullopt);
}

TEST_CASE("a name and an IPv6 address can be called") {
  RunningServer running([](Request, std::shared_ptr<Responder> r) { r->send({}); });
  RunningClient c;
  CHECK(c.get({{}, "localhost", running.port}).ok());
  ServerOptions options;
  options.host = "::1";
  auto v6 =
      Server::listen(running.loop, options, [](Request r, std::shared_ptr<Responder> responder) {
        responder->send({200, r.header("host").value_or(""), "", {}});
      });
  if (!v6.ok()) return;  // a machine without IPv6
  auto answer = c.get({{}, "::1", (*v6)->port()});
  REQUIRE(answer.ok());
  CHECK(answer->body == "[::1]:" + std::to_string((*v6)->port()));
}

TEST_CASE("failures have the code and the words for them") {
  RunningClient c;
  std::uint16_t free_port = 0;
  {
    RunningServer gone([](Request, std::shared_ptr<Responder>) {});
    free_port = gone.port;
  }
  struct Row {
    Endpoint endpoint;
    Code code;
    std::string message;
  };
  const std::string no_socket = socket_path("none");
  const Row rows[] = {
      {{{}, "127.0.0.1", free_port},
       Code::unavailable,
       "127.0.0.1:" + std::to_string(free_port) + ": connection refused"},
      {{no_socket, {}, 0}, Code::unavailable, "unix://" + no_socket + ": no such socket"},
      {{"/" + std::string(200, 'x'), {}, 0},
       Code::unavailable,
       "unix:///" + std::string(200, 'x') + ": file name too long"},
  };
  for (const auto& row : rows) {
    auto answer = c.get(row.endpoint);
    REQUIRE(!answer.ok());
    CHECK(answer.error().code == row.code);
    CHECK(answer.error().message == row.message);
  }
  auto name = c.get({{}, "no-such-host.invalid", 80});
  REQUIRE(!name.ok());
  CHECK(name.error().code == Code::unavailable);
  CHECK(name.error().message.starts_with("no-such-host.invalid:80: "));
}

TEST_CASE("what cannot be sent is not sent") {
  RunningClient c;
  Call call;
  call.target = "/a b\r\nHost: evil";
  auto answer = ask(c.client, {{}, "127.0.0.1", 1}, call);
  REQUIRE(!answer.ok());
  CHECK(answer.error().code == Code::invalid);
  call.target = "/";
  call.headers = {{"X", "a\r\nY: b"}};
  answer = ask(c.client, {{}, "127.0.0.1", 1}, call);
  REQUIRE(!answer.ok());
  CHECK(answer.error().code == Code::invalid);
}

TEST_CASE("replies that are wrong end in an error, never in a hang or half an answer") {
  struct Row {
    const char* what;
    std::string reply;
    Code code;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const Row rows[] = {
      {"garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n", Code::corrupt},
      {"a status that is none", "HTTP/1.1 2x0 OK\r\n\r\n", Code::corrupt},
      {"a status below 100", "HTTP/1.1 000 OK\r\n\r\n", Code::corrupt},
      {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", Code::corrupt},
      {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", Code::corrupt},
      {"two lengths", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", Code::corrupt},
      {"length and chunked", ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
       Code::corrupt},
      {"bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", Code::corrupt},
      {"unasked switch", "HTTP/1.1 101 UPGRADED\r\n\r\nraw", Code::corrupt},
      {"header bomb", ok + "X: " + std::string(20'000, 'x'), Code::too_large},
      {"many headers",
       [&] {
         std::string bomb = ok;
         for (int i = 0; i < 5'000; ++i) bomb += "X: y\r\n";
         return bomb + "Content-Length: 0\r\n\r\n";
       }(),
       Code::too_large},
      {"body too large by length", ok + "Content-Length: 1001\r\n\r\n", Code::too_large},
      {"body too large by chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
       Code::too_large},
      {"body too large to the end", ok + "\r\n" + std::string(1001, 'x'), Code::too_large},
      {"nothing", "", Code::unavailable},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", Code::unavailable},
      {"half a body", ok + "Content-Length: 10\r\n\r\nabc", Code::unavailable},
      {"half a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", Code::unavailable},
      {"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Code::unavailable},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server(says(row.reply));
    RunningClient c;
    Call call;
    call.body_bytes_max = 1000;
    auto answer = ask(c.client, server.endpoint(), call);
    REQUIRE(!answer.ok());
    CHECK(answer.error().code == row.code);
    CHECK(answer.error().message.starts_with(server.endpoint().str() + ": "));
  }
}

TEST_CASE("every way to end a reply is understood") {
  struct Row {
    const char* what;
    std::string method, reply, body;
    int status;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const Row rows[] = {
      {"length", "GET", ok + "Content-Length: 3\r\n\r\nabc", "abc", 200},
      {"chunks", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",
       "abc", 200},
      {"trailer", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
       "abc", 200},
      {"until it closes", "GET", ok + "\r\nabc", "abc", 200},
      {"204", "POST", "HTTP/1.1 204 No Content\r\n\r\n", "", 204},
      {"304 with a length", "POST", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "",
       304},
      {"HEAD", "HEAD", ok + "Content-Length: 5\r\n\r\n", "", 200},
      {"interim replies", "GET",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n" + ok +
           "Content-Length: 3\r\n\r\nabc",
       "abc", 200},
      {"HTTP/1.0", "GET", "HTTP/1.0 404 Not Found\r\n\r\nabc", "abc", 404},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    ScriptedServer server(says(row.reply));
    RunningClient c;
    Call call;
    call.method = row.method;
    auto answer = ask(c.client, server.endpoint(), call);
    REQUIRE_MESSAGE(answer.ok(), (answer.ok() ? "" : answer.error().message));
    CHECK(answer->status == row.status);
    CHECK(answer->body == row.body);
    CHECK(answer->header("x") == std::nullopt);
  }
}

TEST_CASE("a reply may be cut into pieces at every byte") {
  const std::string reply =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nabcd\r\n00a\r\n0123456789\r\n0\r\nX: y\r\n\r\n";
  ScriptedServer server([&](Peer& peer, int) {
    for (std::size_t cut = 1; cut < reply.size(); ++cut) {
      if (peer.read_until("\r\n\r\n").empty()) return;
      peer.send(reply.substr(0, cut));
      std::this_thread::yield();
      peer.send(reply.substr(cut));
    }
  });
  RunningClient c;
  for (std::size_t cut = 1; cut < reply.size(); ++cut) {
    CAPTURE(cut);
    auto answer = c.get(server.endpoint());
    REQUIRE(answer.ok());
    CHECK(answer->body == "abcd0123456789");
  }
  CHECK(server.accepted() == 1);  // all over one kept-alive connection
}

TEST_CASE("who never answers runs into the deadline, wherever it stops") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const std::string& start :
       {std::string(), std::string("HTTP/1.1 20"), ok + "Content-Length: 5\r\n\r\nab"}) {
    CAPTURE(start);
    std::promise<void> over;
    auto until = over.get_future().share();
    ScriptedServer server([start, until](Peer& peer, int) {
      peer.read_until("\r\n\r\n");
      peer.send(start);
      until.wait();
    });
    RunningClient c;
    Call call;
    call.deadline = 100ms;
    auto answer = ask(c.client, server.endpoint(), call);
    over.set_value();
    REQUIRE(!answer.ok());
    CHECK(answer.error().code == Code::timeout);
    CHECK(answer.error().message == server.endpoint().str() + ": no answer within 100ms");
  }
}

TEST_CASE("304 on a kept-alive connection does not hang, and the connection is used again") {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 304 Not Modified\r\n\r\n");
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  RunningClient c;
  Call start;
  start.method = "POST";
  auto first = ask(c.client, server.endpoint(), start);
  REQUIRE(first.ok());
  CHECK(first->status == 304);
  auto second = c.get(server.endpoint());
  REQUIRE(second.ok());
  CHECK(second->body == "ok");
  CHECK(server.accepted() == 1);
}

TEST_CASE("a fresh connection is never shared") {
  RunningServer running([](Request r, std::shared_ptr<Responder> responder) {
    responder->send({200, r.header("connection").value_or("-"), "", {}});
  });
  RunningClient c;
  REQUIRE(c.get(running.endpoint())->body == "-");
  Call call;
  call.fresh_connection = true;
  CHECK(ask(c.client, running.endpoint(), call)->body == "close");
}

TEST_CASE("a kept-alive connection that was closed meanwhile is replaced") {
  // The first connection answers once and then closes at the next request, before any reply.
  auto script = [](Peer& peer, int n) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(n));
    peer.read_until("\r\n\r\n");
    if (n > 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(n));
  };
  for (const std::string method : {"GET", "PUT", "DELETE", "HEAD"}) {
    CAPTURE(method);
    ScriptedServer server(script);
    RunningClient c;
    REQUIRE(c.get(server.endpoint())->body == "0");
    Call call;
    call.method = method;
    auto again = ask(c.client, server.endpoint(), call);
    REQUIRE(again.ok());
    CHECK(server.accepted() == 2);
  }
  ScriptedServer server(script);
  RunningClient c;
  REQUIRE(c.get(server.endpoint())->body == "0");
  Call post;
  post.method = "POST";  // it may have had its effect: not said twice
  auto again = ask(c.client, server.endpoint(), post);
  REQUIRE(!again.ok());
  CHECK(again.error().code == Code::unavailable);
  CHECK(server.accepted() == 1);
}

TEST_CASE("a pooled connection that the server closed is not used, not even for POST") {
  std::atomic<int> closed = 0;
  ScriptedServer server([&](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.close();
    ++closed;
  });
  RunningClient c;
  for (int i = 1; i <= 5; ++i) {
    Call post;
    post.method = "POST";
    CHECK(ask(c.client, server.endpoint(), post).ok());
    REQUIRE(eventually([&] { return closed == i; }));
  }
  CHECK(server.accepted() == 5);
}

TEST_CASE("bytes after a reply make the connection useless") {
  ScriptedServer server(
      says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"
           "Content-Length: 4\r\n\r\nevil"));
  RunningClient c;
  for (int i = 0; i < 3; ++i) CHECK(c.get(server.endpoint())->body == "ok");
  CHECK(server.accepted() == 3);
}

TEST_CASE("no more than eight idle connections are kept per endpoint") {
  std::mutex mutex;
  std::vector<std::shared_ptr<Responder>> held;
  RunningServer running([&](Request, std::shared_ptr<Responder> responder) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
  });
  RunningClient c;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 20; ++i) {
    c.client.call(running.endpoint(), {}, [&](Result<Answer> a) { answered += a.ok() ? 1 : 0; });
  }
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return held.size() == 20;
  }));
  CHECK(running.server->connections() == 20);
  for (auto& responder : held) responder->send({});
  CHECK(eventually([&] { return answered == 20; }));
  CHECK(eventually([&] { return running.server->connections() == 8; }));
}

TEST_CASE("an early answer to a large request is received") {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno");
    peer.end_sending();
    peer.read_all();
  });
  RunningClient c;
  Call call;
  call.method = "POST";
  call.body = std::string(8 * 1024 * 1024, 'x');
  auto answer = ask(c.client, server.endpoint(), call);
  REQUIRE(answer.ok());
  CHECK(answer->status == 413);
}

TEST_CASE("a unix socket is spoken to as docker") {
  std::mutex mutex;
  std::string request;
  ScriptedServer server(
      [&](Peer& peer, int) {
        const std::lock_guard lock(mutex);
        request = peer.read_until("\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
      },
      socket_path("unix"));
  RunningClient c;
  auto answer = c.get(server.endpoint(), "/_ping");
  REQUIRE(answer.ok());
  CHECK(answer->body == "OK");
  const std::lock_guard lock(mutex);
  CHECK(request == "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n");
}

TEST_CASE("the end of a client ends its calls without a word") {
  std::promise<void> over;
  auto until = over.get_future().share();
  ScriptedServer server([until](Peer&, int) { until.wait(); });
  Loop loop;
  loop.start();
  std::atomic<int> called = 0;
  {
    Client client(loop);
    for (int i = 0; i < 3; ++i) {
      client.call(server.endpoint(), {}, [&](Result<Answer>) { ++called; });
      client.connect(server.endpoint(), 10s, [&](Result<void>) {});
    }
    REQUIRE(eventually([&] { return server.accepted() >= 3; }));
  }
  over.set_value();
  CHECK(called == 0);
}

TEST_CASE("connect tells whether a port is open") {
  RunningServer running([](Request, std::shared_ptr<Responder>) {});
  RunningClient c;
  auto knock = [&](std::uint16_t port) {
    std::promise<Result<void>> got;
    c.client.connect({{}, "127.0.0.1", port}, 5s,
                     [&](Result<void> result) { got.set_value(std::move(result)); });
    return got.get_future().get();
  };
  CHECK(knock(running.port).ok());
  const auto port = running.port;
  running.server.reset();
  auto closed = knock(port);
  REQUIRE(!closed.ok());
  CHECK(closed.error().code == Code::unavailable);
  CHECK(closed.error().message == "127.0.0.1:" + std::to_string(port) + ": connection refused");
}
