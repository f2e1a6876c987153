// What travels between a manager and its ingresses: the table of routes, the report of requests.

#include "api/decode.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/route_table.h"
#include "api/service_json.h"

namespace cube::api {

namespace {

// --- The table ----------------------------------------------------------------------------------

Result<void> read_rules(const Value& v, const At& at, RoutedService& service) {
  return read_ingress(v, at, service.rules);
}

constexpr Field<RoutedReplica> replica_fields[] = {
    {"Task", field<&RoutedReplica::task>, Role::required},
    {"Slot", field<&RoutedReplica::slot>},
    {"Address", field<&RoutedReplica::address>, Role::required},
};
Result<void> read_replicas(const Value& v, const At& at, RoutedService& service) {
  return read_list(v, at, service.replicas,
                   [](const Value& item, const At& here, RoutedReplica& replica) {
                     return decode(item, here, Part(replica_fields, replica));
                   });
}

constexpr Field<RoutedService> service_fields[] = {
    {"Id", field<&RoutedService::id>, Role::required}, {"Name", field<&RoutedService::name>},
    {"Alias", field<&RoutedService::alias>},           {"Ingress", read_rules},
    {"Replicas", read_replicas, Role::required},       {"Reason", field<&RoutedService::reason>},
};
Result<void> read_services(const Value& v, const At& at, RouteTable& table) {
  return read_list(v, at, table.services,
                   [](const Value& item, const At& here, RoutedService& service) {
                     return decode(item, here, Part(service_fields, service));
                   });
}

constexpr Field<RouteTable> table_fields[] = {
    {"Version", field<&RouteTable::version>, Role::required},
    {"Services", read_services, Role::required},
};

void write_service(JsonWriter& w, const RoutedService& service) {
  w.open_object();
  w.member("Id", service.id.str());
  w.member("Name", service.name);
  if (!service.alias.empty()) w.member("Alias", service.alias);
  w.key("Ingress");
  write_ingress(w, service.rules);
  w.key("Replicas");
  w.open_list();
  for (const RoutedReplica& replica : service.replicas) {
    w.open_object();
    w.member("Task", replica.task.str());
    w.member("Slot", replica.slot);
    w.member("Address", replica.address);
    w.close_object();
  }
  w.close_list();
  if (!service.reason.empty()) w.member("Reason", service.reason);
  w.close_object();
}

// --- The report ---------------------------------------------------------------------------------

constexpr Field<RouteReport::Replica> reported_replica_fields[] = {
    {"Task", field<&RouteReport::Replica::task>, Role::required},
    {"Requests", field<&RouteReport::Replica::requests>, Role::required},
    {"InFlight", field<&RouteReport::Replica::in_flight>},
};
Result<void> read_reported_replicas(const Value& v, const At& at, RouteReport::Service& service) {
  return read_list(v, at, service.replicas,
                   [](const Value& item, const At& here, RouteReport::Replica& replica) {
                     return decode(item, here, Part(reported_replica_fields, replica));
                   });
}

constexpr Field<RouteReport::Service> reported_service_fields[] = {
    {"Id", field<&RouteReport::Service::id>, Role::required},
    {"Requests", field<&RouteReport::Service::requests>, Role::required},
    {"Counted", field<&RouteReport::Service::counted>, Role::required},
    {"InFlight", field<&RouteReport::Service::in_flight>},
    {"Since", field<&RouteReport::Service::since>, Role::required},
    {"Replicas", read_reported_replicas},
};
Result<void> read_reported_services(const Value& v, const At& at, RouteReport& report) {
  return read_list(v, at, report.services,
                   [](const Value& item, const At& here, RouteReport::Service& service) {
                     return decode(item, here, Part(reported_service_fields, service));
                   });
}

constexpr Field<RouteReport::Refused> refused_fields[] = {
    {"Port", field<&RouteReport::Refused::port>, Role::required},
    {"Reason", field<&RouteReport::Refused::reason>},
};
Result<void> read_refused(const Value& v, const At& at, RouteReport& report) {
  return read_list(v, at, report.refused,
                   [](const Value& item, const At& here, RouteReport::Refused& refused) {
                     return decode(item, here, Part(refused_fields, refused));
                   });
}

constexpr Field<RouteReport> report_fields[] = {
    {"Services", read_reported_services, Role::required},
    {"Refused", read_refused},
};

}  // namespace

std::string route_table_json(const RouteTable& table) {
  JsonWriter w;
  w.open_object();
  w.member("Version", table.version);
  w.key("Services");
  w.open_list();
  for (const RoutedService& service : table.services) write_service(w, service);
  w.close_list();
  w.close_object();
  return std::move(w).finish();
}

Result<RouteTable> parse_route_table(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  RouteTable table;
  CUBE_TRY(decode(*value, At(Reading::message), Part(table_fields, table)));
  return table;
}

std::string route_report_json(const RouteReport& report) {
  JsonWriter w;
  w.open_object();
  w.key("Services");
  w.open_list();
  for (const RouteReport::Service& service : report.services) {
    w.open_object();
    w.member("Id", service.id.str());
    w.member("Requests", service.requests);
    w.member("Counted", service.counted);
    w.member("InFlight", service.in_flight);
    w.member("Since", format_time(service.since));
    w.key("Replicas");
    w.open_list();
    for (const RouteReport::Replica& replica : service.replicas) {
      w.open_object();
      w.member("Task", replica.task.str());
      w.member("Requests", replica.requests);
      w.member("InFlight", replica.in_flight);
      w.close_object();
    }
    w.close_list();
    w.close_object();
  }
  w.close_list();
  if (!report.refused.empty()) {
    w.key("Refused");
    w.open_list();
    for (const RouteReport::Refused& refused : report.refused) {
      w.open_object();
      w.member("Port", refused.port);
      w.member("Reason", refused.reason);
      w.close_object();
    }
    w.close_list();
  }
  w.close_object();
  return std::move(w).finish();
}

Result<RouteReport> parse_route_report(std::string_view json) {
  auto value = read_json(json);
  if (!value) return std::move(value).error();
  RouteReport report;
  CUBE_TRY(decode(*value, At(Reading::message), Part(report_fields, report)));
  return report;
}

}  // namespace cube::api
