#include "worker/probe.h"

#include <doctest/doctest.h>

namespace cube::worker {
namespace {

HealthCheck check(Duration interval = 10s, Duration start_period = 0s) {
  HealthCheck out;
  out.kind = HealthCheck::Kind::http;
  out.path = "/health";
  out.interval = interval;
  out.start_period = start_period;
  return out;
}

Probing begun() {
  Probing out;
  out.container_id = "c1";
  out.started = Instant{1'000'000};
  return out;
}

TEST_CASE("when the next probe is due") {
  Probing p = begun();
  CHECK(next_probe(check(), p) == p.started + 250ms);
  p.probed = true;
  p.began = p.started + 250ms;
  p.under_way = true;
  CHECK(next_probe(check(), p).is_never());  // never two at once
  p.under_way = false;
  CHECK(next_probe(check(), p) == p.began + 1s);  // often until the first success
  CHECK(next_probe(check(500ms), p) == p.began + 500ms);
  p.succeeded = true;
  CHECK(next_probe(check(), p) == p.began + 10s);
  CHECK(next_probe(HealthCheck{}, p).is_never());
  CHECK(next_probe(check(), Probing{}).is_never());
}

TEST_CASE("what answers mean") {
  Probing p = begun();
  const Instant now = p.started + 1s;
  CHECK(judge(check(), p, false, now) == Health::starting);
  CHECK(judge(check(), p, true, now) == Health::healthy);
  CHECK(judge(check(), p, false, now) == Health::healthy);
  CHECK(judge(check(), p, false, now) == Health::healthy);
  CHECK(judge(check(), p, true, now) == Health::healthy);
  for (int i = 0; i < 2; ++i) CHECK(judge(check(), p, false, now) == Health::healthy);
  CHECK(judge(check(), p, false, now) == Health::unhealthy);
  CHECK(judge(check(), p, false, now) == Health::unhealthy);
  CHECK(judge(check(), p, true, now) == Health::healthy);
}

TEST_CASE("the start period forgives until it is over or the first success") {
  Probing p = begun();
  for (int i = 0; i < 9; ++i) {
    CHECK(judge(check(10s, 5s), p, false, p.started + 1s) == Health::starting);
  }
  Probing late = p;
  CHECK(judge(check(10s, 5s), late, false, p.started + 5s) == Health::starting);
  CHECK(judge(check(10s, 5s), late, false, p.started + 6s) == Health::starting);
  CHECK(judge(check(10s, 5s), late, false, p.started + 7s) == Health::unhealthy);
  CHECK(judge(check(10s, 5s), p, true, p.started + 2s) == Health::healthy);
  for (int i = 0; i < 2; ++i) judge(check(10s, 5s), p, false, p.started + 3s);
  CHECK(judge(check(10s, 5s), p, false, p.started + 3s) == Health::unhealthy);
}

TEST_CASE("where to probe: only the task's own container") {
  TaskSpec spec;
  spec.health = check();
  AttemptStatus status;
  status.container_ip = "172.17.0.2";
  CHECK_FALSE(probe_target(spec, status).has_value());  // no port at all
  spec.exposed_ports = {{53, "udp"}, {9000, "tcp"}};
  spec.ports = {{{8080, "tcp"}, 0, ""}};
  REQUIRE(probe_target(spec, status).has_value());
  CHECK(probe_target(spec, status)->host == "172.17.0.2");
  CHECK(probe_target(spec, status)->port == 8080);  // the lowest tcp port
  spec.health.port = 9000;
  CHECK(probe_target(spec, status)->port == 9000);
  status.container_ip.clear();
  CHECK_FALSE(probe_target(spec, status).has_value());
  status.host_ports = {{{8080, "tcp"}, "0.0.0.0", 49152}, {{9000, "tcp"}, "0.0.0.0", 49153}};
  CHECK(probe_target(spec, status)->host == "127.0.0.1");
  CHECK(probe_target(spec, status)->port == 49153);
}

}  // namespace
}  // namespace cube::worker
