#include "service/autoscale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace cube::service {
namespace {

using By = AutoscalePolicy::By;

// A sample older than this many intervals says nothing.
constexpr int intervals_kept = 2;

std::uint32_t clamp(const AutoscalePolicy& p, std::uint64_t count) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(count, p.min, p.max));
}

// What the numbers ask for, before steps, windows and cool-downs; nothing: they are missing.
struct Wish {
  std::uint32_t replicas = 0;
  std::string why;
};

std::optional<Wish> by_usage(const AutoscalePolicy& p, const Samples& samples,
                             std::uint32_t present, const std::vector<TaskId>& ready, Instant now) {
  double cpu = 0, memory = 0;
  for (const TaskId& id : ready) {
    const auto at = samples.usage.find(id);
    if (at == samples.usage.end() || now - at->second.at > intervals_kept * p.interval ||
        !std::isfinite(at->second.cpu) || !std::isfinite(at->second.memory)) {
      return std::nullopt;
    }
    cpu += at->second.cpu;
    memory += at->second.memory;
  }
  if (ready.empty()) return std::nullopt;
  cpu /= static_cast<double>(ready.size());
  memory /= static_cast<double>(ready.size());
  std::string numbers =
      fmt::format("CPU {:.0f} %, memory {:.0f} % on average of {}", cpu, memory, ready.size());
  if (cpu >= p.high || memory >= p.high) {
    return Wish{clamp(p, present + 1), numbers + fmt::format("; {} % or more: one more", p.high)};
  }
  if (cpu < p.low && memory < p.low) {
    return Wish{clamp(p, present - (present > 0 ? 1 : 0)),
                numbers + fmt::format("; both under {} %: one less", p.low)};
  }
  return Wish{clamp(p, present), numbers};
}

// Not one ingress was heard in time: the count is not zero but unknown.
bool is_blind(const AutoscalePolicy& p, const Samples& samples, Instant now) {
  return std::ranges::none_of(samples.sources, [&](const auto& s) {
    return now - s.second.at <= std::min<Duration>(intervals_kept * p.interval, 30s);
  });
}

std::optional<Wish> by_requests(const AutoscalePolicy& p, const Samples& samples,
                                std::uint32_t present, Instant now) {
  if (is_blind(p, samples, now)) return std::nullopt;
  const std::uint64_t n = samples.requests;
  if (p.by == By::requests) {
    return Wish{clamp(p, n / p.per_replica + 1),
                fmt::format("{} requests in {}; {} / {} + 1 replicas", n,
                            format_duration(p.interval), n, p.per_replica)};
  }
  const double seconds = std::max(1e-3, static_cast<double>((now - samples.window).count()) / 1e6);
  const double rate = static_cast<double>(n) / seconds;
  // One more or less at the border would go back and forth: a tenth is left alone.
  const double asked = rate / p.per_replica;
  const auto replicas = static_cast<std::uint64_t>(std::ceil(asked));
  std::string why =
      fmt::format("{:.1f} requests a second; {} for each replica", rate, p.per_replica);
  if (present > 0 && std::abs(asked / present - 1) <= 0.1) return Wish{clamp(p, present), why};
  return Wish{clamp(p, replicas), why};
}

// Down only as far as everything that was advised lately allows.
std::uint32_t stabilized(const AutoscalePolicy& p, Samples& samples, std::uint32_t wish,
                         Instant now) {
  samples.advised.emplace_back(now, wish);
  while (now - samples.advised.front().first > p.stabilization && samples.advised.size() > 1) {
    samples.advised.pop_front();
  }
  std::uint32_t highest = wish;
  for (const auto& [at, count] : samples.advised) highest = std::max(highest, count);
  return highest;
}

std::uint32_t stepped(const AutoscalePolicy& p, std::uint32_t present, std::uint32_t wish) {
  if (p.max_step == 0) return wish;
  if (wish > present) return std::min(wish, present + p.max_step);
  return std::max(wish, present > p.max_step ? present - p.max_step : 0);
}

}  // namespace

void count_requests(Samples& samples, const std::string& source, WallTime since,
                    std::uint64_t counted, Instant now) {
  auto [at, is_new] = samples.sources.try_emplace(source);
  Samples::Source& s = at->second;
  // A source that began anew counts from nothing; one that is new to us began before we looked.
  const bool anew = !is_new && s.since != since;
  const std::uint64_t before = is_new ? counted : anew ? 0 : std::min(s.counted, counted);
  const std::uint64_t more = counted - before;
  s = {now, since, counted};
  if (more == 0) return;
  if (samples.window == Instant{}) samples.window = now;
  samples.requests += more;
}

Advice advise(const AutoscalePolicy& p, Samples& samples, std::uint32_t present,
              const std::vector<TaskId>& ready, Instant now) {
  Advice out;
  out.replicas = present;
  if (p.by == By::none) return out;
  if (present < p.min || present > p.max) {
    out.replicas = clamp(p, present);
    out.why = fmt::format("{} to {} are allowed", p.min, p.max);
    return out;
  }
  if (p.by == By::requests) {
    // The window begins with the first request.
    if (samples.window == Instant{}) return out;
    if (now < samples.window + p.interval) {
      out.look_again = samples.window + p.interval;
      return out;
    }
  } else if (now < samples.next_look) {
    out.look_again = samples.next_look;
    return out;
  }
  samples.next_look = now + p.interval;
  out.look_again = samples.next_look;
  if (p.by == By::rate && samples.window == Instant{} && !samples.sources.empty()) {
    samples.window = now - p.interval;
  }
  const auto wish = p.by == By::usage ? by_usage(p, samples, present, ready, now)
                                      : by_requests(p, samples, present, now);
  samples.requests = 0;
  if (p.by != By::usage) samples.window = now;
  if (!wish) return out;
  std::uint32_t count = wish->replicas;
  if (count < present)
    count = std::min(present, stabilized(p, samples, count, now));
  else
    stabilized(p, samples, count, now);
  count = clamp(p, stepped(p, present, count));
  const Duration cooldown = count > present ? p.up_cooldown : p.down_cooldown;
  if (count != present && samples.changed != Instant{} && now < samples.changed + cooldown) {
    return out;
  }
  out.why = wish->why;
  if (count == present) return out;
  out.replicas = count;
  samples.changed = now;
  return out;
}

}  // namespace cube::service
