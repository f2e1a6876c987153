#pragma once
// Internal to the proxy: `Service` and `Replica` as they live, with their counts and their kept
// connections. All of it is the reactor's thread's.

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/route_table.h"
#include "ingress/balance.h"
#include "ingress/rate_limit.h"

namespace cube::ingress {

class Upstream;

// An address as the system wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // "10.0.0.7:80", "[::1]:80": numbers only, for a look-up of a name would hold everyone up.
  static std::optional<SocketAddress> parse(std::string_view text);
};

// How long requests took, in the buckets of Prometheus.
struct Histogram {
  static constexpr std::array<std::int64_t, 14> bounds_us = {
      500,     1'000,   2'500,   5'000,     10'000,    25'000,    50'000,
      100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
  std::array<std::uint64_t, bounds_us.size() + 1> counts{};
  std::int64_t sum_us = 0;
  void add(Duration d);
};

struct Replica : Balanced {
  Replica(api::RoutedReplica spec_, SocketAddress address_);
  ~Replica();

  api::RoutedReplica spec;
  SocketAddress address;
  std::vector<std::unique_ptr<Upstream>> idle;  // kept connections, the last used at the back
  bool leaving = false;                         // not in the table any more
  std::uint64_t requests = 0, failures = 0, ejections = 0;
};

struct Service {
  Service(Uuid id_, std::uint64_t seed)
      : id(id_), balancer(service::IngressRules::Balance::round_robin, seed) {}

  Uuid id;
  std::string name;
  std::string reason;  // api::RoutedService::reason
  service::IngressRules rules;
  Balancer balancer;
  std::vector<std::shared_ptr<Replica>> replicas;
  std::vector<Balanced*> choice;  // the same
  std::optional<RateLimit> rate_limit;

  // Since the proxy started.
  std::uint64_t requests = 0, counted = 0, in_flight = 0, retries = 0, limited = 0;
  std::uint64_t cut = 0;  // replies that did not reach their end
  WallTime since;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::vector<std::pair<int, std::uint64_t>> codes;  // by status; the frequent ones come early
  Histogram times;

  void count_code(int status);
  std::optional<std::size_t> choose(std::span<const Balanced* const> tried, Instant now,
                                    bool only_once) {
    return balancer.choose(choice, tried, now, only_once);
  }
};

}  // namespace cube::ingress
