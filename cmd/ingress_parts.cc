#include "cmd/ingress_parts.h"

#include <fmt/format.h>

#include "daemon/metrics.h"
#include "http/router.h"

namespace cube::cmd {
namespace {

ingress::LogSink sink_of(daemon::Log& log) {
  return [&log](ingress::LogLevel level, std::string_view kind, std::string_view text) {
    level == ingress::LogLevel::warn ? log.warn(kind, text) : log.info(kind, text);
  };
}

}  // namespace

Result<std::unique_ptr<IngressPart>> IngressPart::start(const IngressStart& options,
                                                        http::Loop& loop, daemon::Log& log) {
  ingress::RoutesClientOptions routes;
  routes.log = sink_of(log);
  for (const auto& address : options.managers) {
    auto endpoint = http::Endpoint::parse(address, 5555);
    if (!endpoint) return std::move(endpoint).error();
    routes.managers.push_back(std::move(*endpoint));
  }
  ingress::ProxyOptions proxy;
  proxy.host = options.host;
  proxy.port = options.port;
  proxy.share_port = options.share_port;
  proxy.connections_max = options.connections_max;
  proxy.access_log = options.access_log;
  proxy.log = sink_of(log);
  auto started = ingress::Proxy::start(std::move(proxy));
  if (!started) return std::move(started).error();
  std::unique_ptr<IngressPart> part(new IngressPart);
  part->drain_ = options.drain;
  part->proxy_ = std::move(*started);
  part->routes_ = std::make_unique<ingress::RoutesClient>(loop, *part->proxy_, std::move(routes));
  CUBE_TRY(part->serve_metrics(options, loop));
  return part;
}

Result<void> IngressPart::serve_metrics(const IngressStart& options, http::Loop& loop) {
  if (options.metrics_port == 0) return {};
  auto router = std::make_shared<http::Router>();
  router->add("GET", "/healthz", [this](const auto&, const auto&, auto responder) {
    if (!routes_->has_table()) {
      return responder->send(http::error_response(503, "no routes from the manager yet"));
    }
    responder->send({200, "ok\n", "text/plain; charset=utf-8", {}});
  });
  router->add("GET", "/metrics", [this](const auto&, const auto&, auto responder) {
    metrics([responder](const std::string& text) {
      responder->send({200, text, std::string(daemon::metrics_content_type), {}});
    });
  });
  http::ServerOptions server;
  server.host = options.metrics_host;
  server.port = options.metrics_port;
  auto listening = http::Server::listen(
      loop, std::move(server),
      [router](http::Request request, std::shared_ptr<http::Responder> responder) {
        router->handle(std::move(request), std::move(responder));
      });
  if (!listening) return std::move(listening).error();
  metrics_ = std::move(*listening);
  return {};
}

void IngressPart::metrics(std::function<void(std::string)> tell) {
  proxy_->metrics([tell = std::move(tell), more = routes_->metrics()](const std::string& text) {
    tell(text + more);
  });
}

void IngressPart::measure_with(daemon::ManagerDaemon& manager) {
  manager_ = &manager;
  manager.also_measure([this](std::function<void(std::string)> tell) { metrics(std::move(tell)); });
}

IngressPart::~IngressPart() {
  if (manager_ != nullptr) manager_->also_measure({});
  metrics_.reset();
  proxy_->drain(drain_);
  routes_.reset();  // until here it tells the manager which replicas are free
}

Result<std::unique_ptr<IngressPart>> start_inside(const std::string& host, std::uint16_t port,
                                                  bool port_was_asked_for,
                                                  daemon::ManagerDaemon& manager, http::Loop& loop,
                                                  daemon::Log& log) {
  if (port == 0) return std::unique_ptr<IngressPart>();
  IngressStart options;
  options.managers = {http::Endpoint{{}, host, manager.port()}.str()};
  options.host = host;
  options.port = port;
  options.drain = 10s;
  auto part = IngressPart::start(options, loop, log);
  if (part) (*part)->measure_with(manager);
  if (part || port_was_asked_for) return part;
  log.warn("ingress.none", part.error().message +
                               "; no ingress here. Choose a port with --ingress-port, 0 for none");
  return std::unique_ptr<IngressPart>();
}

}  // namespace cube::cmd
