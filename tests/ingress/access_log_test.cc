// The access log: a line of JSON per request, whatever clients put into it.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/ingress/support.h"

using namespace cube;
using namespace cube::ingress;
using namespace cube::ingress::testing;

namespace {

struct LogFile {
  std::string path = std::filesystem::temp_directory_path() /
                     fmt::format("cube-access-{}-{}.json", ::getpid(), std::rand());
  ~LogFile() { std::filesystem::remove(path); }
  std::vector<nlohmann::json> lines() const {
    std::ifstream in(path);
    std::vector<nlohmann::json> out;
    for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
    return out;
  }
};

}  // namespace

TEST_CASE("one line of JSON for each request, served or not") {
  LogFile file;
  ScriptedServer backend(serving([](const std::string&) { return ok("hello"); }));
  ProxyOptions options;
  options.access_log = file.path;
  auto service = web(backend);
  service.rules.path = "/web";
  RunningProxy proxy(service, options);
  proxy.ask(
      "POST /web/a?b=\"c HTTP/1.1\r\nHost: h.example\r\nUser-Agent: x\\\"\xff\r\n"
      "Content-Length: 3\r\nConnection: close\r\n\r\nabc");
  proxy.get("/nowhere");
  proxy.ask("GET / HTTP/1.1\r\n\r\n");
  REQUIRE(eventually([&] { return file.lines().size() == 3; }));
  const auto lines = file.lines();
  const auto& served = lines[0];
  CHECK(served["client"] == "127.0.0.1");
  CHECK(served["method"] == "POST");
  CHECK(served["host"] == "h.example");
  CHECK(served["target"] == "/web/a?b=\"c");
  CHECK(served["status"] == 200);
  CHECK(served["bytes_in"] == 3);
  CHECK(served["bytes_out"] == 5);
  CHECK(served["took_us"].get<std::int64_t>() >= 0);
  CHECK(served["service"] == "web");
  CHECK(served["replica"] == backend.endpoint().str());
  CHECK(served["attempts"] == 1);
  CHECK(served["user_agent"] == "x\\\"\xef\xbf\xbd");
  CHECK(!served.contains("reason"));
  CHECK(lines[1]["status"] == 404);
  CHECK(lines[1]["reason"] == "no service has this host and path");
  CHECK(lines[2]["status"] == 400);
  CHECK(lines[2]["reason"] == "the Host header is missing");
}

TEST_CASE("what is refused is told as far as it can be read") {
  LogFile file;
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  ProxyOptions options;
  options.access_log = file.path;
  auto service = web(backend);
  service.rules.rate_limit.requests = 1;
  RunningProxy proxy(service, options);
  struct Row {
    std::string request;
    int status;
    std::string method, target, host, service;
  };
  const Row rows[] = {
      {"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 200, "GET", "/a", "h", "web"},
      {"GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 429, "GET", "/b", "h", "web"},
      {"GET /c?d HTTP/1.1\r\nX: y\r\nhost: a;b\r\n\r\n", 400, "GET", "/c?d", "a;b", ""},
      {"GET /..%2fe HTTP/1.1\r\nHost: h\r\n\r\n", 400, "GET", "/..%2fe", "h", ""},
      {"GET /f HTTP/1.1\r\nHost: h\r\n g\r\n\r\n", 400, "GET", "/f", "h", ""},
      {"get /h HTTP/1.1\r\nHost: h\r\n\r\n", 400, "get", "/h", "h", ""},
      {"GET /i HTTP/2.0\r\n", 505, "GET", "/i", "", ""},
      {"POST /k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, "POST", "/k",
       "h", ""},
      {"GET / j HTTP/1.1\r\n\r\n", 400, "", "", "", ""},
      {std::string("\x16\x03\x01\x02\x00\x01", 6), 400, "", "", "", ""},
  };
  std::size_t count = 0;
  for (const auto& row : rows) {
    CAPTURE(row.request);
    proxy.ask(row.request);
    ++count;
    REQUIRE(eventually([&] { return file.lines().size() == count; }));
    const auto line = file.lines().back();
    CHECK(line["status"] == row.status);
    CHECK(line["method"] == row.method);
    CHECK(line["target"] == row.target);
    CHECK(line["host"] == row.host);
    CHECK(line["service"] == row.service);
  }
}

TEST_CASE("what came of a request is told: retries, clients that go, replies that break off") {
  LogFile file;
  ScriptedServer dying([](Peer& peer, int) {
    if (peer.read_until("\r\n\r\n").starts_with("GET /cut")) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    }
  });
  ScriptedServer good(serving([](const std::string&) { return ok("x"); }));
  ProxyOptions options;
  options.access_log = file.path;
  RunningProxy proxy(web({dying.endpoint().str(), good.endpoint().str()}), options);
  proxy.get("/again");
  proxy.get("/cut");
  REQUIRE(eventually([&] { return file.lines().size() == 2; }));
  const auto lines = file.lines();
  CHECK(lines[0]["attempts"] == 2);
  CHECK(lines[0]["status"] == 200);
  CHECK(lines[0]["replica"] == good.endpoint().str());
  CHECK(lines[1]["status"] == 200);
  CHECK(lines[1]["bytes_out"] == 3);
  CHECK(lines[1]["reason"] == "the replica closed the connection in mid-reply");
}

TEST_CASE("a log that cannot be opened is an error at the start") {
  ProxyOptions options;
  options.port = 0;
  options.access_log = "/nowhere/at/all/access.json";
  const auto started = Proxy::start(options);
  REQUIRE(!started.ok());
  CHECK(started.error().message ==
        "access log /nowhere/at/all/access.json: No such file or directory");
}
