#pragma once
// The filters: what a node must pass before it is scored. One chain, in one order, used both to
// choose and to explain; integers only, so that "fits" is exact.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "scheduler/scheduler.h"

namespace cube::scheduler {

// In the order in which they are asked; a node counts for the first one that it fails.
enum class Filter : std::uint8_t {
  ready,
  avoided,
  platform,
  constraints,
  cpu,
  memory,
  disk,
  ports,
};

// Host ports in use on one machine. A count above 1 is possible: workers report what runs, and two
// tasks that the manager did not place may hold one port on different addresses.
using PortCounts = std::map<HostPortDemand, std::uint32_t>;

// What the filters look at of one node.
struct Candidate {
  const NodeFacts& facts;
  bool ready = false;
  std::string_view not_ready_reason;
  Resources free;  // negative where more is reserved than there is
  const PortCounts& machine_ports;
  const Avoided* avoided = nullptr;  // the entry about this node, when there is one
};

std::optional<Filter> first_failing(const Candidate& candidate, const Demand& demand);

std::string text_of(const Constraint& constraint);  // as it was written

// Collects failures and puts them into words.
class Reasons {
 public:
  explicit Reasons(const Demand& demand) : demand_(demand) {}
  void add(Filter failed, const Candidate& candidate);
  // Most nodes first; equal numbers in the order of the filters.
  std::vector<Explanation::Line> lines() const;

 private:
  struct Key {
    Filter filter;
    std::string detail;  // failures of one filter with different details are different reasons
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Tally {
    std::uint32_t nodes = 0;
    std::int64_t most_free = 0;
  };
  std::string detail(Filter failed, const Candidate& candidate) const;
  std::string words(const Key& key, const Tally& tally) const;

  const Demand& demand_;
  std::map<Key, Tally> tallies_;
};

}  // namespace cube::scheduler
