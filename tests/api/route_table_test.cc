// The table of routes and the report of requests: what is written reads back, what is missing has
// its default, what is unknown is skipped, and half a message is an error.

#include <doctest/doctest.h>

#include "api/route_table.h"

using namespace cube;
using namespace cube::api;

namespace {

const std::string id = "a7aa1d44-08f6-443e-9378-f5884311019e";
const std::string task = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";

RouteTable one_service() {
  RoutedService service;
  service.id = *Uuid::parse(id);
  service.name = "web";
  service.alias = "k3j9x0a1b2c3";
  service.rules.hosts = {"web.example.com", "*.example.org"};
  service.rules.path = "/web";
  service.rules.strip_prefix = false;
  service.rules.port = 8081;
  service.rules.balance = service::IngressRules::Balance::random_two;
  service.rules.rate_limit.requests = 100;
  service.rules.rate_limit.per = 30s;
  service.rules.connect_timeout = 1500ms;
  service.rules.response_timeout = 5s;
  service.rules.idle_timeout = 1h;
  service.rules.retries = 0;
  service.rules.not_counted = {"/_health"};
  service.replicas = {{*TaskId::parse(task), 3, "127.0.0.1:32768"}};
  service.reason = "none of its ready replicas publishes a TCP port";
  return {"7-12", {service}};
}

}  // namespace

TEST_CASE("a table of routes round-trips") {
  const RouteTable table = one_service();
  const auto read = parse_route_table(route_table_json(table));
  REQUIRE_MESSAGE(read.ok(), (read.ok() ? "" : read.error().message));
  CHECK(*read == table);
  CHECK(*parse_route_table(route_table_json({"1", {}})) == RouteTable{"1", {}});
}

TEST_CASE("what a table leaves out is at its default, what is new is skipped") {
  const auto read = parse_route_table(
      R"({"Version":"1","New":[1],"Services":[{"Id":")" + id +
      R"(","Name":"a","Ingress":{"Balance":"by-moon","Hue":3},"Replicas":[]},{"Id":")" + task +
      R"(","Name":"b","Replicas":[]}]})");
  REQUIRE_MESSAGE(read.ok(), (read.ok() ? "" : read.error().message));
  REQUIRE(read->services.size() == 2);
  CHECK(read->services[0].rules == service::IngressRules());
  CHECK(read->services[1].rules == service::IngressRules());
}

TEST_CASE("half a table is an error that names what is missing") {
  struct Row {
    std::string json, message;
  };
  const Row rows[] = {
      {"", ""},
      {"[]", ""},
      {R"({"Services":[]})", "Version"},
      {R"({"Version":"1"})", "Services"},
      {R"({"Version":"1","Services":[{"Replicas":[]}]})", "Services[0].Id"},
      {R"({"Version":"1","Services":[{"Id":")" + id + R"("}]})", "Services[0].Replicas"},
      {R"({"Version":"1","Services":[{"Id":")" + id + R"(","Replicas":[{"Task":")" + task +
           R"("}]}]})",
       "Services[0].Replicas[0].Address"},
      {R"({"Version":"1","Services":[{"Id":")" + id +
           R"(","Ingress":{"Port":65536},"Replicas":[]}]})",
       "Services[0].Ingress.Port"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    const auto read = parse_route_table(row.json);
    REQUIRE(!read.ok());
    CHECK(read.error().message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("a report round-trips") {
  RouteReport report;
  RouteReport::Service service;
  service.id = *Uuid::parse(id);
  service.requests = 1234;
  service.counted = 1200;
  service.in_flight = 3;
  service.since = WallTime{1'700'000'000'000'000};
  service.replicas = {{*TaskId::parse(task), 600, 2}};
  report.services = {service};
  report.refused = {{9000, "0.0.0.0:9000 is already in use"}};
  const auto read = parse_route_report(route_report_json(report));
  REQUIRE_MESSAGE(read.ok(), (read.ok() ? "" : read.error().message));
  CHECK(*read == report);
  CHECK(!parse_route_report(R"({"Services":[{}]})").ok());
}
