#pragma once
// `ServiceChecks`: what must hold of services after every step, whatever befalls the world. It
// knows what is committed, and judges by that alone: by none of the core's own conclusions.
//
// - Of each slot at most one replica is wanted; while it is exchanged, one of the old kind and one
//   of the new. With stop_first the next is made when nothing is left of the one before.
// - A replica that takes requests is given up only when another of its slot takes them, or its slot
//   is not wanted any more, or, with stop_first, as one of `parallelism` that an update exchanges.
// - The table of routes lists replicas that take requests and are not being drained, each slot
//   once; one version of it always says the same.
// - A replica that an ingress still uses is not stopped before its time to drain is over.
// - What was acknowledged is committed.

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "manager/manager.h"
#include "manager/services.h"
#include "sim/checks.h"

namespace cube::sim {

class ServiceChecks {
 public:
  using Uses = std::function<bool(const TaskId&)>;  // it sends requests there, or has some there

  ServiceChecks(const Timeline& timeline, Hits& hits, Checks& checks)
      : timeline_(timeline), hits_(hits), checks_(checks) {}

  // --- the manager
  // One batch: where in `writes` each of its steps ends.
  void committed(std::span<const store::Write> writes, std::span<const std::size_t> step_ends,
                 const manager::Manager& manager);
  void stepped(const manager::Manager& manager);  // before its commit
  void manager_loaded() { heard_.clear(); }
  void answered(const api::ServiceView& view);
  void stop_asked(const TaskId& task) { asked_to_stop_.insert(task); }  // by a client

  void removal_asked(const std::string& name) { asked_to_go_.insert(name); }

  // --- ingresses
  void ingress_lives(const std::string& id, Uses uses) { uses_[id] = std::move(uses); }
  void ingress_gone(const std::string& id) { uses_.erase(id); }
  // The manager has its question, and steps it before `by`.
  void ingress_asked(const std::string& id, Instant by);
  void table_told(const api::RouteTable& table);

  // Does it take requests, by what its worker said last?
  static bool takes_requests(const Task& task);

 private:
  struct Known {  // as committed
    manager::ServiceEntry entry;
    std::set<std::uint32_t> taken_down;  // slots without such a replica by an update's doing
  };
  struct Heard {
    Instant first, last;
  };
  struct Draining {
    Instant since;
    Duration span{};
  };
  using Replicas = std::map<TaskId, Task>;  // that are not over

  void step(std::span<const store::Write> writes, const manager::Manager* alone);
  void take(const store::Write& w);
  void take_task(const std::string& record);
  void take_service(const store::Write& w);
  void check_slots(const ServiceId& id);
  void check_change(const Task& before, const Task& now, const manager::Manager* alone);
  void check_given_up(const Task& before, const Task& now);
  void check_drained(const Task& now, Instant until);
  void check_new(const Task& task);
  bool is_displaced(const Task& task) const;
  bool is_served(const ServiceId& service, std::uint32_t slot) const;
  static bool is_wanted(const Task& t) { return t.desired == Desired::run && !t.draining; }

  const Timeline& timeline_;
  Hits& hits_;
  Checks& checks_;
  std::map<ServiceId, Known> services_;
  std::map<ServiceId, Replicas> replicas_;
  std::map<std::string, std::pair<std::string, bool>> nodes_;  // by key: name, is it emptied
  std::multiset<std::string> emptied_;                         // their names
  std::map<std::string, std::uint64_t> tables_;                // hashes, by version
  std::set<TaskId> asked_to_stop_, listed_;
  std::set<ServiceId> gone_;
  std::set<std::string> asked_to_go_;
  std::map<TaskId, Draining> draining_;
  std::map<std::string, Uses> uses_;
  std::map<std::string, Heard> heard_;  // in this life of the manager
  // Of the step that is looked at
  std::map<ServiceId, service::UpdatePolicy::Order> order_before_;
  std::map<ServiceId, Duration> drain_before_;
  std::vector<std::pair<Task, Task>> changed_;
  std::vector<Task> made_;
  std::set<ServiceId> touched_;
  std::vector<std::pair<ServiceId, std::string>> gone_now_;
};

}  // namespace cube::sim
