#pragma once
// `Checks`: what must hold after every event, whatever befalls the world. Told by the world of what
// was committed, answered, sent and run; the first breach ends the life.

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/messages.h"
#include "manager/manager.h"
#include "runtime/runtime.h"
#include "sim/engine_model.h"
#include "sim/hits.h"
#include "sim/story.h"
#include "worker/worker.h"

namespace cube::sim {

// A container that runs now.
struct Live {
  std::string id, node;
  AttemptKey attempt;
  std::uint32_t restart = 0;
  Resources takes;
  Instant since;
  std::string machine;
  Duration grace{};
  std::optional<Instant> stop_asked;  // the engine was told to stop it, for the first time
  bool late = false;                  // the engine started it long after the worker had given up
};

class Checks {
 public:
  Checks(const Timeline& timeline, Story& story, Hits& hits)
      : timeline_(timeline), story_(story), hits_(hits) {}

  template <class... Args>
  void fail(fmt::format_string<Args...> format, Args&&... args) {
    add(fmt::format(format, std::forward<Args>(args)...));
  }
  bool failed() const { return !findings_.empty(); }
  const std::vector<std::string>& findings() const { return findings_; }

  // --- the manager
  void manager_committed(std::span<const store::Write> writes);
  void manager_loaded(const manager::Manager& manager);
  void manager_stepped(const manager::Manager& manager, const manager::Effects& effects);
  void submission_answered(const std::string& key, const std::vector<Task>& tasks);
  void stop_answered(const TaskId& id);
  void assignment_sent(const std::string& address, const api::Assignment& assignment);

  // --- a worker
  void worker_committed(const std::string& node, std::span<const store::Write> writes);

  // --- what runs
  void node_has(const std::string& node, Resources capacity) { capacity_[node] = capacity; }
  void container(const std::string& machine, EngineModel::Change change,
                 const runtime::Container& c, const TaskSpec& spec, bool late);
  void stop_asked(const std::string& container_id);
  // An exclusive task rests on an engine that does what it is asked (docs/exclusive.md): this one
  // did not, at the latest until `until`.
  void engine_out(const std::string& machine, Instant until);
  // `node` is about to change a container that carries `labels`.
  void touches(const std::string& node, const std::map<std::string, std::string>& labels,
               std::string_view what);

  // --- asked by the end's checks and the clients
  const std::map<TaskId, Task>& committed() const { return tasks_; }
  const std::set<TaskId>& acknowledged() const { return acknowledged_; }
  const std::set<TaskId>& stopped() const { return stopped_; }
  std::vector<Live> live(const TaskId& task) const;
  const std::map<std::string, Live>& live() const { return live_; }

 private:
  struct Runs {
    std::uint32_t count = 0;
    bool late = false;
  };

  void add(std::string what);
  void task_committed(const std::string& record);
  void check_forward(const Task& before, const Task& now);
  void check_stopped(const Task& task);
  void event_committed(const std::string& record);
  void started(Live now, const TaskSpec& spec);
  void check_alone(const Live& now);
  bool is_excused(const Live& exclusive) const;

  const Timeline& timeline_;
  Story& story_;
  Hits& hits_;
  std::vector<std::string> findings_;

  std::map<TaskId, Task> tasks_;  // as committed
  std::map<std::string, TaskId> by_name_;
  std::set<TaskId> acknowledged_, stopped_;
  std::map<std::string, std::vector<TaskId>> keys_;
  std::uint64_t epoch_ = 0, revision_ = 0;
  std::map<std::string, api::Fence> sent_;         // by address
  std::map<std::string, api::Fence> accepted_;     // by node
  std::map<std::string, std::uint32_t> restarts_;  // by node and record key
  std::vector<std::string> heard_;                 // nodes that have just reported
  std::set<std::string> unheard_;  // nodes that were lost or forgotten, and did not report since
  std::map<std::string, Resources> capacity_, used_;
  std::map<std::string, Live> live_;  // by container id
  std::map<AttemptKey, std::set<std::string>> live_by_attempt_;
  std::map<std::pair<AttemptKey, std::uint32_t>, Runs> runs_;
  std::map<std::string, Instant> engine_out_until_;  // by machine
  std::map<TaskId, std::string> exclusive_on_;       // where an exclusive task ran last
  std::uint64_t steps_ = 0;
};

}  // namespace cube::sim
