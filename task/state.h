#pragma once
// The states of a task, inside and outside, and the moves that are allowed.
//
// Two axes, kept apart (docs/task-model.md): what is asked (`Desired`) and what is seen
// (`Observed`). `Observed` belongs to one container, named by (task, attempt, restart), and only
// goes forward; a new restart or attempt begins again.

#include <cstdint>
#include <optional>
#include <string_view>

namespace cube {

// DO NOT RENUMBER: stored and sent.
enum class Desired : std::uint8_t { run = 0, stop = 1 };

// DO NOT RENUMBER: stored and sent.
enum class Observed : std::uint8_t {
  waiting = 0,   // no node yet (manager), or a restart that waits for its back-off (worker)
  placed = 1,    // a node is chosen; the worker has not said anything about it
  pulling = 2,   // the image is on its way
  creating = 3,  // the engine makes the container
  starting = 4,  // the container exists and is being started
  running = 5,
  stopping = 6,  // told to stop, within its grace period
  exited = 7,    // the container is over, whatever the reason
  lost = 8,      // the node is silent past its deadline: nobody knows
};

enum class Health : std::uint8_t { unknown = 0, starting = 1, healthy = 2, unhealthy = 3 };

// Why a container or attempt is over, for decisions (the words for people are in `reason`).
enum class Failure : std::uint8_t {
  none = 0,        // not failed: still going, stopped on request, or exit code 0
  exit = 1,        // the process ended with another exit code, or by a signal
  oom = 2,         // the kernel killed it at its memory limit
  unhealthy = 3,   // its health check failed past the retries and the worker stopped it
  spec = 4,        // can never start as specified (bad command, refused by the engine)
  node = 5,        // cannot start on this node (port or name in use, no image, no space)
  engine = 6,      // the engine went away under it: not the task's fault, never counted
};

// Who makes a move.
enum class Actor : std::uint8_t { manager, worker };

// The five numbers of the wire contract; no other ever leaves on `/tasks`.
enum class WireState : std::uint8_t {
  pending = 0, scheduled = 1, running = 2, completed = 3, failed = 4,
};
inline constexpr std::size_t wire_states = 5;

// May `actor` move one container (manager: one attempt) from `from` to `to`?
// A constexpr table; see state.cc for the static_asserts that keep it ordered.
bool move_allowed(Actor actor, Observed from, Observed to);

bool is_terminal(Observed o);  // exited or lost

std::string_view name(Desired);    // "run", "stop"
std::string_view name(Observed);   // "waiting", ...
std::string_view name(Health);     // "", "starting", "healthy", "unhealthy"; unknown is "unknown"
std::string_view name(Failure);    // "none", "exit", ...
std::string_view name(WireState);  // "Pending", "Scheduled", "Running", "Completed", "Failed"

std::optional<Desired> desired_from(std::string_view);
std::optional<Observed> observed_from(std::string_view);
std::optional<Health> health_from(std::string_view);
std::optional<Failure> failure_from(std::string_view);

}  // namespace cube
