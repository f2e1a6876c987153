#pragma once
// What a manager tells its ingresses (`GET /routes`): which services there are, how requests for
// them are recognised, and which replicas take them; and what an ingress tells it
// (`POST /routes/report`). docs/ingress.md describes both.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "service/spec.h"

namespace cube::api {

struct RoutedReplica {
  TaskId task;
  std::uint32_t slot = 0;
  std::string address;  // "10.0.0.7:32768"
  friend bool operator==(const RoutedReplica&, const RoutedReplica&) = default;
};

struct RoutedService {
  Uuid id;
  std::string name;
  std::string alias;  // reached as "/{alias}/..." besides; empty: not
  service::IngressRules rules;
  std::vector<RoutedReplica> replicas;  // healthy and not draining, no others
  // Why there is none though some are healthy, for people: "none publishes ..."; else empty.
  std::string reason;
  friend bool operator==(const RoutedService&, const RoutedService&) = default;
};

// The whole table. Of two services that claim one route the one that stands first has it.
struct RouteTable {
  std::string version;  // opaque
  std::vector<RoutedService> services;
  friend bool operator==(const RouteTable&, const RouteTable&) = default;
};

// What one ingress has served since it started. Counts only grow while `since` stays the same.
struct RouteReport {
  struct Replica {
    TaskId task;
    std::uint64_t requests = 0, in_flight = 0;
    friend bool operator==(const Replica&, const Replica&) = default;
  };
  struct Service {
    Uuid id;
    std::uint64_t requests = 0, in_flight = 0;
    std::uint64_t counted = 0;  // of `requests`, without those in IngressRules::not_counted
    WallTime since;
    std::vector<Replica> replicas;
    friend bool operator==(const Service&, const Service&) = default;
  };
  // A port that a service wants and that this ingress does not have.
  struct Refused {
    std::uint16_t port = 0;
    std::string reason;
    friend bool operator==(const Refused&, const Refused&) = default;
  };
  std::vector<Service> services;
  std::vector<Refused> refused;
  friend bool operator==(const RouteReport&, const RouteReport&) = default;
};

// Both are read leniently: unknown members are skipped, so that versions can differ by one.
std::string route_table_json(const RouteTable& table);
Result<RouteTable> parse_route_table(std::string_view json);
std::string route_report_json(const RouteReport& report);
Result<RouteReport> parse_route_report(std::string_view json);

}  // namespace cube::api
