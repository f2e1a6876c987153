#pragma once
// `Services`: the part of the core that keeps services. It makes their replicas as tasks, exchanges
// them step by step (service/rollout.h decides), tells ingresses where requests may go, and stops
// a retired replica when its requests are over.
//
//   service_requests.cc   create, change, scale, roll back, remove
//   service_replicas.cc   slots and tasks: what is there, what is to be done about it
//   service_warnings.cc   what is as asked and hardly meant
//   service_scaling.cc    how many, by what is measured (service/autoscale.h decides)
//   service_routes.cc     the table of routes; drains
//   service_records.cc    the stored form

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/route_table.h"
#include "api/service.h"
#include "manager/entries.h"
#include "service/autoscale.h"
#include "service/rollout.h"

namespace cube::manager {

struct Core;

// An earlier spec of a service.
struct PastSpec {
  std::uint64_t version = 0, task_version = 0;
  WallTime at;
  service::ServiceSpec spec;
  bool converged = false;  // its replicas were stable: a step back may lead there
};

// After a replica failed for good its slot is filled again later, each time after a longer pause.
struct SlotPause {
  Instant until{};
  Duration length{};
};

struct ServiceEntry {
  // Stored
  ServiceId id;
  std::uint64_t seq = 0;  // order of creation
  std::string alias;
  service::ServiceSpec spec;
  std::uint64_t version = 1, task_version = 1;
  WallTime created, updated;
  std::deque<PastSpec> history;  // oldest first
  std::set<std::uint32_t> slots;
  service::State state = service::State::updating;
  std::string message;
  std::uint32_t failures = 0;            // slots that failed in this update
  std::set<std::uint32_t> failed_slots;  // which
  TaskId failed;                         // whose failure counted last
  std::uint64_t stable_version = 0;      // the task version that was stable last; 0: none
  bool removing = false;

  // Of this life of the manager
  std::map<TaskId, TaskEntry*> replicas;  // that are not over
  std::set<std::uint32_t> done;           // slots whose replica ended well, and stays so
  std::map<std::pair<std::uint32_t, std::uint64_t>, SlotPause> pauses;  // by slot and version
  std::vector<api::RoutedReplica> routed;                               // as the table shows them
  std::string unreached;                                                // RoutedService::reason
  service::Samples samples;
  bool warned = false;  // of what warnings() says now
  Instant alarm = Instant::never();
  bool touched = false, dirty = false;
};

// From its record; of its earlier specs nothing, unless asked for.
Result<ServiceEntry> read_service(std::string_view record, bool with_history);

// An ingress asks for the table at least so often; one that does not is gone.
inline constexpr Duration ingress_silent_after = 35s;

// An ingress that asked for the table lately.
struct IngressEntry {
  Instant heard{};
  std::uint64_t applied = 0;  // the version of this epoch's table that is in force there
  std::set<TaskId> busy;      // replicas out of the table that still have requests
  std::vector<api::RouteReport::Refused> refused;  // ports of services that it does not have
};

class Services {
 public:
  explicit Services(Core& core) : core_(core) {}

  void take(ServiceInput& in);

  // --- requests
  Result<api::ServiceView> create(service::ServiceSpec spec);
  Result<api::ServiceView> update(std::string_view ref, service::ServiceSpec spec,
                                  std::optional<std::uint64_t> if_match);
  Result<api::ServiceView> scale(std::string_view ref, std::uint32_t replicas,
                                 std::optional<std::uint64_t> if_match);
  Result<api::ServiceView> roll_back(std::string_view ref, std::optional<std::uint64_t> if_match);
  Result<void> remove(std::string_view ref, std::optional<std::uint64_t> if_match);
  void ingress_asked(const std::string& ingress, std::string_view applied,
                     std::vector<TaskId> busy);
  void ingress_reported(const std::string& ingress, const api::RouteReport& report);

  // --- told by the core
  void usage_reported(const NodeEntry& n, const std::vector<api::TaskUsage>& usage);
  void task_changed(TaskEntry& t);  // any task; cheap for one of its own
  void task_over(TaskEntry& t);
  void node_changed(const NodeEntry& n);
  // Looks at all services that were touched, until none is. True when any was.
  bool settle();
  void ring_alarms();
  Instant next_wake() const;
  void flush();  // records of what this step changed
  void touch_all();

  // --- placement
  void avoid(const TaskEntry& t, std::vector<scheduler::Avoided>& avoided) const;
  scheduler::Decision place(const TaskEntry& t, std::vector<scheduler::Avoided> avoided);

  // --- records
  Result<void> load_record(const std::string& value);
  void restore(TaskEntry& t);  // a task of a service, after all records were read
  void restored();             // after all tasks: where requests may go is known from the start
  void boot();                 // the first step

  // --- reads
  std::vector<api::ServiceView> views() const;  // by creation
  Result<const ServiceEntry*> find(std::string_view ref) const;
  api::ServiceView view(const ServiceEntry& s) const;
  std::vector<const Task*> tasks(const ServiceEntry& s) const;
  api::RouteTable routes() const;
  std::string routes_version() const;
  std::vector<std::string> audit() const;

 private:
  ServiceEntry* entry(std::string_view ref, Error& why);
  Result<void> check_version(const ServiceEntry& s, std::optional<std::uint64_t> if_match) const;
  Result<void> check_collisions(const ServiceEntry* self, const service::ServiceSpec& spec) const;
  void set_spec(ServiceEntry& s, service::ServiceSpec spec, service::State state);
  std::uint64_t version_of_task(const ServiceEntry& s) const;
  const PastSpec* made_alike(const ServiceEntry& s) const;
  void set_replicas(ServiceEntry& s, std::uint32_t count);
  void set_global_slots(ServiceEntry& s);
  bool is_wanted_on(const ServiceEntry& s, const NodeEntry& n) const;
  std::string new_alias();
  void tell(std::string_view kind, const ServiceEntry& s, std::string text);

  void touch(ServiceEntry& s);
  void save(ServiceEntry& s);
  void reconcile(ServiceEntry& s);
  service::Stage stage_of(const TaskEntry& t) const;
  void look_at_replica(ServiceEntry& s, TaskEntry& t);
  std::string why_failed(const TaskEntry& t) const;
  void count_failure(ServiceEntry& s, TaskEntry& t, std::string why);
  service::Situation situation(const ServiceEntry& s, std::vector<TaskEntry*>& tasks) const;
  void carry_out(ServiceEntry& s, const service::Decision& d, const std::vector<TaskEntry*>& tasks);
  void conclude(ServiceEntry& s, service::Outcome outcome);
  void fail_update(ServiceEntry& s);
  void end_incomplete(ServiceEntry& s);
  void start(ServiceEntry& s, const service::Start& wanted);
  const PastSpec* past(const ServiceEntry& s, std::uint64_t task_version) const;
  std::string why_not_ready(const ServiceEntry& s) const;
  Result<const PastSpec*> step_back(const ServiceEntry& s) const;
  void retire(ServiceEntry& s, TaskEntry& t);
  void check_drains(ServiceEntry& s);
  bool is_drained(const TaskEntry& t) const;
  std::vector<std::string> warnings(const ServiceEntry& s) const;
  std::vector<std::string> port_warnings(const ServiceEntry& s) const;
  std::string volume_warning(const ServiceEntry& s) const;
  void warn(ServiceEntry& s);
  void autoscale(ServiceEntry& s);
  std::uint32_t least_used(const ServiceEntry& s) const;
  void update_routes(ServiceEntry& s);
  void table_changed();  // routes() says something else from here on
  std::optional<std::string> address_of(const ServiceEntry& s, const TaskEntry& t) const;
  void set_alarm(ServiceEntry& s, Instant at);
  void erase(ServiceEntry& s);
  store::Write record_of(const ServiceEntry& s) const;

  Core& core_;
  std::map<ServiceId, ServiceEntry> services_;
  std::map<std::string, ServiceEntry*> by_name_;
  std::set<std::pair<Instant, ServiceId>> alarms_;
  std::vector<ServiceId> touched_, dirty_;
  std::map<std::string, IngressEntry> ingresses_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t routes_version_ = 1;  // within this epoch
};

}  // namespace cube::manager
