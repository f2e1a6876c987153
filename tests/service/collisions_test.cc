// What two services cannot both have, and what one cannot have twice; with the words that tell it.

#include "service/collisions.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace cube;
using namespace cube::service;

namespace {

using Change = std::function<void(ServiceSpec&)>;

ServiceSpec spec_with(const std::string& name, const Change& change) {
  ServiceSpec spec;
  spec.name = name;
  spec.task.image = "x";
  change(spec);
  return spec;
}

// What is said to `a`; empty: there is room for both.
std::string said(const Change& a, const Change& b) {
  const ServiceSpec mine = spec_with("mine", a), other = spec_with("other", b);
  const auto result = check_collision({mine, "aaaaaaaaaaaa"}, {other, "bbbbbbbbbbbb"});
  if (result.ok()) return "";
  CHECK(result.error().code == Code::conflict);
  return result.error().message;
}

Change fixed(std::uint16_t port, const std::string& ip = "", const std::string& protocol = "tcp") {
  return [=](ServiceSpec& s) { s.task.ports.push_back({{80, protocol}, port, ip}); };
}
Change range(std::uint16_t start, std::uint32_t replicas, std::uint32_t most = 0) {
  return [=](ServiceSpec& s) {
    s.port_range = {start, {80, "tcp"}};
    s.replicas = replicas;
    if (most == 0) return;
    s.autoscale.by = AutoscalePolicy::By::requests;
    s.autoscale.max = most;
  };
}
Change listener(std::uint16_t port, const std::string& host = "", const std::string& path = "") {
  return [=](ServiceSpec& s) {
    s.ingress.port = port;
    s.ingress.path = path;
    if (!host.empty()) s.ingress.hosts = {host};
  };
}

}  // namespace

TEST_CASE("a port of a machine is of one service, whatever asks for it") {
  CHECK(said(fixed(8002), fixed(8002)) ==
        "Task.PortBindings[\"80/tcp\"]: host port 8002/tcp belongs to service other");
  CHECK(said(fixed(8002), range(8000, 3)) ==
        "Task.PortBindings[\"80/tcp\"]: host port 8002/tcp belongs to service other");
  CHECK(said(range(8000, 3), fixed(8002)) ==
        "PortRange.Start: one of host ports 8000 to 8002/tcp belongs to service other");
  CHECK(said(range(8000, 1, 4), listener(8003)) ==
        "PortRange.Start: one of host ports 8000 to 8003/tcp belongs to service other");
  CHECK(said(listener(8003), range(8000, 1, 4)) ==
        "Ingress.Port: port 8003 of the ingress belongs to service other");
  CHECK(said(listener(8003), fixed(8003)) ==
        "Ingress.Port: port 8003 of the ingress belongs to service other");
  CHECK(said(range(8000, 3), range(8002, 1)).starts_with("PortRange.Start: one of host ports"));
  CHECK_FALSE(said(fixed(8002, "10.0.0.1"), fixed(8002, "0.0.0.0")).empty());

  CHECK(said(fixed(0), fixed(0)).empty());  // the engine chooses
  CHECK(said(fixed(8003), range(8000, 3)).empty());
  CHECK(said(range(8000, 3), range(8003, 3)).empty());
  CHECK(said(fixed(8002, "", "udp"), fixed(8002)).empty());
  CHECK(said(fixed(8002, "", "udp"), listener(8002)).empty());
  CHECK(said(fixed(8002, "10.0.0.1"), fixed(8002, "10.0.0.2")).empty());
}

TEST_CASE("a route is of one service, and an alias is a route") {
  const auto at = [](const std::string& path, const std::string& host = "") {
    return listener(0, host, path);
  };
  CHECK(said(at("/web"), at("/web")) == "Ingress.Path: the path /web belongs to service other");
  CHECK(said(at("/bbbbbbbbbbbb"), at("")) ==
        "Ingress.Path: the path /bbbbbbbbbbbb belongs to service other");
  CHECK(said(at("", "a.example.com"), at("", "a.example.com")) ==
        "Ingress.Hosts[0]: every path of a.example.com belongs to service other");
  CHECK(said(at("/", "a.example.com"), at("", "a.example.com")) ==
        "Ingress.Path: every path of a.example.com belongs to service other");
  CHECK(said(listener(9000), listener(9000)) ==
        "Ingress.Port: every path at port 9000 belongs to service other");

  CHECK(said(at("/web"), at("/web/more")).empty());
  CHECK(said(at("/web"), at("/web", "a.example.com")).empty());
  CHECK(said(at("/bbbbbbbbbbbb", "a.example.com"), at("")).empty());
  CHECK(said(at("/aaaaaaaaaaaa"), at("")).empty());  // its own
  CHECK(said(at(""), at("")).empty());
  CHECK(said(listener(9000, "a.example.com"), listener(9000, "b.example.com")).empty());
  CHECK(said(listener(9000, "", "/web"), at("/web")).empty());
}

TEST_CASE("one service does not need one port twice") {
  const auto said_of = [](const Change& change) {
    const auto result = validate(spec_with("web", change));
    return result.ok() ? std::string() : result.error().message;
  };
  CHECK(said_of([](ServiceSpec& s) {
          range(8000, 1, 4)(s);
          listener(8003)(s);
        }) ==
        "Ingress.Port: port 8003 of the ingress cannot go with PortRange.Start: host ports 8000 to "
        "8003/tcp");
  CHECK(said_of([](ServiceSpec& s) {
          fixed(8001)(s);
          s.port_range = {8000, {81, "tcp"}};
          s.replicas = 2;
        }) ==
        "PortRange.Start: host ports 8000 to 8001/tcp cannot go with "
        "Task.PortBindings[\"80/tcp\"]: host port 8001/tcp");
  CHECK_FALSE(said_of([](ServiceSpec& s) {
                fixed(8001)(s);
                listener(8001)(s);
              }).empty());
  CHECK(said_of([](ServiceSpec& s) {
          range(8000, 3)(s);
          listener(8003)(s);
        }).empty());
}

TEST_CASE("the number of replicas is within the bounds of the autoscaling") {
  const auto spec = spec_with("web", [](ServiceSpec& s) { range(8000, 9, 3)(s); });
  CHECK(validate(spec).error().message == "Replicas: 9 is outside Autoscale.Min 1 to Max 3");
}

TEST_CASE("a path that is refused is told the rule that it broke") {
  const auto said_of = [](const std::string& path) {
    const auto result = validate(spec_with("web", [&](ServiceSpec& s) { s.ingress.path = path; }));
    return result.ok() ? std::string() : result.error().message;
  };
  CHECK(said_of("/odd/").starts_with("Ingress.Path: must not end with \"/\""));
  CHECK(said_of("odd") == "Ingress.Path: must begin with \"/\", as \"/web\" does");
  CHECK(said_of("/a//b") == "Ingress.Path: must not contain \"//\"");
  CHECK(said_of("/a/..") == "Ingress.Path: must not contain \"/../\"");
  CHECK(said_of("/a b").starts_with("Ingress.Path: has \" \", which a path cannot have"));
  CHECK(said_of("/a?b").starts_with("Ingress.Path: has \"?\", which"));
  CHECK(said_of("/" + std::string(1024, 'a')) == "Ingress.Path: is longer than 1024 bytes");
  CHECK(said_of("/").empty());
  CHECK(said_of("/a/b-c").empty());
}
