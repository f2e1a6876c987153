#pragma once
// Health checks: when to probe, where, and what an answer means. Pure; the shell does the probing.
//
// For one container: the first probe a moment after its start, then one each interval (each second
// until the first success, when the interval is longer), never two at once. A slow answer delays
// only its own task's next probe.

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "task/task.h"

namespace cube::worker {

// The probing of one container. A new container begins with a new one.
struct Probing {
  std::string container_id;  // empty: nothing is probed
  std::uint64_t op = 0;      // the last probe: an answer to any other is of another container
  Instant started;           // of the container
  Instant began;             // the last probe; REQUIRES probed
  bool probed = false;
  bool under_way = false;
  bool succeeded = false;      // once, ever
  std::uint32_t failures = 0;  // in a row, those that count
  // The first and the last success since it was not healthy; equal: no success, or one.
  Instant good_since, good_until;
};

// When the next probe is due; never() while one is under way or nothing is probed.
Instant next_probe(const HealthCheck& check, const Probing& probing);

// Takes one answer in and says what the container's health is now. REQUIRES: a check of a kind.
Health judge(const HealthCheck& check, Probing& probing, bool ok, Instant now);

// Where to probe: the container's own address, else the published port on this machine.
struct ProbeTarget {
  std::string host;
  std::uint16_t port = 0;
};
std::optional<ProbeTarget> probe_target(const TaskSpec& spec, const AttemptStatus& status);

// What is probed, for people: "GET /health on port 80", "TCP port 80", "the command `x y`".
std::string probe_in_words(const TaskSpec& spec);

}  // namespace cube::worker
