#include "tests/daemon/support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <chrono>

#include "api/json_reader.h"
#include "api/openapi.h"

namespace cube::daemon::testing {

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (Duration pause = 1ms; !condition(); pause = std::min<Duration>(2 * pause, 50ms)) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(pause);  // paced
  }
  return true;
}

Result<void> SmallDisk::commit(std::span<const store::Write> writes) {
  if (full) {
    ++refused;
    return Error{Code::no_space, "the store's disk is full"};
  }
  return memory_.commit(writes);
}

WorkerBox::WorkerBox(std::string called, std::vector<std::string> managers)
    : name(std::move(called)), join(std::move(managers)) {
  engine.add_image("app");
  loop.start();
  start();
}

WorkerBox::~WorkerBox() {
  stop();
  loop.stop();
}

void WorkerBox::start() {
  WorkerDaemonOptions options;
  options.port = port;
  options.config.name = name;
  options.config.cluster = "test";
  options.config.version = "1.2.3";
  options.config.boot_id = "boot";
  options.config.capacity = {64'000, std::int64_t{1} << 40, std::int64_t{1} << 40};
  options.join = join;
  auto started = WorkerDaemon::start(std::move(options), store, engine, loop, log);
  REQUIRE(started.ok());
  daemon = std::move(started).value();
  port = daemon->port();
}

void WorkerBox::stop() {
  daemon.reset();
}

std::string WorkerBox::address() const {
  return fmt::format("127.0.0.1:{}", port);
}

ManagerBox::ManagerBox(std::vector<std::string> known, std::uint16_t there)
    : workers(std::move(known)), port(there) {
  loop.start();
  start();
}

ManagerBox::~ManagerBox() {
  stop();
  loop.stop();
}

void ManagerBox::start() {
  ManagerDaemonOptions options;
  options.port = port;
  options.config.cluster = "test";
  options.config.workers = workers;
  options.config.node_deadline = 2 * patience;  // a slow machine loses no node
  options.config.version = "1.2.3";
  auto started = ManagerDaemon::start(std::move(options), store, loop, log);
  REQUIRE(started.ok());
  daemon = std::move(started).value();
  port = daemon->port();
}

void ManagerBox::stop() {
  daemon.reset();
}

std::string ManagerBox::address() const {
  return fmt::format("127.0.0.1:{}", port);
}

api::Value Reply::json() const {
  auto value = api::read_json(body);
  return value ? std::move(value).value() : api::Value();
}

std::string Reply::member(std::string_view key) const {
  return testing::member(json(), key);
}

std::string member(const api::Value& object, std::string_view key) {
  const api::Value* found = object.find(key);
  if (found == nullptr) return {};
  return found->text() != nullptr ? *found->text() : found->describe();
}

namespace {

httplib::Client client_of(std::uint16_t port) {
  httplib::Client client("127.0.0.1", port);
  client.set_connection_timeout(patience);
  client.set_read_timeout(patience);
  return client;
}

httplib::Headers to_httplib(const Caller::Headers& headers) {
  return {headers.begin(), headers.end()};
}

// Does "/tasks/1234/logs" fit "/tasks/{id}/logs"?
bool fits(std::string_view path, std::string_view pattern) {
  const auto next = [](std::string_view& rest) {
    rest.remove_prefix(1);  // '/'
    const auto piece = rest.substr(0, rest.find('/'));
    rest.remove_prefix(piece.size());
    return piece;
  };
  while (!path.empty() && !pattern.empty()) {
    const auto want = next(pattern);
    const auto have = next(path);
    if (want != have && !(want.starts_with('{') && !have.empty())) return false;
  }
  return path.empty() && pattern.empty();
}

}  // namespace

Reply Caller::get(const std::string& target, const Headers& headers) {
  return call("GET", target, {}, headers);
}
Reply Caller::post(const std::string& target, const std::string& body, const Headers& headers) {
  return call("POST", target, body, headers);
}
Reply Caller::put(const std::string& target, const std::string& body) {
  return call("PUT", target, body);
}
Reply Caller::erase(const std::string& target) {
  return call("DELETE", target);
}

Reply Caller::call(const std::string& method, const std::string& target, const std::string& body,
                   const Headers& headers) {
  auto client = client_of(port_);
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.body = body;
  request.headers = to_httplib(headers);
  if (!body.empty()) request.headers.emplace("Content-Type", "application/json");
  auto result = client.send(request);
  if (!result) return {};
  Reply reply{result->status, result->body, {result->headers.begin(), result->headers.end()}};
  if (checks_) check(method, target, reply);
  return reply;
}

void Caller::check(const std::string& method, const std::string& target, const Reply& reply) {
  const std::string path = target.substr(0, target.find('?'));
  for (const auto& route : api::routes()) {
    const bool served = (static_cast<int>(route.daemon) & static_cast<int>(daemon_)) != 0;
    if (!served || route.method != method || !fits(path, route.path)) continue;
    const auto checked =
        api::check_reply(daemon_, route.method, route.path, reply.status, reply.body);
    CHECK_MESSAGE(checked.ok(), method, " ", target, " ", reply.status, " ", reply.body, ": ",
                  (checked.ok() ? std::string() : checked.error().message));
    seen[std::string(route.operation)].insert(reply.status);
  }
}

bool Caller::all_tasks(std::size_t count, int state) {
  const auto tasks = get("/tasks").json();
  if (tasks.list() == nullptr || tasks.list()->size() != count) return false;
  for (const auto& task : *tasks.list()) {
    if (member(task, "State") != std::to_string(state)) return false;
  }
  return true;
}

Follower::Follower(std::uint16_t port, std::string target, Caller::Headers headers)
    : client_(std::make_unique<httplib::Client>("127.0.0.1", port)) {
  client_->set_read_timeout(2 * patience);
  thread_ = std::thread([this, target = std::move(target), headers = std::move(headers)] {
    client_->Get(
        target.c_str(), to_httplib(headers),
        [this](const httplib::Response& head) {
          status_ = head.status;
          return !stopping_;
        },
        [this](const char* bytes, std::size_t size) {
          std::lock_guard lock(mutex_);
          text_.append(bytes, size);
          return !stopping_;
        });
    over_ = true;
  });
}

Follower::~Follower() {
  stop();
}

void Follower::stop() {
  stopping_ = true;
  while (!over_) {  // once is not enough: it may be about to connect
    client_->stop();
    std::this_thread::sleep_for(1ms);  // paced
  }
  if (thread_.joinable()) thread_.join();
}

std::string Follower::text() const {
  std::lock_guard lock(mutex_);
  return text_;
}

bool Follower::waits_for(std::string_view wanted) const {
  return eventually([&] { return text().find(wanted) != std::string::npos; });
}

std::string submit(Caller& caller, const std::string& name, const std::string& more) {
  const auto reply =
      caller.post("/tasks", fmt::format(R"({{"Name":"{}","Image":"app"{}}})", name, more));
  REQUIRE(reply.status == 201);
  return reply.member("ID");
}

bool runs(Caller& caller, const std::string& id) {
  return eventually([&] { return caller.get("/tasks/" + id).member("State") == "2"; });
}

}  // namespace cube::daemon::testing
