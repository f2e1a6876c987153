#pragma once
// `Balancer` chooses the replica for a request; `Health` takes replicas that fail out of the choice
// for a while. Pure: time and the seed of chance are handed in.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "api/route_table.h"
#include "base/rng.h"
#include "base/time.h"

namespace cube::ingress {

inline constexpr std::uint32_t eject_after_failures = 3;  // in a row
inline constexpr Duration eject_first = 1s;               // doubling
inline constexpr Duration eject_max = 30s;
inline constexpr Duration doubt = 1s;

// What the ingress itself has seen of a replica. Failures are those of the connection: refused,
// closed, reset, silent or not HTTP. A reply is a success, whatever its status.
//
// After `eject_after_failures` in a row it is ejected. When its time is over one request at a time
// is let through: with its success the replica is back, with its failure it is out for twice as
// long.
//
// A request that nobody may send twice is not what should find out that a replica is gone: for
// `doubt` after a failure, and after the end of an ejection, such a one goes elsewhere if it can.
class Health {
 public:
  enum class State : std::uint8_t {
    good,
    ejected,
    trial,    // its time is over: it may have one request
    on_trial  // which it has
  };

  State state(Instant now) const;
  bool is_doubtful(Instant now) const;
  void chosen(Instant now);  // a request is on its way
  void succeeded();
  // True when this failure ejected it.
  bool failed(Instant now);
  // The request ended without a verdict, such as by the client's going.
  void undecided() { trying_ = false; }
  Instant until() const { return until_; }  // REQUIRES: it was ejected

 private:
  std::uint32_t failures_ = 0;   // in a row
  std::uint32_t ejections_ = 0;  // in a row
  Instant until_{0};
  Instant failed_{0};  // last; REQUIRES: failures_ > 0
  bool out_ = false;
  bool trying_ = false;
};

// A replica as the choice sees it.
struct Balanced {
  Health health;
  std::uint64_t in_flight = 0;
};

class Balancer {
 public:
  Balancer(service::IngressRules::Balance how, std::uint64_t seed) : how_(how), rng_(seed) {}

  // The index of the replica to use, never one of `tried`. Ejected ones only when there is no
  // other: then the one that would be back soonest. Nothing: all have been tried, or there is none.
  // `only_once`: the request cannot be sent again, and goes to a doubtful one only when there is no
  // other.
  std::optional<std::size_t> choose(std::span<Balanced* const> replicas,
                                    std::span<const Balanced* const> tried, Instant now,
                                    bool only_once = false);

 private:
  std::optional<std::size_t> choose_usable();
  bool is_usable(std::size_t i) const;
  std::optional<std::size_t> next_usable(std::size_t from);
  std::optional<std::size_t> least_connections();
  std::optional<std::size_t> random_two();
  std::optional<std::size_t> last_resort() const;
  bool was_tried(const Balanced* replica) const;

  service::IngressRules::Balance how_;
  Rng rng_;
  std::size_t cursor_ = 0;
  // Of the present call.
  std::span<Balanced* const> replicas_;
  std::span<const Balanced* const> tried_;
  Instant now_{0};
  bool no_doubtful_ = false;
};

}  // namespace cube::ingress
