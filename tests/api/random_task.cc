#include "tests/api/random_task.h"

#include <algorithm>

namespace cube::api {
namespace {

bool chance(Rng& rng, std::uint64_t in) {
  return rng.below(in) == 0;
}

// Printable text with what JSON must escape and what is not ASCII.
std::string random_text(Rng& rng) {
  static constexpr std::string_view pieces[] = {"a",  "B", "7", " ", "\"", "\\",   "/",
                                                "\n", "=", "é", "€", "😀",  "\x7f", "{}"};
  std::string out;
  for (std::uint64_t n = rng.below(6); n > 0; --n) out += pieces[rng.below(std::size(pieces))];
  return out;
}

std::vector<std::string> random_texts(Rng& rng) {
  std::vector<std::string> out;
  for (std::uint64_t n = rng.below(4); n > 0; --n) out.push_back(random_text(rng));
  return out;
}

Port random_port(Rng& rng) {
  static constexpr std::string_view protocols[] = {"tcp", "udp", "sctp"};
  Port port;
  port.number = static_cast<std::uint16_t>(1 + rng.below(65535));
  port.protocol = protocols[rng.below(3)];
  return port;
}

Duration random_span(Rng& rng) {
  return Duration(100'000 + static_cast<std::int64_t>(rng.below(1'000'000'000)));
}

WallTime random_time(Rng& rng) {
  return {chance(rng, 3) ? 0 : 1 + static_cast<std::int64_t>(rng.below(4'000'000'000'000'000))};
}

void add_ports(Rng& rng, TaskSpec& spec) {
  static constexpr std::string_view ips[] = {"", "127.0.0.1", "::1"};
  for (std::uint64_t n = rng.below(4); n > 0; --n) spec.exposed_ports.push_back(random_port(rng));
  std::sort(spec.exposed_ports.begin(), spec.exposed_ports.end());
  auto end = std::unique(spec.exposed_ports.begin(), spec.exposed_ports.end());
  spec.exposed_ports.erase(end, spec.exposed_ports.end());
  auto host = static_cast<std::uint16_t>(rng.below(60'000));
  for (std::uint64_t n = rng.below(4); n > 0; --n) {
    PortBinding& b = spec.ports.emplace_back();
    b.container = random_port(rng);
    if (n == 2) b.container = spec.ports.front().container;
    b.host_port = chance(rng, 3) ? std::uint16_t{0} : ++host;  // each once: they may not collide
    b.host_ip = ips[rng.below(3)];
  }
  std::sort(spec.ports.begin(), spec.ports.end());
}

HealthCheck random_health(Rng& rng) {
  HealthCheck check;
  check.kind = static_cast<HealthCheck::Kind>(rng.below(4));
  if (check.kind == HealthCheck::Kind::none) return check;
  if (check.kind == HealthCheck::Kind::http) check.path = "/health?a=" + std::to_string(rng.next());
  if (check.kind == HealthCheck::Kind::command) check.command = {"sh", random_text(rng)};
  if (chance(rng, 4)) return check;
  check.port = static_cast<std::uint16_t>(1 + rng.below(65535));
  check.interval = random_span(rng);
  check.timeout = random_span(rng);
  check.retries = static_cast<std::uint32_t>(1 + rng.below(9));
  check.start_period = random_span(rng);
  return check;
}

void add_mounts(Rng& rng, TaskSpec& spec) {
  for (std::uint64_t n = rng.below(3); n > 0; --n) {
    Mount& m = spec.mounts.emplace_back();
    m.kind = static_cast<Mount::Kind>(rng.below(3));
    if (m.kind == Mount::Kind::volume) m.source = "volume" + std::to_string(n);
    if (m.kind == Mount::Kind::bind) m.source = "/host/" + std::to_string(n);
    m.target = "/mnt/" + std::to_string(n);
    m.read_only = chance(rng, 2);
  }
}

}  // namespace

TaskSpec random_spec(Rng& rng) {
  TaskSpec spec;
  spec.name = "task-" + std::to_string(rng.below(1000));
  spec.image = "registry:5000/team/echo:" + std::to_string(rng.below(1000));
  spec.cpu_milli = static_cast<std::int64_t>(rng.below(1'024'001));
  spec.memory_bytes =
      chance(rng, 2) ? 0 : (6 << 20) + static_cast<std::int64_t>(rng.below(1 << 30));
  spec.disk_bytes = static_cast<std::int64_t>(rng.below(1 << 30));
  spec.pids_max = static_cast<std::int64_t>(rng.below(1000));
  add_ports(rng, spec);
  spec.publish_all = chance(rng, 2);
  for (const std::string& text : random_texts(rng)) spec.env.push_back("NAME=" + text);
  spec.command = random_texts(rng);
  if (chance(rng, 2)) spec.entrypoint = {"/bin/sh", random_text(rng)};
  if (chance(rng, 2)) spec.working_dir = "/work/" + std::to_string(rng.below(10));
  if (chance(rng, 2)) spec.user = "1000:1000";
  for (std::uint64_t n = rng.below(3); n > 0; --n)
    spec.labels["label é" + std::to_string(n)] = random_text(rng);
  add_mounts(rng, spec);
  spec.restart.kind = static_cast<RestartPolicy::Kind>(rng.below(5));
  if (spec.restart.kind == RestartPolicy::Kind::on_failure)
    spec.restart.max = static_cast<std::uint32_t>(rng.below(9));
  spec.health = random_health(rng);
  bool targets_port =
      spec.health.kind == HealthCheck::Kind::http || spec.health.kind == HealthCheck::Kind::tcp;
  if (targets_port && spec.health.port == 0) spec.health.port = 80;
  if (chance(rng, 2)) spec.constraints = {"node.labels.disk==ssd", "node.name!=n2"};
  if (chance(rng, 2)) spec.platform = "linux/arm64";
  spec.pull = static_cast<TaskSpec::Pull>(rng.below(3));
  if (chance(rng, 2)) spec.stop_grace = random_span(rng);
  if (chance(rng, 2)) spec.stop_signal = "SIGINT";
  spec.exclusive = chance(rng, 2);
  return spec;
}

AttemptStatus random_status(Rng& rng, const AttemptKey& key) {
  AttemptStatus s;
  s.key = key;
  s.restart = static_cast<std::uint32_t>(rng.below(5));
  s.observed = static_cast<Observed>(rng.below(9));
  s.final = s.observed == Observed::exited && chance(rng, 2);
  s.failure = static_cast<Failure>(rng.below(7));
  s.failures = static_cast<std::uint32_t>(rng.below(5));
  s.reason = random_text(rng);
  s.health = static_cast<Health>(rng.below(4));
  if (chance(rng, 2)) s.container_id = std::string(64, 'c');
  if (chance(rng, 2)) s.container_ip = "172.17.0.2";
  for (std::uint64_t n = rng.below(4); n > 0; --n) {
    HostPort& p = s.host_ports.emplace_back();
    p.container = random_port(rng);
    p.host_ip = chance(rng, 2) ? "0.0.0.0" : "::";
    p.host_port = static_cast<std::uint16_t>(rng.below(65536));
  }
  std::sort(s.host_ports.begin(), s.host_ports.end());
  s.exit_code = static_cast<std::int32_t>(rng.below(256)) - 1;
  s.started = random_time(rng);
  s.finished = random_time(rng);
  return s;
}

Task random_task(Rng& rng) {
  Task task;
  task.id = TaskId(rng.uuid());
  task.spec = random_spec(rng);
  task.created = random_time(rng);
  task.desired = static_cast<Desired>(rng.below(2));
  task.attempt = static_cast<std::uint32_t>(rng.below(4));
  if (chance(rng, 2)) task.node = "n" + std::to_string(rng.below(9));
  task.moves = static_cast<std::uint32_t>(rng.below(4));
  task.revision = rng.next();
  task.status = random_status(rng, {task.id, task.attempt});
  if (task.spec->health.kind == HealthCheck::Kind::none) task.status.health = Health::unknown;
  task.restarts_before = static_cast<std::uint32_t>(rng.below(9));
  if (chance(rng, 3)) task.avoided = {{"n1", random_time(rng), random_text(rng)}};
  return task;
}

}  // namespace cube::api
