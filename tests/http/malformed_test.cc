// Requests that must not be taken, sent as raw bytes to a real server, with the status each gets.
// None of them may reach the handler, and the connection is closed after the reply.

#include <doctest/doctest.h>

#include "tests/http/malformed_rows.h"
#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: localhost\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: localhost\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";

void check_rows(const std::vector<Row>& rows) {
  std::atomic<int> handled = 0;
  RunningServer running([&handled](Request, std::shared_ptr<Responder> responder) {
    ++handled;
    responder->send({});
  });
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CAPTURE(row.request);
    auto peer = Peer::connect(running.port);
    peer.send(row.request);
    const auto reply = peer.read_all();  // the server closes: nothing after it is read as a request
    CHECK(status_of(reply) == row.status);
    CHECK(reply.find("Connection: close\r\n") != reply.npos);
    CHECK(reply.find("{\"HTTPStatusCode\":" + std::to_string(row.status) + ",\"Message\":\"") !=
          reply.npos);
  }
  CHECK(handled == 0);
  CHECK(eventually([&] { return running.server->connections() == 0; }));
}

}  // namespace

TEST_CASE("wrong request lines are refused") {
  check_rows(request_lines());
  check_rows(request_targets());
}
TEST_CASE("wrong header lines are refused") {
  check_rows(header_lines());
}
TEST_CASE("a Host that is no name or address, with a port or without, is refused") {
  check_rows(hosts());
}
TEST_CASE("wrong framing is refused") {
  check_rows(framing());
}

TEST_CASE("wrong requests are refused however they are cut into pieces") {
  RunningServer running([](Request, std::shared_ptr<Responder> responder) { responder->send({}); });
  for (const Row& row : {Row{"", "GET / HTTP/1.1\r\nHost: localhost\r\n b\r\n\r\n", 400},
                         Row{"", chunked + "3\r\nabcd\r\n0\r\n\r\n", 400}}) {
    for (std::size_t cut = 1; cut < row.request.size(); ++cut) {
      CAPTURE(cut);
      auto peer = Peer::connect(running.port);
      peer.send(row.request.substr(0, cut));
      peer.send(row.request.substr(cut));
      CHECK(status_of(peer.read_all()) == row.status);
    }
  }
}

TEST_CASE("unusual requests that are right are served") {
  RunningServer running([](Request r, std::shared_ptr<Responder> responder) {
    std::string said = r.method + " " + r.path;
    for (const auto& [name, value] : r.query) said += " " + name + "=" + value;
    responder->send({200, said + " " + r.header("x").value_or("-") + " " + r.body, "", {}});
  });
  struct Good {
    std::string request, said;
  };
  const Good rows[] = {
      {get + "\r\n", "GET / - "},
      {"GET http://LOCALHOST/x?b=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /x b=1 - "},
      {"GET http://localhost?b HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / b= - "},
      {"GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / - "},
      {"GET /a%20b%C3%A4?x+y=%2B&&z HTTP/1.1\r\nHost: localhost\r\n\r\n",
       "GET /a b\xc3\xa4 x y=+ z= - "},
      {"GET /?f={\"a\":[1|2]} HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / f={\"a\":[1|2]} - "},
      {"GET / HTTP/1.0\r\n\r\n", "GET / - "},
      {"GET / HTTP/1.1\r\nHOST: [::1]:80\r\nX:  b\t \r\n\r\n", "GET / b "},
      {"GET / HTTP/1.1\r\nHost: 127.0.0.1:65535\r\n\r\n", "GET / - "},
      {"GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n", "GET / - "},
      {"M-SEARCH / HTTP/1.1\r\nHost: localhost\r\n\r\n", "M-SEARCH / - "},
      {"X1 / HTTP/1.1\r\nHost: localhost\r\n\r\n", "X1 / - "},
      {"A_B.C!~ / HTTP/1.1\r\nHost: localhost\r\n\r\n", "A_B.C!~ / - "},
      {get + "X: \xc3\xa4\r\n\r\n", "GET / \xc3\xa4 "},
      {post + "Content-Length: 0003\r\n\r\nabc", "POST / - abc"},
      {post + "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n03;q=\"z\"\r\ndef\r\n0\r\n\r\n",
       "POST / - abcdef"},
      {chunked + "1\r\na\r\n0\r\nX: trailer\r\n\r\n", "POST / - a"},  // it shadows nothing
      {post + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nq", "POST / - q"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.request);
    auto peer = Peer::connect(running.port);
    peer.send(row.request);
    peer.end_sending();
    const auto reply = peer.read_all();
    CHECK(status_of(reply) == 200);
    CHECK(reply.substr(reply.find("\r\n\r\n") + 4) == row.said);
  }
}
