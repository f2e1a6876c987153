#include "sim/settings.h"

#include <fmt/format.h>

#include <charconv>

namespace cube::sim {
namespace {

constexpr std::uint64_t most_ms = 3'600'000, permille = 1000;

std::uint32_t narrow(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

Duration of_ms(std::uint64_t value) {
  return static_cast<std::int64_t>(value) * 1ms;
}

constexpr Setting all[] = {
    {"nodes", "Machines with a worker", 100'000, [](Options& o, auto v) { o.nodes = narrow(v); }},
    {"clients", "Who submit tasks", 10'000, [](Options& o, auto v) { o.clients = narrow(v); }},
    {"tasks", "Tasks submitted at most", 10'000'000,
     [](Options& o, auto v) { o.tasks_max = narrow(v); }},
    {"chaos", "Virtual seconds of chaos", 86'400,
     [](Options& o, auto v) { o.chaos = of_ms(v * 1000); }},
    {"fault-every", "About so many ms from one fault to the next", most_ms,
     [](Options& o, auto v) { o.fault_every = of_ms(v); }},
    {"workers-join", "1: workers announce themselves", 1,
     [](Options& o, auto v) { o.workers_join = v != 0; }},
    {"shared-machine", "1: the first two workers use one engine", 1,
     [](Options& o, auto v) { o.shared_machine = v != 0; }},
    {"live-restore", "1: containers outlive their engine", 1,
     [](Options& o, auto v) { o.live_restore = v != 0; }},
    {"codec", "1: what travels goes through its JSON", 1,
     [](Options& o, auto v) { o.codec = v != 0; }},
    {"exclusive", "Exclusive tasks, of 1000", permille,
     [](Options& o, auto v) { o.exclusive = narrow(v); }},
    {"drift", "Clocks go so many ppm wrong at most, either way", 50'000,
     [](Options& o, auto v) { o.drift_ppm_max = static_cast<std::int64_t>(v); }},
    {"services", "Services at most at a time", 9,
     [](Options& o, auto v) { o.services = narrow(v); }},
    {"ingresses", "Ingresses that send requests to them", 100,
     [](Options& o, auto v) { o.ingresses = narrow(v); }},
    {"lost", "Messages lost, of 1000", permille, [](Options& o, auto v) { o.lost = narrow(v); }},
    {"duplicated", "Messages that arrive twice, of 1000", permille,
     [](Options& o, auto v) { o.duplicated = narrow(v); }},
    {"held", "Messages held for a long time, of 1000", permille,
     [](Options& o, auto v) { o.held = narrow(v); }},
    {"delay", "The longest way of a message, ms", most_ms,
     [](Options& o, auto v) { o.delay_max = of_ms(v); }},
    {"op-fails", "Engine operations that fail, of 1000", permille,
     [](Options& o, auto v) { o.op_fails = narrow(v); }},
    {"op-answer-lost", "... whose answer is lost, of 1000", permille,
     [](Options& o, auto v) { o.op_answer_lost = narrow(v); }},
    {"op-late", "... that happen after the caller gave up, of 1000", permille,
     [](Options& o, auto v) { o.op_late = narrow(v); }},
    {"op-delay", "The longest engine operation, ms", most_ms,
     [](Options& o, auto v) { o.op_delay_max = of_ms(v); }},
    {"pull", "The longest pull, ms", most_ms, [](Options& o, auto v) { o.pull_max = of_ms(v); }},
};

}  // namespace

std::span<const Setting> settings() {
  return all;
}

std::optional<std::string> set_option(Options& options, std::string_view name,
                                      std::string_view value) {
  if (name == policy_setting) {
    const auto policy = scheduler::policy_from(value);
    if (!policy.ok()) return policy.error().message;
    options.policy = *policy;
    return std::nullopt;
  }
  for (const Setting& s : all) {
    if (s.name != name) continue;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool ok = error == std::errc() && end == value.data() + value.size();
    const std::uint64_t least = name == "nodes" || name == "clients" || name == "chaos" ? 1 : 0;
    if (!ok || number < least || number > s.most) {
      return fmt::format("--{} {}: a number from {} to {}", name, value, least, s.most);
    }
    s.set(options, number);
    return std::nullopt;
  }
  return fmt::format("--{}: there is no such option", name);
}

}  // namespace cube::sim
