// A manager that knows one thing only, which replicas a service has, for measuring an ingress
// alone; and how long it takes until a change of them is in force. Run by bench/ingress.sh.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>

#include "api/route_table.h"
#include "http/client.h"
#include "http/server.h"

namespace {

using namespace cube;
using Clock = std::chrono::steady_clock;

class TableServer {
 public:
  TableServer(http::Loop& loop, std::uint16_t port) {
    http::ServerOptions options;
    options.port = port;
    auto listening = http::Server::listen(
        loop, options, [this](http::Request request, std::shared_ptr<http::Responder> responder) {
          handle(request, std::move(responder));
        });
    if (!listening) throw std::runtime_error(listening.error().message);
    server_ = std::move(*listening);
  }

  void set(const std::vector<std::string>& addresses) {
    api::RoutedService service;
    service.id = Uuid::from_random(1, 2);
    service.name = "web";
    service.rules.path = "/";
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto id = std::hash<std::string>()(addresses[i]);
      service.replicas.push_back(
          {TaskId(Uuid::from_random(id, 1)), static_cast<std::uint32_t>(i + 1), addresses[i]});
    }
    const std::lock_guard lock(mutex_);
    table_ = {fmt::format("{}-{}", ::getpid(), ++version_), {service}};
    for (auto& responder : waiting_) answer(*responder);
    waiting_.clear();
  }

  bool in_force() {  // everywhere that asks
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
  }

 private:
  void answer(http::Responder& responder) {
    responder.send({200, api::route_table_json(table_), "application/json", {}});
  }
  void handle(const http::Request& request, std::shared_ptr<http::Responder> responder) {
    const std::lock_guard lock(mutex_);
    if (request.path == "/routes/report") return responder->send({204, "", "", {}});
    if (request.query_value("after") != table_.version) return answer(*responder);
    waiting_.push_back(std::move(responder));
  }

  std::mutex mutex_;
  std::uint64_t version_ = 0;
  api::RouteTable table_;
  std::vector<std::shared_ptr<http::Responder>> waiting_;
  std::unique_ptr<http::Server> server_;
};

std::string ask(http::Client& client, const http::Endpoint& ingress) {
  auto told = std::make_shared<std::promise<std::string>>();
  auto answer = told->get_future();
  client.call(ingress, {}, [told](Result<http::Answer> result) {
    told->set_value(result ? result->body : result.error().message);
  });
  return answer.get();
}

// Two replicas take turns being the only one. From the change in the manager until requests meet
// the other one, and none any more the old one: milliseconds.
std::vector<double> effects(http::Loop& loop, TableServer& table, const http::Endpoint& ingress,
                            int rounds) {
  std::vector<std::unique_ptr<http::Server>> servers;
  std::vector<std::string> addresses;
  for (const char* name : {"a", "b"}) {
    auto listening = http::Server::listen(
        loop, {}, [name](http::Request, std::shared_ptr<http::Responder> responder) {
          responder->send({200, name, "text/plain", {}});
        });
    addresses.push_back(fmt::format("127.0.0.1:{}", (*listening)->port()));
    servers.push_back(std::move(*listening));
  }
  http::Client client(loop);
  std::vector<double> took;
  for (int i = 0; i < rounds; ++i) {
    const std::string next = i % 2 == 0 ? "a" : "b";
    const auto begin = Clock::now();
    table.set({addresses[static_cast<std::size_t>(i % 2)]});
    while (ask(client, ingress) != next) {
    }
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    while (!table.in_force()) std::this_thread::yield();
    if (ask(client, ingress) != next) throw std::runtime_error("the old replica was met again");
  }
  return took;
}

int run(int argc, char** argv) {
  std::uint16_t port = 0;
  std::vector<std::string> replicas;
  std::string ingress;
  int rounds = 200;
  CLI::App app("a manager for measuring an ingress");
  app.add_option("--port", port, "to listen on")->required();
  app.add_option("--replicas", replicas, "addresses")->delimiter(',');
  app.add_option("--effect", ingress, "address of the ingress: measures changes, and ends");
  app.add_option("--rounds", rounds, "changes to measure");
  CLI11_PARSE(app, argc, argv);
  http::Loop loop;
  loop.start();
  TableServer table(loop, port);
  table.set(replicas);
  if (ingress.empty()) {
    std::promise<void>().get_future().wait();  // until it is killed
  }
  auto took = effects(loop, table, *http::Endpoint::parse(ingress, 80), rounds);
  std::sort(took.begin(), took.end());
  fmt::print("| {:.2f} | {:.2f} | {:.2f} |\n", took[took.size() / 2], took[took.size() * 99 / 100],
             took.back());
  loop.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
