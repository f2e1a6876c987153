// What two programs could read differently never reaches a replica: not a byte of it, if it came in
// one piece, and never as a whole request, however it was cut.

#include <doctest/doctest.h>

#include <mutex>

#include "tests/http/malformed_rows.h"
#include "tests/ingress/support.h"

using namespace cube;
using namespace cube::ingress;
using namespace cube::ingress::testing;

namespace {

// A replica that writes down every byte it gets, and answers each head it sees.
struct Recorder {
  std::mutex mutex;
  std::string bytes;
  std::string all() {
    const std::lock_guard lock(mutex);
    return bytes;
  }
  ScriptedServer backend{[this](Peer& peer, int) {
    for (;;) {
      const auto head = peer.read_until("\r\n\r\n");
      {
        const std::lock_guard lock(mutex);
        bytes += head;
      }
      if (!head.ends_with("\r\n\r\n") || !peer.send(ok("seen"))) return;
    }
  }};
};

void check_rows(const std::vector<http::testing::Row>& rows) {
  Recorder recorder;
  RunningProxy proxy(web(recorder.backend));
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CAPTURE(row.request);
    const auto reply = proxy.ask(row.request);
    CHECK(status_of(reply) == row.status);
    CHECK(header_of(reply, "Connection") == "close");
    CHECK(reply.find("}HTTP/") == reply.npos);  // one answer, to one request
    CHECK(recorder.all().empty());
  }
  CHECK(proxy.metric("cube_ingress_bad_requests_total") == static_cast<double>(rows.size()));
  CHECK(recorder.backend.accepted() == 0);
}

}  // namespace

TEST_CASE("wrong request lines reach no replica") {
  check_rows(http::testing::request_lines());
}
TEST_CASE("wrong header lines reach no replica") {
  check_rows(http::testing::header_lines());
}
TEST_CASE("a wrong Host reaches no replica") {
  check_rows(http::testing::hosts());
}
TEST_CASE("wrong framing reaches no replica") {
  check_rows(http::testing::framing());
}

TEST_CASE("wrong chunks end the request, however they are cut") {
  Recorder recorder;
  RunningProxy proxy(web(recorder.backend));
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string body :
       {"3\r\nabcd\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "0\r\nContent-Length: 3\r\n\r\n",
        "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"}) {
    for (std::size_t cut = 0; cut < body.size(); ++cut) {
      CAPTURE(body);
      CAPTURE(cut);
      auto client = proxy.connect();
      client.send(head + body.substr(0, cut));
      client.send(body.substr(cut));
      const auto reply = client.read_all();
      // The recorder may answer before it has the body; then the reply is cut off.
      if (!reply.empty()) CHECK((status_of(reply) == 400 || status_of(reply) == 200));
    }
  }
  CHECK(recorder.all().find("abcd") == std::string::npos);
  CHECK(recorder.all().find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("a body is never read as the next request") {
  Recorder recorder;
  RunningProxy proxy(web(recorder.backend));
  const std::string inner = "GET /inner HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto reply = proxy.ask(
      "GET /outer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(inner.size()) +
      "\r\nConnection: close\r\n\r\n" + inner);
  CHECK(status_of(reply) == 200);
  CHECK(proxy.metric("cube_ingress_requests_total{service=\"web\",code=\"200\"}") == 1);
}

TEST_CASE("random bytes are refused or served, and the proxy lives") {
  Recorder recorder;
  RunningProxy proxy(web(recorder.backend));
  std::uint64_t state = 42;
  const std::string alphabet = "GET /HTTP1.\r\n\r\n: ;,=0123456789abcdefchunkedContent-Length";
  for (int round = 0; round < 200; ++round) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 80; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      bytes += alphabet[(state >> 33) % alphabet.size()];
    }
    auto client = proxy.connect();
    client.send(bytes + "\r\n\r\n");
    client.end_sending();
    client.read_all();
  }
  CHECK(status_of(proxy.get()) == 200);
}
