#pragma once
// `advise`: how many replicas a service should have, by what was measured. Pure; the caller keeps
// the Samples and carries the advice out.
//
// Never on missing or old samples. As in Kubernetes' horizontal autoscaler: up at once (unless in
// the cool-down), down only to the highest count advised within the stabilization window.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/id.h"
#include "base/time.h"
#include "service/spec.h"

namespace cube::service {

// What one replica uses. Per cent of the CPU that it asks for (or of one core), and of its memory
// limit (or of its node's memory).
struct Usage {
  Instant at{};
  double cpu = 0, memory = 0;
};

// What was measured of one service, and what was decided last.
struct Samples {
  std::map<TaskId, Usage> usage;
  struct Source {  // one ingress: its counts only grow while `since` stays the same
    Instant at{};
    WallTime since;
    std::uint64_t counted = 0;
  };
  std::map<std::string, Source> sources;
  std::uint64_t requests = 0;  // counted, by all ingresses, since the window began
  Instant window{};            // by requests: begins with the first request; 0: none yet
  std::deque<std::pair<Instant, std::uint32_t>> advised;  // within the stabilization window
  Instant next_look{};
  Instant changed{};  // the last change of the count
};

struct Advice {
  std::uint32_t replicas = 0;  // == the present number: no change
  std::string why;             // the numbers, in words; empty: nothing to decide yet
  Instant look_again = Instant::never();
};

// Takes in what one ingress counted so far.
void count_requests(Samples& samples, const std::string& source, WallTime since,
                    std::uint64_t counted, Instant now);

// `ready`: replicas whose usage counts, those that take requests.
Advice advise(const AutoscalePolicy& policy, Samples& samples, std::uint32_t present,
              const std::vector<TaskId>& ready, Instant now);

}  // namespace cube::service
