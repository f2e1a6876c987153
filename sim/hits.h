#pragma once
// `Hits`: the "sometimes" assertions. A batch of lives that never met one of these situations says
// nothing about it: then the scenario is too weak.

#include <array>
#include <cstdint>
#include <string_view>

namespace cube::sim {

enum class Hit : std::uint8_t {
  adopted,           // a container that ran was taken over after a restart of its worker
  stale_assignment,  // an old assignment was refused by a worker
  stale_poll,        // an old poll was refused by a worker
  already_started,   // start of a container that runs
  name_conflict,     // create of a name that is there
  late_operation,    // the engine did something after the caller had given up
  late_start,        // ... and that was a start
  key_repeated,      // a request was answered from its idempotency key
  no_space,          // a commit found no room, and the core was loaded again
  io_error,          // a commit failed for good, and the process ended
  crash_before_commit,
  crash_after_commit,
  crash_after_answers,
  node_lost,
  node_returned,
  paused,               // replacement was paused
  moved,                // a task was moved after failures
  relocated,            // a start failed for the node's reason, and the task went elsewhere
  restarted,            // a container was restarted under its policy
  engine_end_forgiven,  // an end that was the engine's doing was not counted
  stopped,
  stopped_on_lost,  // a task was stopped while its node was lost
  waited,           // a task waited for room
  duplicate_put,    // a worker got the same assignment twice
  reports_ignored,  // an old report reached the manager
  sweep_found,      // a worker's list found what no event had told
  forgotten,        // a node was forgotten by its operator
  unhealthy,        // a container was stopped for its health check
  lease_over,       // a worker with exclusive tasks had no lease any more
  guard_stopped,    // a guard stopped a container, since the worker did not
  guard_killed,
  exclusive_waited,  // an exclusive task waited until the one before was over for certain
  exclusive_again,   // an exclusive task ran on another node than before
  drained,           // a replica was stopped when its ingresses had no more requests for it
  drain_ended,       // ... when its time to drain was over
  updated,           // an update of a service came to its end
  update_failed,
  rolled_back,
  scaled_up,      // a service was, by what was measured
  scaled_down,    // ... and to fewer replicas
  node_emptied,   // an operator drained a node
  ingress_ended,  // an ingress was killed while it had requests
  count,
};
std::string_view name(Hit);

struct Hits {
  std::array<std::uint64_t, static_cast<std::size_t>(Hit::count)> counts{};

  void operator()(Hit hit, std::uint64_t times = 1) {
    counts[static_cast<std::size_t>(hit)] += times;
  }
  std::uint64_t of(Hit hit) const { return counts[static_cast<std::size_t>(hit)]; }
  Hits& operator+=(const Hits& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    return *this;
  }
};

}  // namespace cube::sim
