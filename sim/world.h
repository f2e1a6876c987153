#pragma once
// `World`: one simulated life of a cluster. First chaos, with safety checked after every event;
// then the faults end, and within bounded virtual time everything must be as asked.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/client.h"
#include "sim/ingress_host.h"
#include "sim/manager_host.h"
#include "sim/service_client.h"
#include "sim/worker_host.h"

namespace cube::sim {

// How a life ended.
struct Outcome {
  std::uint64_t seed = 0, hash = 0, events = 0;
  Duration lived{};   // virtual
  Duration healed{};  // of it: from the end of the faults until all was as asked
  std::size_t tasks = 0;
  Hits hits;
  std::vector<std::string> findings;  // none: it was a good life
  std::vector<std::string> story;     // its last lines, when asked for
};

class World {
 public:
  World(const Options& options, std::size_t story_lines_max);
  World(const World&) = delete;

  Outcome live();
  // How it stands when a core's assertion ended it.
  Outcome ended_by(const std::string& assertion);

 private:
  void begin();
  Outcome outcome();
  bool run_until(Instant end);  // false: something must not be
  void chaos();
  void heal();
  void await_peace();
  void stay_quiet();

  // --- faults.cc
  void next_fault();
  void next_ingress_fault();
  void strike(Fault fault);
  void strike_manager(Fault fault);
  void strike_worker(Fault fault);
  void strike_machine(Fault fault);
  void cut(WorkerHost& w);
  void cut_most();
  void cut_both_ways(WorkerHost& w, Duration span);
  void slow_down(WorkerHost& w);
  void forget_a_node();
  WorkerHost& any_worker() { return *workers_[faults_.below(workers_.size())]; }
  Machine& any_machine() { return *machines_[faults_.below(machines_.size())]; }
  Duration some(Duration least, Duration most);
  CrashAt crash_point();

  // --- peace.cc: what is not as asked, one line each
  std::vector<std::string> complaints() const;
  std::vector<std::string> left_alone() const;  // containers that nothing should happen to
  using Nodes = std::vector<manager::Node>;
  void check_task(const Task& t, const Nodes& nodes, std::vector<std::string>& out) const;
  void check_waiting(const Task& t, const Nodes& nodes, std::vector<std::string>& out) const;
  void check_containers(std::vector<std::string>& out) const;
  void check_nodes(const Nodes& nodes, std::vector<std::string>& out) const;
  // --- peace_services.cc
  void check_services(std::vector<std::string>& out) const;
  void check_service(const api::ServiceView& view, std::vector<std::string>& out) const;
  void check_routes(std::vector<std::string>& out) const;

  Sim sim_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<WorkerHost>> workers_;
  std::unique_ptr<ManagerHost> manager_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<ServiceClient> operator_;  // null: there are no services
  std::vector<std::unique_ptr<IngressHost>> ingresses_;
  Rng faults_, ingress_faults_;
  Duration healed_{};
};

}  // namespace cube::sim
