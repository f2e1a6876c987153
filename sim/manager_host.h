#pragma once
// `ManagerHost`: the manager's process, the network between it and its workers, and the requests
// of its clients.
//
// A call to a worker is a request and an answer, each of which can be lost, delayed, repeated, held
// for a long time, or run into a cut; the manager hears exactly one outcome of each call, at the
// latest when its deadline is over.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manager/manager.h"
#include "sim/process.h"
#include "sim/worker_host.h"

namespace cube::sim {

struct ManagerTraits {
  using Core = manager::Manager;
  using Input = manager::Input;
  using Effects = manager::Effects;
  using Reply = manager::Reply;
  using Wake = manager::Wake;
};

// The way between the manager and one worker.
struct Way {
  Instant out_cut_until, back_cut_until;
  Instant slow_until;  // what is sent until then takes longer,
  Duration slow_by{};  // by so much, each way
};

class ManagerHost {
 public:
  using Answer = Process<ManagerTraits>::Answer;
  using Process = sim::Process<ManagerTraits>;

  ManagerHost(Sim& sim, std::vector<std::unique_ptr<WorkerHost>>& workers);
  ManagerHost(const ManagerHost&) = delete;

  Process& process() { return process_; }
  const manager::Manager& core() const { return process_.core(); }
  Way& way(const std::string& node) { return ways_[node]; }
  void heal();
  void jump_clock(Duration to) { jumped_ = to; }
  WallTime wall() const { return calendar_begin + (sim_.timeline.now() - Instant{}) + jumped_; }

  // A worker makes itself known, now and again for ever.
  void announce(WorkerHost& worker);

  // --- an ingress's calls, once they have arrived
  struct RoutesAsked {
    std::string ingress, applied;
    std::vector<TaskId> busy;
    Duration wait;
  };
  // Ends in one answer; null: the connection broke.
  using RoutesAnswer = std::function<void(const api::RouteTable*)>;
  void ask_routes(const RoutesAsked& asked, RoutesAnswer answer);
  void report_routes(const std::string& ingress, const api::RouteReport& report);

  std::function<void()> on_died = [] {};

 private:
  struct Call {
    manager::NodeNo node;
    std::uint64_t id = 0, generation = 0;
    bool is_put = false, over = false;
  };
  using CallPtr = std::shared_ptr<Call>;

  Result<manager::Manager> load(Process::Records records, std::uint64_t life);
  void committed(std::span<const store::Write> writes);
  void compare_with_records();
  void answering(const manager::Reply& reply);
  void send(manager::Effects& effects);
  void make(const CallPtr& call, const std::string& address, Duration deadline,
            std::function<void(WorkerHost&, WorkerHost::Answer)> deliver, bool may_repeat);
  void arrive(const CallPtr& call, WorkerHost& to,
              const std::function<void(WorkerHost&, WorkerHost::Answer)>& deliver);
  void answered(const CallPtr& call, WorkerHost& from, const decltype(worker::Reply::body)* body);
  void fail(const CallPtr& call, manager::LinkFailed::Kind kind, std::string message);
  void finish(const CallPtr& call, manager::Input input);
  bool draw(std::uint32_t permille) { return !sim_.calm && network_.below(1000) < permille; }
  Duration hop(const std::string& node);
  WorkerHost* listening(const std::string& address);
  void tell_routes(const RoutesAnswer& answer);
  void routes_changed();
  void break_routes();
  void stepped(const manager::Effects& effects);

  Sim& sim_;
  std::vector<std::unique_ptr<WorkerHost>>& workers_;
  Rng network_, rng_;
  Drift drift_;
  Duration jumped_{};
  std::map<std::string, Way> ways_;
  std::map<std::string, WorkerHost*> by_address_;
  std::map<std::pair<std::uint32_t, bool>, std::uint64_t> under_way_;  // by node and kind
  std::uint64_t commits_ = 0, ignored_ = 0, steps_ = 0;
  std::vector<std::size_t> step_ends_;            // of this batch, in its writes
  std::map<std::uint64_t, RoutesAnswer> parked_;  // ingresses that wait for another table
  std::uint64_t last_parked_ = 0;
  Process process_;
};

}  // namespace cube::sim
