#pragma once
// Internal to the proxy: `Core`, what its sessions share. Of the reactor's thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/access_log.h"
#include "ingress/proxy.h"
#include "ingress/reactor.h"
#include "ingress/routes.h"
#include "ingress/service.h"

namespace cube::ingress {

class Session;
class Upstream;
class Listener;

inline constexpr Duration listen_retry = 1s;

WallTime wall_now();

struct Core {
  struct RetryListen : Timed {
    explicit RetryListen(Core& core_) : core(core_) {}
    void on_deadline() override { core.set_listeners(); }
    Core& core;
  };

  explicit Core(ProxyOptions options_);
  ~Core();

  // The table (table.cc)
  void set_table(const api::RouteTable& table);
  void set_listeners();
  Result<void> listen_on(std::uint16_t service_port);
  void replica_idle(Replica& replica);  // nothing is in flight on it any more
  std::vector<TaskId> busy() const;     // replicas out of the table with requests in flight

  // Connections (core.cc)
  void admit(int fd, std::string peer, std::uint16_t service_port, std::uint16_t port);
  bool close_longest_idle();
  void close(Session& session);                   // ends it; it is destroyed after this turn
  void keep(std::unique_ptr<Upstream> upstream);  // for the next request to its replica
  void drop(Upstream& upstream);                  // out of its replica's idle ones
  void drain();                                   // takes nothing new; what is idle ends soon
  bool drained() const { return draining && sessions.empty(); }

  void say(LogLevel level, std::string_view kind, std::string_view text) const {
    if (options.log) options.log(level, kind, text);
  }

  ProxyOptions options;
  Reactor reactor;
  AccessLog access_log;
  WallTime since;
  std::uint64_t seed = 0;

  Routes routes;
  std::string version;                             // of the table; empty: none yet
  std::vector<std::shared_ptr<Service>> services;  // as in the table
  std::map<Uuid, std::shared_ptr<Service>> known;  // and those that have left it with requests
  std::map<TaskId, std::shared_ptr<Replica>> leaving;
  std::vector<std::string> conflicts;
  std::function<void()> on_busy_shrunk;

  std::vector<std::unique_ptr<Listener>> listeners;
  std::map<std::uint16_t, std::string> closed_ports;  // that a service wants, and why they are shut
  RetryListen retry_listen{*this};
  std::vector<std::unique_ptr<Session>> sessions;
  bool draining = false;
  Instant drain_began;
  std::function<void()> on_drained;

  // Written and read within one step of a session.
  std::string head_out, body_store;

  // Since the start.
  std::uint64_t accepted = 0, refused_connections = 0, unrouted = 0, bad_requests = 0;
  std::uint64_t connects = 0, reuses = 0;
};

}  // namespace cube::ingress
