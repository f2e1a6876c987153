#pragma once
// An ingress as part of a process, shared by `cube ingress`, `cube manager` and `cube dev`.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/log.h"
#include "daemon/manager_daemon.h"
#include "http/loop.h"
#include "http/server.h"
#include "ingress/proxy.h"
#include "ingress/routes_client.h"

namespace cube::cmd {

struct IngressStart {
  std::vector<std::string> managers;  // "host:port"
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string metrics_host = "127.0.0.1";
  std::uint16_t metrics_port = 0;  // /metrics and /healthz; 0: none
  bool share_port = false;
  std::size_t connections_max = limits::ingress_connections_max;
  std::string access_log;
  Duration drain = 30s;
};

class IngressPart {
 public:
  // `loop` runs already; it and `log` must outlive the part.
  static Result<std::unique_ptr<IngressPart>> start(const IngressStart& options, http::Loop& loop,
                                                    daemon::Log& log);
  ~IngressPart();  // ends what is under way first, for at most `drain`
  std::uint16_t port() const { return proxy_->port(); }

  // Its metrics are on the manager's page too, until it ends; the manager must outlive it.
  void measure_with(daemon::ManagerDaemon& manager);

 private:
  IngressPart() = default;
  void metrics(std::function<void(std::string)> tell);
  Result<void> serve_metrics(const IngressStart& options, http::Loop& loop);

  Duration drain_{};
  daemon::ManagerDaemon* manager_ = nullptr;
  std::unique_ptr<ingress::Proxy> proxy_;
  std::unique_ptr<ingress::RoutesClient> routes_;
  std::unique_ptr<http::Server> metrics_;
};

// The ingress inside `cube manager` and `cube dev`, with its metrics on the manager's page: `port`
// 0 is none. The usual port, which nobody asked for, may be somebody else's: then there is none,
// and the log says so. `manager` listens on `host` and must outlive the part.
Result<std::unique_ptr<IngressPart>> start_inside(const std::string& host, std::uint16_t port,
                                                  bool port_was_asked_for,
                                                  daemon::ManagerDaemon& manager, http::Loop& loop,
                                                  daemon::Log& log);

}  // namespace cube::cmd
