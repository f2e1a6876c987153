#include "tests/ingress/support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <mutex>

namespace cube::ingress::testing {

struct LogLines {
  std::mutex mutex;
  std::vector<std::string> lines;
};

TaskId task(std::size_t n) {
  return TaskId(Uuid::from_random(n, 1));
}

api::RoutedService web(const std::vector<std::string>& addresses) {
  api::RoutedService service;
  service.id = Uuid::from_random(1, 2);
  service.name = "web";
  service.alias = "alias0web";
  service.rules.path = "/";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    service.replicas.push_back({task(i), static_cast<std::uint32_t>(i + 1), addresses[i]});
  }
  return service;
}

api::RoutedService web(const ScriptedServer& only) {
  return web({only.endpoint().str()});
}

RunningProxy::RunningProxy(ProxyOptions options) : log_(std::make_shared<LogLines>()) {
  if (!options.share_port) options.port = 0;
  options.log = [log = log_](LogLevel, std::string_view kind, std::string_view text) {
    const std::lock_guard lock(log->mutex);
    log->lines.push_back(fmt::format("{}: {}", kind, text));
  };
  auto started = Proxy::start(std::move(options));
  REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error().message));
  proxy = std::move(*started);
}

RunningProxy::RunningProxy(api::RoutedService service, ProxyOptions options)
    : RunningProxy(std::move(options)) {
  set({std::move(service)});
}

void RunningProxy::set(std::vector<api::RoutedService> services) {
  std::promise<void> done;
  auto in_force = done.get_future();
  proxy->set_table({"1", std::move(services)}, [&done] { done.set_value(); });
  in_force.get();
}

std::string RunningProxy::ask(std::string_view request) const {
  auto peer = connect();
  peer.send(request);
  return peer.read_all();
}

std::string RunningProxy::get(std::string_view target) const {
  return ask(
      fmt::format("GET {} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n", target));
}

ProxyState RunningProxy::state() const {
  std::promise<ProxyState> told;
  auto state = told.get_future();
  proxy->state([&told](ProxyState s) { told.set_value(std::move(s)); });
  return state.get();
}

double RunningProxy::metric(std::string_view line) const {
  std::promise<std::string> told;
  auto page = told.get_future();
  proxy->metrics([&told](std::string text) { told.set_value(std::move(text)); });
  const std::string text = "\n" + page.get();
  const auto at = text.find(fmt::format("\n{} ", line));
  return at == text.npos ? -1 : std::stod(text.substr(at + line.size() + 2));
}

std::vector<std::string> RunningProxy::log() const {
  const std::lock_guard lock(log_->mutex);
  return log_->lines;
}

ScriptedServer::Script serving(std::function<std::string(const std::string& head)> reply) {
  return [reply](Peer& peer, int) {
    for (;;) {
      const auto head = peer.read_until("\r\n\r\n");
      if (head.find("\r\n\r\n") == head.npos || !peer.send(reply(head))) return;
    }
  };
}

std::string ok(std::string_view body) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

std::string body_of(std::string_view reply) {
  const auto end = reply.find("\r\n\r\n");
  return end == reply.npos ? "" : std::string(reply.substr(end + 4));
}

std::string header_of(std::string_view head, std::string_view name) {
  const auto at = head.find(fmt::format("\r\n{}: ", name));
  if (at == head.npos) return "-";
  const auto begin = at + name.size() + 4;
  return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace cube::ingress::testing
