#pragma once
// `IngressHost`: an ingress, as the manager and the replicas see one (ingress/routes_client.h): it
// keeps the last table that it was told, sends requests where that points, says which replicas that
// have left the table still have some, and counts what it served. Its clients are its own.

#include <map>
#include <set>
#include <string>

#include "sim/manager_host.h"

namespace cube::sim {

class IngressHost {
 public:
  IngressHost(Sim& sim, ManagerHost& manager, std::uint32_t number);
  IngressHost(const IngressHost&) = delete;

  const std::string& name() const { return name_; }
  bool is_up() const { return up_; }
  const api::RouteTable& table() const { return table_; }  // in force
  bool is_idle() const { return in_flight_.empty(); }

  void start();
  void crash();  // with all its requests; what starts then is another one
  void cut_until(Instant until) { cut_until_ = std::max(cut_until_, until); }
  void heal();

 private:
  bool uses(const TaskId& task) const;
  std::vector<TaskId> busy() const;
  bool loses() {
    return !sim_.calm &&
           (sim_.timeline.now() < cut_until_ || network_.below(1000) < sim_.options.lost);
  }
  Duration hop();
  // Runs unless the ingress, or the call, has ended by then.
  void later(Duration after, std::uint64_t call, std::function<void()> what);

  void poll();
  void answered(const api::RouteTable& table);
  void failed();
  void leave_call() { ++call_, waits_ = false; }
  void busy_shrunk();
  void report();
  api::RouteReport counts() const;
  void next_request();
  void request(const api::RoutedService& service, std::uint32_t many, Duration takes);
  void request_ends(const TaskId& task);

  struct Counted {
    std::uint64_t requests = 0;
    WallTime since;
  };

  Sim& sim_;
  ManagerHost& manager_;
  std::string name_, id_;
  Rng network_, traffic_;
  bool up_ = false, waits_ = false, manager_answers_ = false;
  std::uint64_t life_ = 0, call_ = 0;
  Instant cut_until_{}, asked_at_{};
  Duration retry_{};
  api::RouteTable table_;
  std::map<TaskId, std::uint64_t> in_flight_;
  std::map<Uuid, Counted> counted_;
};

}  // namespace cube::sim
