// How an ingress follows its manager: a small manager made here, the real client and proxy.

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>

#include "ingress/routes_client.h"
#include "tests/ingress/support.h"

using namespace cube;
using namespace cube::ingress;
using namespace cube::ingress::testing;

namespace {

// Answers `GET /routes` as docs/ingress.md says, and remembers what it was asked and told.
class FakeManager {
 public:
  explicit FakeManager(std::uint16_t port = 0) {
    loop_.start();
    http::ServerOptions options;
    options.port = port;
    auto listening = http::Server::listen(
        loop_, options, [this](http::Request request, std::shared_ptr<http::Responder> responder) {
          handle(std::move(request), std::move(responder));
        });
    REQUIRE(listening.ok());
    server_ = std::move(*listening);
  }
  ~FakeManager() {
    server_.reset();
    loop_.stop();
  }

  http::Endpoint endpoint() const { return {{}, "127.0.0.1", server_->port()}; }

  void set(std::string version, std::vector<api::RoutedService> services) {
    const std::lock_guard lock(mutex_);
    table_ = {std::move(version), std::move(services)};
    for (auto& responder : waiting_) answer(*responder);
    waiting_.clear();
  }

  // The last call's parameter; "-": not given.
  std::string asked(std::string_view parameter) {
    const std::lock_guard lock(mutex_);
    return calls_.empty() ? "-" : calls_.back().query_value(parameter).value_or("-");
  }
  std::size_t calls() {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  }
  api::RouteReport report() {
    const std::lock_guard lock(mutex_);
    return report_;
  }

 private:
  void answer(http::Responder& responder) {
    responder.send({200, api::route_table_json(table_), "application/json", {}});
  }

  void handle(http::Request request, std::shared_ptr<http::Responder> responder) {
    const std::lock_guard lock(mutex_);
    if (request.path == "/routes/report") {
      const auto report = api::parse_route_report(request.body);
      if (report) report_ = *report;
      return responder->send({204, "", "", {}});
    }
    const bool waits = request.query_value("after") == table_.version;
    calls_.push_back(std::move(request));
    if (!waits) return answer(*responder);
    waiting_.push_back(std::move(responder));
  }

  http::Loop loop_;
  std::mutex mutex_;
  api::RouteTable table_{"1", {}};
  std::vector<http::Request> calls_;
  std::vector<std::shared_ptr<http::Responder>> waiting_;
  api::RouteReport report_;
  std::unique_ptr<http::Server> server_;
};

struct Follower {
  explicit Follower(std::vector<http::Endpoint> managers) {
    loop.start();
    RoutesClientOptions options;
    options.managers = std::move(managers);
    options.id = "in 1";
    options.log = [this](LogLevel, std::string_view, std::string_view text) {
      const std::lock_guard guard(mutex);
      lines.emplace_back(text);
    };
    client = std::make_unique<RoutesClient>(loop, *proxy.proxy, options);
  }
  ~Follower() {
    client.reset();
    loop.stop();
  }
  bool said(std::string_view part) {
    const std::lock_guard guard(mutex);
    return std::any_of(lines.begin(), lines.end(),
                       [part](const auto& line) { return line.find(part) != line.npos; });
  }

  std::mutex mutex;
  std::vector<std::string> lines;
  RunningProxy proxy;
  http::Loop loop;
  std::unique_ptr<RoutesClient> client;
};

}  // namespace

TEST_CASE("the table follows the manager, and the manager knows which one is in force") {
  ScriptedServer a(serving([](const std::string&) { return ok("a"); }));
  ScriptedServer b(serving([](const std::string&) { return ok("b"); }));
  FakeManager manager;
  manager.set("v 1", {web(a)});
  Follower follower({manager.endpoint()});
  CHECK(eventually([&] { return manager.asked("after") == "v 1"; }));
  CHECK(follower.client->has_table());
  CHECK(manager.asked("ingress") == "in 1");
  CHECK(manager.asked("wait") == "10");
  CHECK(manager.asked("busy") == "-");
  CHECK(body_of(follower.proxy.get()) == "a");
  auto other = web(b);
  other.replicas[0].task = task(7);
  manager.set("v 2", {other});
  CHECK(eventually([&] { return manager.asked("after") == "v 2"; }));
  for (int i = 0; i < 3; ++i) CHECK(body_of(follower.proxy.get()) == "b");
}

TEST_CASE("what is busy is named, and told at once when it is over") {
  std::promise<void> go;
  auto may_go = go.get_future().share();
  ScriptedServer old([may_go](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    may_go.wait();
    peer.send(ok("old"));
    peer.read_all();
  });
  FakeManager manager;
  manager.set("1", {web(old)});
  Follower follower({manager.endpoint()});
  CHECK(eventually([&] { return manager.asked("after") == "1"; }));
  auto client = follower.proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(eventually(
      [&] { return follower.proxy.metric("cube_ingress_in_flight{service=\"web\"}") == 1; }));
  manager.set("2", {web(std::vector<std::string>{})});
  CHECK(eventually([&] { return manager.asked("after") == "2"; }));
  CHECK(manager.asked("busy") == task(0).str());
  go.set_value();
  CHECK(client.read_until("old").ends_with("old"));
  // The call that names it is being held for ten seconds; the next comes before that.
  CHECK(eventually([&] { return manager.asked("busy") == "-"; }));
  CHECK(manager.asked("after") == "2");
}

TEST_CASE("a manager that is away leaves the routes as they were; dead replicas are avoided") {
  ScriptedServer good(serving([](const std::string&) { return ok("good"); }));
  auto dying =
      std::make_unique<ScriptedServer>(serving([](const std::string&) { return ok("dying"); }));
  auto manager = std::make_unique<FakeManager>();
  const auto endpoint = manager->endpoint();
  manager->set("1", {web({good.endpoint().str(), dying->endpoint().str()})});
  Follower follower({endpoint});
  CHECK(eventually([&] { return manager->asked("after") == "1"; }));
  manager.reset();
  CHECK(eventually([&] { return follower.said("the last known stay in force"); }));
  CHECK(follower.client->metrics().find("cube_ingress_manager_up 0\n") != std::string::npos);
  CHECK(status_of(follower.proxy.get()) == 200);
  dying.reset();
  for (int i = 0; i < 20; ++i) CHECK(body_of(follower.proxy.get()) == "good");
  // It is back, and knows more.
  manager = std::make_unique<FakeManager>(endpoint.port);
  auto moved = web(good);
  moved.rules.path = "/moved";
  manager->set("other-1", {moved});
  CHECK(eventually([&] { return manager->asked("after") == "other-1"; }));
  CHECK(status_of(follower.proxy.get("/moved")) == 200);
  CHECK(status_of(follower.proxy.get("/")) == 404);
  CHECK(follower.client->metrics().find("cube_ingress_manager_up 1\n") != std::string::npos);
}

TEST_CASE("of several managers one that answers is found") {
  FakeManager manager;
  http::Endpoint nobody;
  {
    ScriptedServer gone([](Peer&, int) {});
    nobody = gone.endpoint();
  }
  Follower follower({nobody, manager.endpoint()});
  CHECK(eventually([&] { return follower.client->has_table(); }));
}

TEST_CASE("a manager that does not wait, or answers nonsense, is not asked in a circle") {
  ScriptedServer nonsense(serving([](const std::string&) { return ok("{}"); }));
  Follower follower({nonsense.endpoint()});
  CHECK(eventually([&] { return follower.said("every request gets a 503"); }));
  CHECK(follower.said("Version: is missing"));
  CHECK_FALSE(follower.client->has_table());
}

TEST_CASE("the manager hears what was served, each second") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  FakeManager manager;
  manager.set("1", {web(backend)});
  Follower follower({manager.endpoint()});
  CHECK(eventually([&] { return manager.asked("after") == "1"; }));
  for (int i = 0; i < 3; ++i) follower.proxy.get();
  CHECK(eventually([&] {
    const auto report = manager.report();
    return report.services.size() == 1 && report.services[0].requests == 3;
  }));
  const auto service = manager.report().services[0];
  CHECK(service.counted == 3);
  CHECK(!service.since.is_zero());
  REQUIRE(service.replicas.size() == 1);
  CHECK(service.replicas[0].requests == 3);
}

TEST_CASE("the manager hears of a port that cannot be had") {
  ScriptedServer backend(serving([](const std::string&) { return ok("x"); }));
  FakeManager manager;
  RunningProxy other;
  auto service = web(backend);
  service.rules.port = other.proxy->port();
  manager.set("1", {service});
  Follower follower({manager.endpoint()});
  CHECK(eventually([&] { return manager.report().refused.size() == 1; }));
  const auto refused = manager.report().refused.front();
  CHECK(refused.port == service.rules.port);
  CHECK(refused.reason.find("already in use") != std::string::npos);
  service.rules.port = 0;
  manager.set("2", {service});
  CHECK(eventually([&] { return manager.report().refused.empty(); }));
}
