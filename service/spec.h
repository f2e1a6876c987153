#pragma once
// `ServiceSpec`: what a person asks for: so many replicas of one task, behind one address, changed
// step by step. Pure data and the rules it must keep; docs/services.md explains every field.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "task/spec.h"

namespace cube::service {

// How a new version takes the place of the old one.
struct UpdatePolicy {
  enum class Order : std::uint8_t { start_first = 0, stop_first = 1 };
  enum class OnFailure : std::uint8_t { pause = 0, go_on = 1, rollback = 2 };
  Order order = Order::start_first;
  std::uint32_t parallelism = 1;  // slots changed at the same time; 0: all
  Duration delay = 0s;            // between one slot that is done and the next
  Duration monitor = 5s;          // so long after it is ready a failure is the update's fault
  std::uint32_t max_failures_permille = 0;  // of the slots; more of them: on_failure
  OnFailure on_failure = OnFailure::pause;
  Duration progress_deadline = 5min;  // not ready by then is a failure
  friend bool operator==(const UpdatePolicy&, const UpdatePolicy&) = default;
};

// How many replicas, by what is measured.
struct AutoscalePolicy {
  enum class By : std::uint8_t { none = 0, usage = 1, requests = 2, rate = 3 };
  enum class Remove : std::uint8_t { highest = 0, least_used = 1 };
  By by = By::none;
  std::uint32_t min = 1, max = 1;
  // usage: of CPU or memory, per cent; at or over `high` one more, both under `low` one less.
  std::uint32_t high = 80, low = 20;
  // requests: n / per_replica + 1 after each interval; rate: per second and replica.
  std::uint32_t per_replica = 20;
  Duration interval = 120s;     // requests: the window; usage and rate: how often to decide
  Duration up_cooldown = 0s;    // least time after a change before one up,
  Duration down_cooldown = 0s;  // ... and before one down
  Duration stabilization = 0s;  // scales down to the highest count advised within this time
  std::uint32_t max_step = 0;   // replicas added or removed at once; 0: no limit
  Remove remove = Remove::highest;
  friend bool operator==(const AutoscalePolicy&, const AutoscalePolicy&) = default;
};

struct RateLimit {
  std::uint32_t requests = 0;  // per client; 0: no limit
  Duration per = 1min;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// How requests from outside reach the replicas; ingress/ acts on it.
struct IngressRules {
  enum class Balance : std::uint8_t { round_robin = 0, least_connections = 1, random_two = 2 };
  std::uint16_t target = 0;  // container port; 0: the lowest published tcp port
  std::vector<std::string> hosts;
  std::string path;  // prefix, by whole segments; empty: none
  bool strip_prefix = true;
  std::uint16_t port = 0;  // a listener of its own; 0: none
  Balance balance = Balance::round_robin;
  RateLimit rate_limit;
  Duration connect_timeout = 2s;
  Duration response_timeout = 60s;       // to the head of the answer
  Duration idle_timeout = 60s;           // between pieces of a body
  std::uint32_t retries = 2;             // on other replicas
  std::vector<std::string> not_counted;  // path prefixes that autoscaling does not count
  friend bool operator==(const IngressRules&, const IngressRules&) = default;
};

// Consecutive host ports: slot n gets start + n - 1.
struct PortRange {
  std::uint16_t start = 0;  // 0: none
  Port port;                // the container's
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// One volume in every replica: on each node one of this name, made by the driver with the options.
struct SharedVolume {
  std::string name;  // empty: none
  std::string target;
  std::string driver;  // empty: local
  std::map<std::string, std::string> options;
  bool single_writer = false;  // two replicas of a slot must not have it at once
  friend bool operator==(const SharedVolume&, const SharedVolume&) = default;
};

struct ServiceSpec {
  std::string name;
  TaskSpec task;  // its name is empty: replicas are "web.1", "web.2", ...
  std::uint32_t replicas = 1;
  bool global = false;  // one per node instead
  UpdatePolicy update;
  Duration drain = 10s;  // the longest that a retired replica waits for its requests to end
  AutoscalePolicy autoscale;
  IngressRules ingress;
  PortRange port_range;
  std::uint32_t max_per_node = 0;  // 0: no limit
  std::string spread = "node";     // "node", "node.labels.KEY", or empty: as the scheduler likes
  SharedVolume volume;
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

// One step makes them all, or stops them: that others wait for it no longer than for a moment.
inline constexpr std::uint32_t replicas_max = 10'000;

// Every rule a spec must keep. The error names the field as the wire does ("Autoscale.Min").
Result<void> validate(const ServiceSpec& spec);

// The task of one slot (1..) of the service.
TaskSpec task_of(const ServiceSpec& spec, std::uint32_t slot);
// The node that a slot of a global service is for is a constraint of its task.
TaskSpec task_on(const ServiceSpec& spec, std::uint32_t slot, const std::string& node);
// The label of every replica's container that tells its service, for people and their tools.
inline constexpr const char* label_service = "cube.service";

// Each node's volume of this name has data of its own: the local driver, and no device that could
// be the same for all.
bool is_of_one_node(const SharedVolume& volume);

// A change between these must start new containers.
bool differs_in_task(const ServiceSpec& a, const ServiceSpec& b);

// start_first, unless a fixed host port or a volume with a single writer forbids two at once.
UpdatePolicy::Order order_of(const ServiceSpec& spec);

// The host ports of all its slots, at their most; empty without a range.
struct Ports {
  std::uint32_t first = 0, last = 0;
};
std::optional<Ports> ports_of(const ServiceSpec& spec);

}  // namespace cube::service
