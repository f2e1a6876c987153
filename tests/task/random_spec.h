#pragma once
// Random specs, tasks, attempts and events that use every field: for round trips.

#include <string>
#include <vector>

#include "base/rng.h"
#include "task/task.h"

namespace cube {

class RandomTasks {
 public:
  explicit RandomTasks(std::uint64_t seed) : rng_(seed) {}

  TaskSpec spec() {
    TaskSpec s;
    s.name = text();
    s.image = text();
    s.cpu_milli = number();
    s.memory_bytes = number();
    s.disk_bytes = number();
    s.pids_max = number();
    for (auto n = rng_.below(4); n > 0; --n) s.exposed_ports.push_back(port());
    for (auto n = rng_.below(4); n > 0; --n) {
      s.ports.push_back({port(), static_cast<std::uint16_t>(rng_.below(65536)), text()});
    }
    s.publish_all = coin();
    s.env = texts();
    s.command = texts();
    s.entrypoint = texts();
    s.working_dir = text();
    s.user = text();
    for (auto n = rng_.below(4); n > 0; --n) s.labels[text()] = text();
    for (auto n = rng_.below(4); n > 0; --n) {
      s.mounts.push_back({pick(Mount::Kind::tmpfs), text(), text(), coin()});
    }
    s.restart = {pick(RestartPolicy::Kind::on_failure), small()};
    s.health = health();
    s.constraints = texts();
    s.platform = text();
    s.pull = pick(TaskSpec::Pull::never);
    s.stop_grace = span();
    s.stop_signal = text();
    s.exclusive = coin();
    return s;
  }

  AttemptStatus status() {
    AttemptStatus s;
    s.key = {TaskId(rng_.uuid()), small()};
    s.restart = small();
    s.observed = pick(Observed::lost);
    s.final = coin();
    s.failure = pick(Failure::engine);
    s.failures = small();
    s.reason = text();
    s.health = pick(Health::unhealthy);
    s.container_id = text();
    s.container_ip = text();
    for (auto n = rng_.below(3); n > 0; --n) {
      s.host_ports.push_back({port(), text(), static_cast<std::uint16_t>(rng_.below(65536))});
    }
    s.exit_code = static_cast<std::int32_t>(rng_.next());
    s.started = {number()};
    s.finished = {number()};
    return s;
  }

  Task task() {
    Task t;
    t.id = TaskId(rng_.uuid());
    t.spec = spec();
    t.created = {number()};
    t.desired = pick(Desired::stop);
    t.attempt = small();
    t.node = text();
    t.waits_for = text();
    for (auto n = rng_.below(3); n > 0; --n) t.avoided.push_back({text(), {number()}, text()});
    t.moves = small();
    t.revision = rng_.next();
    t.status = status();
    if (coin()) t.status.key = {t.id, t.attempt};  // as it nearly always is
    t.restarts_before = small();
    return t;
  }

  Event event() {
    return {rng_.next(), {number()}, text(), TaskId(rng_.uuid()), text(), text(),
            small(),     small(),    text()};
  }

 private:
  Rng rng_;

  bool coin() { return rng_.below(2) == 0; }
  template <class Enum>
  Enum pick(Enum last) {
    return static_cast<Enum>(rng_.below(static_cast<std::uint64_t>(last) + 1));
  }
  // Often the edges, which is where encodings break.
  std::int64_t number() {
    switch (rng_.below(4)) {
      case 0:
        return 0;
      case 1:
        return coin() ? INT64_MAX : INT64_MIN;
      default:
        return static_cast<std::int64_t>(rng_.next() >> rng_.below(64));
    }
  }
  std::uint32_t small() { return static_cast<std::uint32_t>(rng_.next() >> (32 + rng_.below(32))); }
  Duration span() { return coin() ? Duration(10s) : Duration(number()); }
  std::string text() {
    std::string out;
    for (auto n = coin() ? 0 : rng_.below(20); n > 0; --n)
      out += static_cast<char>(rng_.below(256));
    return out;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> out(rng_.below(4));
    for (auto& item : out) item = text();
    return out;
  }
  Port port() { return {static_cast<std::uint16_t>(rng_.below(65536)), coin() ? "tcp" : text()}; }
  HealthCheck health() {
    HealthCheck h;
    if (coin()) return h;
    h.kind = pick(HealthCheck::Kind::command);
    h.path = text();
    h.command = texts();
    h.port = static_cast<std::uint16_t>(rng_.below(65536));
    h.interval = span();
    h.timeout = span();
    h.retries = small();
    h.start_period = span();
    return h;
  }
};

}  // namespace cube
