#pragma once
// What the core holds; `Core` (manager/impl.h) has the functions.

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "manager/directory.h"
#include "manager/entries.h"
#include "manager/index.h"
#include "manager/kinds.h"
#include "manager/manager.h"
#include "manager/order.h"
#include "scheduler/scheduler.h"

namespace cube::manager {

// The minute's check on its way: a part in each step, so that none takes long.
struct Sweep {
  enum class At : std::uint8_t { rest, tasks, nodes, queue } at = At::rest;
  std::uint64_t next_seq = 0;  // of the task to look at next
  NodeNo next_node{};
  bool services_done = false;
  bool found = false;
};

struct CoreState {
  CoreState(Config config, Rng rng)
      : config_(std::move(config)), rng_(rng), pool_(config_.policy) {}

  // --- settings
  Config config_;
  Rng rng_;

  // --- state, the fold of committed records and of what the workers say
  ManagerId id_;
  std::uint64_t epoch_ = 0;
  std::uint32_t next_node_ = 1;
  std::uint64_t next_seq_ = 1;
  std::map<TaskId, TaskEntry> tasks_;
  TaskIndex by_id_;
  TaskOrder by_seq_;
  Kinds kinds_;
  std::map<std::uint64_t, TaskEntry*> ended_;  // terminal ones, by revision of the end
  std::map<NodeNo, NodeEntry> nodes_;
  Directory directory_;
  std::set<NodeNo> drained_;     // that are to be emptied
  std::set<NodeNo> leaseless_;   // in the pool, and their workers keep no lease
  std::vector<NodeNo> node_at_;  // by scheduler::NodeIndex
  scheduler::Pool pool_;
  std::deque<Event> events_;
  std::uint64_t revision_ = 0;
  std::map<std::string, Remembered> keys_;
  std::map<std::uint64_t, std::string> keys_by_seq_;
  std::uint64_t next_key_seq_ = 1;

  // --- what is due
  std::map<std::string, WaitClass> waiting_;
  std::uint64_t pool_version_ = 1;    // raised by whatever could help a waiting task
  std::uint64_t placed_version_ = 0;  // the version at which the whole queue was last tried
  bool queue_grew_ = false;
  bool queue_is_left_ = false;      // a step had enough before all was tried
  std::uint64_t drains_tried_ = 0;  // the version at which the drained nodes were last looked at
  Instant next_try_{};    // of a large cluster's queue, when nothing but the room has changed
  Instant next_weigh_{};  // of a large cluster's losses, when they have changed
  bool losses_changed_ = false;
  Instant next_pause_told_{};  // to all tasks of a large cluster's lost nodes
  std::set<std::pair<Instant, TaskId>> task_alarms_;
  std::set<std::pair<Instant, NodeNo>> node_alarms_;
  Instant next_sweep_{};
  Sweep sweep_;
  std::uint64_t next_call_ = 1;
  std::uint64_t sessions_ = 0;  // begun in this epoch, with any node: a worker knows no later one
  Instant puts_since_{};        // begin of the window in which assignments sent are counted
  std::uint32_t puts_ = 0, puts_before_ = 0;
  // Known at this manager's start, and neither lost since nor heard of all that they hold. What
  // they still have of earlier attempts is in no record.
  std::set<NodeNo> unheard_;
  std::set<TaskId> unproven_stops_;  // that wait for them, though nothing known is left
  std::uint32_t unsettled_ = 0;      // nodes that are lost and whose tasks are not replaced yet
  std::string paused_;
  Counters counters_;
  std::array<std::size_t, wire_states> counted_{};  // tasks by WireState, as committed

  // --- this step
  bool booted_ = false;
  Now now_{};
  Instant started_{};
  Instant last_step_{};
  Effects* fx_ = nullptr;
  std::vector<TaskEntry*> dirty_tasks_;
  std::vector<NodeNo> dirty_nodes_, touched_;
  std::size_t placements_ = 0;  // of limits::step_placements_max
};

}  // namespace cube::manager
