#include "task/state.h"

#include <array>

#include "base/assert.h"

namespace cube {
namespace {

constexpr std::size_t observed_count = 9;
constexpr std::size_t index(Observed o) {
  return static_cast<std::size_t>(o);
}
constexpr Observed observed_at(std::size_t i) {
  return static_cast<Observed>(i);
}
static_assert(index(Observed::lost) + 1 == observed_count);

constexpr bool terminal(Observed o) {
  return o == Observed::exited || o == Observed::lost;
}

// table[from][to]
using Table = std::array<std::array<bool, observed_count>, observed_count>;

// One container, from its back-off to its end: forward only, steps may be skipped (an adopted
// container goes from placed to running, one that was removed by hand from anything to exited).
constexpr Table worker_moves = [] {
  Table table{};
  for (std::size_t from = index(Observed::waiting); from < index(Observed::exited); ++from) {
    for (std::size_t to = index(Observed::pulling); to <= index(Observed::exited); ++to) {
      table[from][to] = from < to;
    }
  }
  return table;
}();

// One attempt: the manager places it, and gives it up when its node is silent.
constexpr Table manager_moves = [] {
  Table table{};
  table[index(Observed::waiting)][index(Observed::placed)] = true;
  for (std::size_t from = 0; from < observed_count; ++from) {
    table[from][index(Observed::lost)] = !terminal(observed_at(from));
  }
  return table;
}();

constexpr bool only_forward(const Table& table) {
  for (std::size_t from = 0; from < observed_count; ++from) {
    for (std::size_t to = 0; to <= from; ++to) {
      if (table[from][to]) return false;
    }
  }
  return true;
}
constexpr bool nothing_leaves_the_end(const Table& table) {
  for (std::size_t to = 0; to < observed_count; ++to) {
    if (table[index(Observed::exited)][to] || table[index(Observed::lost)][to]) return false;
  }
  return true;
}
// Each move has one owner: what one may do the other may not.
constexpr bool one_owner() {
  for (std::size_t from = 0; from < observed_count; ++from) {
    for (std::size_t to = 0; to < observed_count; ++to) {
      if (worker_moves[from][to] && manager_moves[from][to]) return false;
    }
  }
  return true;
}
// From every state that is not the end, the worker can get to exited and the manager to lost.
constexpr bool always_a_way_out() {
  for (std::size_t from = 0; from < observed_count; ++from) {
    if (terminal(observed_at(from))) continue;
    if (!worker_moves[from][index(Observed::exited)]) return false;
    if (!manager_moves[from][index(Observed::lost)]) return false;
  }
  return true;
}
static_assert(only_forward(worker_moves) && only_forward(manager_moves));
static_assert(nothing_leaves_the_end(worker_moves) && nothing_leaves_the_end(manager_moves));
static_assert(one_owner());
static_assert(always_a_way_out());
static_assert(!worker_moves[index(Observed::waiting)][index(Observed::placed)],
              "only the manager places");
static_assert(!worker_moves[index(Observed::running)][index(Observed::lost)],
              "a worker that can speak is not lost");

constexpr std::array<std::string_view, 2> desired_names{"run", "stop"};
constexpr std::array<std::string_view, observed_count> observed_names{
    "waiting", "placed",   "pulling", "creating", "starting",
    "running", "stopping", "exited",  "lost"};
constexpr std::array<std::string_view, 4> health_names{"unknown", "starting", "healthy",
                                                       "unhealthy"};
constexpr std::array<std::string_view, 7> failure_names{"none", "exit", "oom",   "unhealthy",
                                                        "spec", "node", "engine"};
constexpr std::array<std::string_view, 5> wire_names{"Pending", "Scheduled", "Running", "Completed",
                                                     "Failed"};
static_assert(failure_names.size() == static_cast<std::size_t>(Failure::engine) + 1);
static_assert(health_names.size() == static_cast<std::size_t>(Health::unhealthy) + 1);
static_assert(wire_names.size() == static_cast<std::size_t>(WireState::failed) + 1);

template <class Enum, std::size_t n>
std::string_view name_in(const std::array<std::string_view, n>& names, Enum value) {
  const auto at = static_cast<std::size_t>(value);
  CUBE_ASSERT(at < n);
  return names[at];
}

template <class Enum, std::size_t n>
std::optional<Enum> found_in(const std::array<std::string_view, n>& names, std::string_view text) {
  for (std::size_t i = 0; i < n; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

bool move_allowed(Actor actor, Observed from, Observed to) {
  CUBE_ASSERT(index(from) < observed_count && index(to) < observed_count);
  switch (actor) {
    case Actor::manager:
      return manager_moves[index(from)][index(to)];
    case Actor::worker:
      return worker_moves[index(from)][index(to)];
  }
  CUBE_UNREACHABLE();
}

bool is_terminal(Observed o) {
  return terminal(o);
}

std::string_view name(Desired d) {
  return name_in(desired_names, d);
}
std::string_view name(Observed o) {
  return name_in(observed_names, o);
}
std::string_view name(Health h) {
  return name_in(health_names, h);
}
std::string_view name(Failure f) {
  return name_in(failure_names, f);
}
std::string_view name(WireState s) {
  return name_in(wire_names, s);
}

std::optional<Desired> desired_from(std::string_view t) {
  return found_in<Desired>(desired_names, t);
}
std::optional<Observed> observed_from(std::string_view t) {
  return found_in<Observed>(observed_names, t);
}
std::optional<Health> health_from(std::string_view t) {
  return found_in<Health>(health_names, t);
}
std::optional<Failure> failure_from(std::string_view t) {
  return found_in<Failure>(failure_names, t);
}

}  // namespace cube
