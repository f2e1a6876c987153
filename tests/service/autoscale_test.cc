// How many replicas: tables of numbers, and curves of load played out.

#include "service/autoscale.h"

#include <doctest/doctest.h>

#include <limits>

using namespace cube;
using namespace cube::service;
using By = AutoscalePolicy::By;

namespace {

constexpr Instant start{10'000'000'000};
const WallTime since{1'700'000'000'000'000};

TaskId task(std::uint64_t n) {
  return TaskId(Uuid::from_random(n, n));
}

AutoscalePolicy policy(By by, std::uint32_t min, std::uint32_t max) {
  AutoscalePolicy p;
  p.by = by;
  p.min = min;
  p.max = max;
  return p;
}

std::uint32_t by_usage(double cpu, double memory, std::uint32_t present, Duration age = 1s) {
  Samples samples;
  std::vector<TaskId> ready;
  for (std::uint32_t i = 1; i <= present; ++i) {
    ready.push_back(task(i));
    samples.usage[task(i)] = {start - age, cpu, memory};
  }
  auto p = policy(By::usage, 1, 5);
  p.interval = 5s;
  return advise(p, samples, present, ready, start).replicas;
}

// Requests within the window that ends now.
std::uint32_t by_requests(std::uint64_t n, std::uint32_t present, std::uint32_t max = 10) {
  Samples samples;
  const auto p = policy(By::requests, 1, max);
  count_requests(samples, "i", since, 0, start);
  count_requests(samples, "i", since, n, start);
  count_requests(samples, "i", since, n, start + 119s);
  return advise(p, samples, present, {}, start + 120s).replicas;
}

}  // namespace

TEST_CASE("by usage: at or over 80 % one more, both under 20 % one less, else nothing") {
  CHECK(by_usage(80, 0, 2) == 3);
  CHECK(by_usage(0, 80, 2) == 3);
  CHECK(by_usage(79, 79, 2) == 2);
  CHECK(by_usage(19, 19, 2) == 1);
  CHECK(by_usage(19, 20, 2) == 2);
  CHECK(by_usage(99, 99, 5) == 5);  // the most
  CHECK(by_usage(0, 0, 1) == 1);    // the least
}

TEST_CASE("never on samples that are missing, old or no numbers") {
  CHECK(by_usage(99, 99, 2, 11s) == 2);
  CHECK(by_usage(std::numeric_limits<double>::quiet_NaN(), 0, 2) == 2);
  CHECK(by_usage(std::numeric_limits<double>::infinity(), 0, 2) == 2);
  Samples samples;
  samples.usage[task(1)] = {start, 99, 99};
  const auto p = policy(By::usage, 1, 5);
  CHECK(advise(p, samples, 2, {task(1), task(2)}, start).replicas == 2);
  CHECK(advise(p, samples, 2, {}, start + 200s).replicas == 2);
}

TEST_CASE("by requests: the table of the Container Orchestrator") {
  const std::pair<std::uint64_t, std::uint32_t> rows[] = {
      {1, 1},  {19, 1},  {20, 2},   {39, 2},   {40, 3},   {59, 3},
      {60, 4}, {179, 9}, {180, 10}, {199, 10}, {200, 10}, {5000, 10},
  };
  for (const auto& [n, replicas] : rows) {
    CAPTURE(n);
    CHECK(by_requests(n, 1) == replicas);
    CHECK(by_requests(n, 10) == replicas);
  }
}

TEST_CASE("the window begins with the first request and is looked at when it ends") {
  Samples samples;
  const auto p = policy(By::requests, 1, 10);
  count_requests(samples, "i", since, 0, start);
  CHECK(advise(p, samples, 1, {}, start + 1h).look_again.is_never());
  count_requests(samples, "i", since, 25, start + 1h);
  CHECK(advise(p, samples, 1, {}, start + 1h).look_again == start + 1h + 120s);
  count_requests(samples, "i", since, 25, start + 1h + 119s);
  CHECK(advise(p, samples, 1, {}, start + 1h + 120s).replicas == 2);
}

TEST_CASE("several ingresses are added up; one that began anew counts from nothing") {
  Samples samples;
  count_requests(samples, "a", since, 1000, start);  // before we looked
  CHECK(samples.requests == 0);
  count_requests(samples, "a", since, 1010, start);
  count_requests(samples, "b", since, 0, start);
  count_requests(samples, "b", since, 7, start);
  CHECK(samples.requests == 17);
  count_requests(samples, "a", since + 1h, 3, start);
  CHECK(samples.requests == 20);
  count_requests(samples, "a", since + 1h, 1, start);  // an old report comes late
  CHECK(samples.requests == 20);
}

TEST_CASE("no ingress was heard: the count is unknown, not zero") {
  Samples samples;
  const auto p = policy(By::requests, 1, 10);
  count_requests(samples, "i", since, 0, start);
  count_requests(samples, "i", since, 5, start);
  CHECK(advise(p, samples, 7, {}, start + 120s).replicas == 7);
}

TEST_CASE("out of bounds comes back at once") {
  Samples samples;
  CHECK(advise(policy(By::usage, 3, 5), samples, 1, {}, start).replicas == 3);
  CHECK(advise(policy(By::usage, 3, 5), samples, 9, {}, start).replicas == 5);
}

TEST_CASE("a curve of load by rate: up at once, down after the window, never by more than a step") {
  Samples samples;
  auto p = policy(By::rate, 1, 20);
  p.per_replica = 10;
  p.interval = 10s;
  p.stabilization = 60s;
  p.max_step = 4;
  std::uint32_t present = 1, most = 1;
  std::uint64_t counted = 0;
  Instant now = start;
  int changes = 0;
  const auto load = [&](std::uint32_t rate, Duration span) {
    for (Duration t{}; t < span; t += 1s, now = now + 1s) {
      counted += rate;
      count_requests(samples, "i", since, counted, now);
      const auto advice = advise(p, samples, present, {}, now);
      CHECK(advice.replicas <= present + 4);
      CHECK(advice.replicas + 4 >= present);
      if (advice.replicas != present) {
        ++changes;
        CHECK_FALSE(advice.why.empty());
      }
      present = advice.replicas;
      most = std::max(most, present);
    }
  };
  load(5, 60s);
  CHECK(present == 1);
  load(100, 60s);
  CHECK(present == 10);
  load(20, 30s);
  CHECK(present == 10);  // not yet
  load(20, 120s);
  CHECK(present == 2);
  const int before = changes;
  for (int i = 0; i < 20; ++i) load(i % 2 == 0 ? 19 : 21, 10s);
  CHECK(changes == before);  // noise changes nothing
  CHECK(most <= 11);
}
