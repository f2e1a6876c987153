#pragma once
// `decide`: what to do next so that a service's replicas become what its spec asks. Pure and
// level-triggered: computed from what is there, as often as anything changes.
//
// A slot holds one replica; while its replica is exchanged for another it may hold two. A replica
// that is given up is *retired*: it gets no new requests, ends those it has, and is stopped.
//
// Capacity: while an update goes on, at most `parallelism` slots are without a ready replica by the
// update's own doing, not counting those that failed where the policy goes on all the same; with
// start_first none is: an older replica stays until the new one has proved itself, and a slot whose
// new one failed gets one of the stable version beside it. The design is that of the rolling
// updates of Docker's SwarmKit and Nomad, with each choice as a rule here.
//
// A node to be emptied waits for no update: what serves there is replaced by one of its own
// version, whatever the state.

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "service/spec.h"

namespace cube::service {

enum class Stage : std::uint8_t {
  waiting,   // it has no node
  starting,  // on its way up, or up and not yet healthy
  ready,     // takes requests
  failing,   // it ran, and does not now; its worker tries again
  over,      // nothing of it will run any more
};

// One replica, as the decision sees it.
struct Replica {
  std::uint32_t slot = 0;
  std::uint64_t version = 0;  // of the task that it was made from
  Stage stage = Stage::waiting;
  bool retiring = false;
  bool displaced = false;  // its node is to be emptied
  bool done = false;       // over, and by its policy not to be replaced
  Instant ready_since{};   // when stage == ready
  Duration proof{};        // to be ready so long before one of another version goes for its sake
};

enum class State : std::uint8_t { stable = 0, updating = 1, paused = 2, rolling_back = 3 };
std::string_view name(State);

struct Situation {
  Instant now{};
  State state = State::stable;
  std::uint64_t target = 1;  // the version that its replicas should be of
  std::uint64_t stable = 0;  // the one that was stable last, if it can still be made; 0: none
  UpdatePolicy policy;
  UpdatePolicy::Order order = UpdatePolicy::Order::start_first;
  std::uint32_t failures = 0;         // slots whose replica of the target failed in this update
  std::vector<std::uint32_t> failed;  // which: ascending
  std::vector<std::uint32_t> slots;   // that there should be, ascending
  std::vector<Replica> replicas;
};

// incomplete: every slot had its turn, and those that failed are as many as the policy allows.
enum class Outcome : std::uint8_t { going_on, done, failed, incomplete };

// A replica to be made.
struct Start {
  std::uint32_t slot = 0;
  std::uint64_t version = 0;
  friend bool operator==(const Start&, const Start&) = default;
};

struct Decision {
  std::vector<Start> start;
  std::vector<std::size_t> retire;      // indexes into Situation::replicas
  Outcome outcome = Outcome::going_on;  // of the update
  Instant look_again = Instant::never();
};

Decision decide(const Situation& s);

}  // namespace cube::service
