#pragma once
// `Proxy`: an HTTP/1.1 reverse proxy in front of the replicas of services, on a thread of its own.
// What it knows is the table that it is given; docs/ingress.md says what it does with a request.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/route_table.h"
#include "base/result.h"
#include "ingress/limits.h"

namespace cube::ingress {

enum class LogLevel : std::uint8_t { info, warn };
using LogSink = std::function<void(LogLevel, std::string_view kind, std::string_view text)>;

struct ProxyOptions {
  std::string host = "127.0.0.1";  // of every listener
  std::uint16_t port = 8080;       // of the common one; 0: the system chooses
  bool share_port = false;         // another ingress may listen there too (SO_REUSEPORT)
  std::size_t connections_max = limits::ingress_connections_max;
  Duration header_timeout = limits::http_header_timeout;
  Duration idle_timeout = limits::http_idle_timeout;  // of a client between two requests
  std::string access_log;  // a file, "-" for standard output; empty: none
  LogSink log;             // from the proxy's thread; must not block
};

// What a proxy has seen, at one moment.
struct ProxyState {
  std::string version;       // of the table in force
  std::vector<TaskId> busy;  // replicas out of the table with requests in flight
  api::RouteReport report;
};

class Proxy {
 public:
  // Listens when it returns, and answers 503 until it has a table; where the port is shared it
  // listens from its first table on, so that it takes no connection from another ingress before it
  // can serve it. Errors name address and cause.
  static Result<std::unique_ptr<Proxy>> start(ProxyOptions options);
  ~Proxy();  // cuts what is under way: drain() first
  Proxy(const Proxy&) = delete;

  std::uint16_t port() const { return port_; }

  // All from any thread; functions handed in are called on the proxy's thread, and must not block.

  // The new table is in force when `done` is called. Requests in flight go on as they are.
  void set_table(api::RouteTable table, std::function<void()> done = {});
  void state(std::function<void(ProxyState)> tell);
  void metrics(std::function<void(std::string)> tell);  // Prometheus text
  // Called whenever a replica leaves ProxyState::busy.
  void on_busy_shrunk(std::function<void()> f);

  // Takes no new connections, ends each kept-alive one with its present reply, and returns when all
  // are gone, or false after `deadline`.
  bool drain(Duration deadline);

 private:
  explicit Proxy(ProxyOptions options);
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::uint16_t port_ = 0;
};

}  // namespace cube::ingress
