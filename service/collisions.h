#pragma once
// What two services cannot both have: a port of a machine, or a route of an ingress. The one place
// where that is told, for the manager and for `cube plan`.

#include <string_view>

#include "base/result.h"
#include "service/spec.h"

namespace cube::service {

// A service and the alias by which an ingress reaches it besides; empty: it has none yet.
struct Claimant {
  const ServiceSpec& spec;
  std::string_view alias;
};

// Error (conflict) when `a` asks for what belongs to `b`: it names a's field as the wire does, what
// is asked for, and b. Ports count up to the highest slot that Replicas or Autoscale.Max allow, and
// on every machine: services are not told apart by the nodes that they may run on.
Result<void> check_collision(const Claimant& a, const Claimant& b);

// Error (invalid) when two ports of the one service are the same: of its range, a host port of its
// task, and the port that an ingress listens on for it.
Result<void> check_own_ports(const ServiceSpec& spec);

}  // namespace cube::service
