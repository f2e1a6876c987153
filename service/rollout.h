#pragma once
// `decide`: what to do next so that a service's replicas become what its spec asks. Pure and
// level-triggered: computed from what is there, as often as anything changes.
//
// A slot holds one replica; while its replica is exchanged for another it may hold two. A replica
// that is given up is *retired*: it gets no new requests, ends those it has, and is stopped.
//
// Capacity: while an update goes on, at most `parallelism` slots are without a ready replica by the
// update's own doing; with start_first none is, as long as new replicas stay ready. The design is
// that of the rolling updates of Docker's SwarmKit and Nomad, with each choice as a rule here.

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
};

enum class State : std::uint8_t { stable = 0, updating = 1, paused = 2, rolling_back = 3 };
std::string_view name(State);

struct Situation {
  Instant now{};
  State state = State::stable;
  std::uint64_t target = 1;  // the version that its replicas should be of
  UpdatePolicy policy;
  UpdatePolicy::Order order = UpdatePolicy::Order::start_first;
  std::uint32_t failures = 0;        // replicas of the target that failed in this update
  std::vector<std::uint32_t> slots;  // that there should be, ascending
  std::vector<Replica> replicas;
};

enum class Outcome : std::uint8_t { going_on, done, failed };

struct Decision {
  std::vector<std::uint32_t> start;     // slots that get a replica of the target
  std::vector<std::size_t> retire;      // indexes into Situation::replicas
  Outcome outcome = Outcome::going_on;  // of the update
  Instant look_again = Instant::never();
};

Decision decide(const Situation& s);

}  // namespace cube::service
