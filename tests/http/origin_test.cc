// Web pages cannot reach a server through their visitor's browser.

#include "http/origin_check.h"

#include <doctest/doctest.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

int check(Headers headers, bool loopback_only) {
  Request request;
  request.headers = std::move(headers);
  const auto refusal = check_origin(request, loopback_only);
  return refusal ? refusal->status : 200;
}

}  // namespace

TEST_CASE("which Hosts name this machine only") {
  for (const char* host : {"localhost", "LocalHost:5555", "127.0.0.1", "127.0.0.1:80",
                           "127.1.2.3:5555", "[::1]", "[::1]:5555"}) {
    CAPTURE(host);
    CHECK(is_loopback_host(host));
  }
  for (const char* host : {"evil.example", "evil.example:5555", "127.0.0.1.evil.example",
                           "localhost.evil.example", "127.evil", "127.0.1", "10.0.0.1:5555",
                           "[::2]:5555", "0.0.0.0:5555", "evillocalhost", ""}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback_host(host));
  }
}

TEST_CASE("what a page of another site sent is refused") {
  struct Case {
    Headers headers;
    int loopback, elsewhere;
  };
  const Case cases[] = {
      {{{"host", "localhost:5555"}}, 200, 200},
      {{}, 200, 200},
      {{{"host", "evil.example:5555"}}, 403, 200},
      {{{"host", "localhost:5555"}, {"origin", "http://localhost:5555"}}, 200, 200},
      {{{"host", "localhost:5555"}, {"origin", "http://LOCALHOST:5555"}}, 200, 200},
      {{{"host", "localhost:5555"}, {"origin", "http://localhost:3000"}}, 403, 403},
      {{{"host", "localhost:5555"}, {"origin", "http://127.0.0.1:5555"}}, 403, 403},
      {{{"host", "localhost:5555"}, {"origin", "https://evil.example"}}, 403, 403},
      {{{"host", "localhost:5555"}, {"origin", "null"}}, 403, 403},
      {{{"host", "localhost:5555"}, {"origin", ""}}, 403, 403},
      {{{"host", "localhost:80"}, {"origin", "http://localhost"}}, 200, 200},
      {{{"host", "cube.example"}, {"origin", "https://cube.example"}}, 403, 200},
      {{{"host", "cube.example:80"}, {"origin", "https://cube.example"}}, 403, 403},
      {{{"host", "a:1"}, {"origin", "http://a:1"}, {"origin", "http://b"}}, 403, 403},
      {{{"host", "localhost"}, {"sec-fetch-site", "cross-site"}}, 403, 403},
      {{{"host", "localhost"}, {"sec-fetch-site", "same-origin"}}, 200, 200},
      {{{"host", "localhost"}, {"sec-fetch-site", "none"}}, 200, 200},
  };
  for (const auto& c : cases) {
    std::string headers;
    for (const auto& [name, value] : c.headers) headers += name + ": " + value + "; ";
    CAPTURE(headers);
    CHECK(check(c.headers, true) == c.loopback);
    CHECK(check(c.headers, false) == c.elsewhere);
  }
}

TEST_CASE("a server on a loopback address refuses before its handler sees the request") {
  Loop loop;
  loop.start();
  std::atomic<int> handled = 0;
  auto server = Server::listen(loop, {}, [&](Request, std::shared_ptr<Responder> responder) {
    ++handled;
    responder->send({});
  });
  REQUIRE(server.ok());
  const auto reply_to = [&](const std::string& headers) {
    auto peer = Peer::connect((*server)->port());
    peer.send("POST /tasks HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n" + headers +
              "\r\n{}");
    return peer.read_all();
  };
  const std::string rebound = reply_to("Host: evil.example\r\n");
  CHECK(status_of(rebound) == 403);
  CHECK(rebound.find(R"("HTTPStatusCode":403)") != std::string::npos);
  CHECK(rebound.find("answers to localhost") != std::string::npos);
  CHECK(status_of(reply_to("Host: localhost\r\nOrigin: http://evil.example\r\n")) == 403);
  CHECK(status_of(reply_to("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n")) == 403);
  CHECK(handled == 0);
  CHECK(status_of(reply_to("Host: localhost\r\n")) == 200);
  CHECK(handled == 1);
}
