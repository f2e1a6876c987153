// How heads look on the other side: what is dropped, what is added, what is refused.

#include <doctest/doctest.h>

#include "ingress/head.h"

using namespace cube;
using namespace cube::ingress;

namespace {

// The request as the replica gets it; "status: why" when it is refused.
std::string through(const std::string& head, std::string_view prefix = "",
                    std::string_view client = "192.0.2.7") {
  http::HeadScanner scanner(16 * 1024);
  if (auto refusal = scanner.scan(head)) return std::to_string(refusal->status);
  REQUIRE(scanner.end() == head.size());
  RequestHead request;
  if (auto refusal = read_request(head, request)) return std::to_string(refusal->status);
  std::string out;
  write_request(out, request, {prefix, client, "web", 8080});
  return out;
}

std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h.example\r\n" + fields + "\r\n";
}

const std::string added =
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Real-IP: 192.0.2.7\r\n"
    "X-Forwarded-Port: 8080\r\n";
const std::string added_host =
    "X-Forwarded-Host: h.example\r\nForwarded: for=192.0.2.7;host=\"h.example\";proto=http\r\n\r\n";

std::string expected(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h.example\r\n" + fields + added + added_host;
}

std::string reply_through(const std::string& head, ReplyChanges changes = {}) {
  http::HeadScanner scanner(16 * 1024, http::HeadScanner::Of::reply);
  if (auto refusal = scanner.scan(head)) return "refused";
  REQUIRE(scanner.end() == head.size());
  ReplyHead reply;
  if (auto refusal = read_reply_head(head, reply)) return "refused";
  std::string out;
  write_reply(out, reply, changes);
  return out;
}

}  // namespace

TEST_CASE("what is for all hops goes through as it is") {
  CHECK(through(get("/a/b?c=d&e", "Accept: */*\r\nCookie: a=b\r\nX-Own:  two  words \r\n")) ==
        expected("/a/b?c=d&e", "Accept: */*\r\nCookie: a=b\r\nX-Own:  two  words \r\n"));
  CHECK(through(get("/")) == expected("/"));
}

TEST_CASE("the prefix is cut, and said") {
  const std::string prefix = "X-Forwarded-Prefix: /web\r\n";
  for (const auto& [from, to] : {std::pair{"/web/a?b", "/a?b"}, std::pair{"/web", "/"},
                                 std::pair{"/web?x", "/?x"}, std::pair{"/web/", "/"}}) {
    CAPTURE(from);
    CHECK(through(get(from), "/web") == "GET " + std::string(to) +
                                            " HTTP/1.1\r\nHost: h.example\r\n" + added + prefix +
                                            added_host);
  }
}

TEST_CASE("what is for one hop, and what clients say of themselves, is dropped") {
  const char* dropped[] = {
      "Connection: close\r\n",
      "Connection: keep-alive, X-Own\r\nX-Own: 1\r\n",
      "connection: x-one ,, X-Two\r\nX-One: 1\r\nx-two: 2\r\n",
      "Keep-Alive: timeout=5\r\n",
      "Proxy-Connection: keep-alive\r\n",
      "TE: trailers\r\n",
      "Trailer: X-Sum\r\n",
      "Upgrade: h2c\r\nConnection: Upgrade\r\n",
      "Upgrade: websocket\r\n",  // without Connection: Upgrade
      "X-Forwarded-For: 6.6.6.6\r\n",
      "x-forwarded-host: evil\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Anything: 1\r\n",
      "X_Forwarded_For: 6.6.6.6\r\n",
      "Forwarded: for=6.6.6.6\r\n",
      "X-Real-Ip: 6.6.6.6\r\n",
      "Content_Length: 5\r\nTransfer_Encoding: chunked\r\n",
  };
  for (const char* fields : dropped) {
    CAPTURE(fields);
    CHECK(through(get("/", fields)) == expected("/"));
  }
}

TEST_CASE("framing is written anew") {
  const std::string post = "POST / HTTP/1.1\r\nHost: h.example\r\n";
  CHECK(through(post + "content-length:  007\r\n\r\n") ==
        post + "Content-Length: 7\r\n" + added + added_host);
  CHECK(through(post + "Content-Length: 0\r\n\r\n") ==
        post + "Content-Length: 0\r\n" + added + added_host);
  CHECK(through(post + "transfer-encoding: CHUNKED\r\n\r\n") ==
        post + "Transfer-Encoding: chunked\r\n" + added + added_host);
  CHECK(through(post + "\r\n") == post + added + added_host);
}

TEST_CASE("an upgrade to WebSocket is passed on") {
  CHECK(
      through(get("/", "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-X: 1\r\n")) ==
      expected("/", "Sec-X: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
}

TEST_CASE("other forms of a request") {
  CHECK(through("GET http://H.example/x?y HTTP/1.1\r\nHost: h.example\r\n\r\n") ==
        expected("/x?y"));
  CHECK(through("GET http://h.example HTTP/1.1\r\nHost: h.example\r\n\r\n") == expected("/"));
  CHECK(through("GET http://h.example?q HTTP/1.1\r\nHost: h.example\r\n\r\n") == expected("/?q"));
  CHECK(through("GET / HTTP/1.0\r\n\r\n") ==
        "GET / HTTP/1.1\r\nHost: web\r\n" + added + "Forwarded: for=192.0.2.7;proto=http\r\n\r\n");
  for (const std::string method : {"M-SEARCH", "VERSION-CONTROL", "X1", "PATCH"}) {
    CHECK(through(method + " / HTTP/1.1\r\nHost: h.example\r\n\r\n") ==
          method + " / HTTP/1.1\r\nHost: h.example\r\n" + added + added_host);
  }
  for (const std::string host : {"a_b.Example.com.:8080", "xn--4ca", "[2001:db8::1]:80", "[::1]",
                                 "[::ffff:1.2.3.4]", "1.2.3.4:1", "a:65535", "a:", "0"}) {
    CAPTURE(host);
    CHECK(through("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
              .find("X-Forwarded-Host: " + host + "\r\n") != std::string::npos);
  }
  CHECK(through(get("/"), "", "2001:db8::1")
            .find("\r\nForwarded: for=\"[2001:db8::1]\";host=\"h.example\";proto=http\r\n") !=
        std::string::npos);
}

TEST_CASE("what a replica could read differently than the route is refused") {
  struct Row {
    std::string target;
    const char* status;  // "": passes
  };
  const Row rows[] = {
      {"/a/../b", "400"},      {"/..", "400"},         {"/.", "400"},
      {"/a/./b", "400"},       {"/%2e%2E/b", "400"},   {"/a/.%2e", "400"},
      {"/a/..;x=1/b", "400"},  {"/%", "400"},          {"/%4", "400"},
      {"/%zz", "400"},         {"/a%00b", "400"},      {"/a%0d%0ab", "400"},
      {"/%7f", "400"},         {"/...", ""},           {"/a..b/..c/.d", ""},
      {"/a%2Fb", ""},          {"/%c3%a4", ""},        {"/a?x=../..", ""},
      {"/a;v=..", ""},         {"//a//b", ""},         {"/a?%zz", ""},
      {"/..%2fx", "400"},      {"/a%2F..%5cb", "400"}, {"/a%2f%2e%2e", "400"},
      {"/a%5C.;v%2Fb", "400"}, {"/a;v%2f../b", "400"}, {"/a%2F..b", ""},
      {"/a%5cb", ""},          {"/a%2f", ""},          {"/%2f%2f", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.target);
    const auto out = through(get(row.target));
    if (*row.status) {
      CHECK(out == row.status);
    } else {
      CHECK(out == expected(row.target));
    }
  }
  CHECK(through("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n") == "405");
  CHECK(through("CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n") == "400");
  for (const char* name : {"Host", "content-length", "Transfer-Encoding", "Cookie", "authorization",
                           "Content-Type", "Content_Length"}) {
    CAPTURE(name);
    CHECK(through(get("/", "Connection: close, " + std::string(name) + "\r\n")) == "400");
  }
  CHECK(through(get("/", "Connection: a b\r\n")) == "400");
  std::string many = "Connection: x0";
  for (std::size_t i = 1; i <= nominated_max; ++i) many += ",x" + std::to_string(i);
  CHECK(through(get("/", many + "\r\n")) == "400");
}

TEST_CASE("replies lose what is for one hop, and get what the next one needs") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  CHECK(reply_through(ok + "Content-Length: 3\r\nX: y\r\n\r\n") ==
        ok + "Content-Length: 3\r\nX: y\r\n\r\n");
  CHECK(
      reply_through(ok + "Connection: close, X-Own\r\nX-Own: 1\r\nKeep-Alive: a\r\nY: z\r\n\r\n") ==
      ok + "Y: z\r\n\r\n");
  CHECK(reply_through(ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
                      {.chunked = true, .drop_length = false, .close = true}) ==
        ok + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  CHECK(reply_through("HTTP/1.0 404\r\n\r\n", {.say_keep_alive = true}) ==
        "HTTP/1.1 404\r\nConnection: keep-alive\r\n\r\n");
  CHECK(reply_through(
            "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n") ==
        "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_CASE("replies that two programs could read differently are refused") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::string rows[] = {
      "HTTP/2 200 OK\r\n\r\n",
      "HTTP/1.1 2000\r\n\r\n",
      "HTTP/1.1 099 X\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\n\n",
      ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
      ok + "Content-Length: 3, 3\r\n\r\n",
      ok + "Content-Length: -3\r\n\r\n",
      ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      ok + "Transfer-Encoding: gzip\r\n\r\n",
      ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      ok + "X: a\r\n b\r\n\r\n",
      ok + "X : a\r\n\r\n",
      ok + "X\r\n\r\n",
      ok + std::string("X: a\0b\r\n\r\n", 10),
      ok + "X: a\nY: b\r\n\r\n",
  };
  for (const auto& row : rows) {
    CAPTURE(row);
    CHECK(reply_through(row) == "refused");
  }
}
