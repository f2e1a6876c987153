#include "sim/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/assert.h"
#include "sim/settings.h"

namespace cube::sim {
namespace {

constexpr std::size_t story_lines_kept = 150;
// Fewer lives need not have met everything.
constexpr std::uint64_t lives_for_hits = 200;
constexpr std::uint32_t nodes_per_client = 100;

struct AssertionFailed {
  std::string what;
};

void throw_assertion(std::string_view expression, std::source_location where) {
  throw AssertionFailed{
      fmt::format("{}:{}: assertion failed: {}", where.file_name(), where.line(), expression)};
}

bool read_number(std::string_view text, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_set(const BatchOptions& batch, std::string_view name) {
  return std::ranges::any_of(batch.set, [&](const auto& item) { return item.first == name; });
}

void tell_failure(const BatchOptions& batch, const Options& options,
                  const std::function<void(const std::string&)>& say) {
  const Outcome told = live(options, story_lines_kept);
  for (const std::string& line : told.story) say(line);
  say("");
  say(options.str());
  for (const std::string& f : told.findings) say(fmt::format("FAILED seed {}: {}", told.seed, f));
  say("reproduce: " + reproduce(batch, told.seed));
}

}  // namespace

std::optional<std::string> read_seeds(const std::string& seeds, std::uint64_t seed,
                                      BatchOptions& into) {
  into.one = seeds.empty() && seed != 0;
  if (into.one) {
    into.first = into.last = seed;
    return std::nullopt;
  }
  if (seeds.empty()) return std::nullopt;
  const auto dots = seeds.find("..");
  bool ok = false;
  if (dots == std::string::npos) {
    into.first = 1;
    ok = read_number(seeds, into.last);
  } else {
    ok = read_number(std::string_view(seeds).substr(0, dots), into.first) &&
         read_number(std::string_view(seeds).substr(dots + 2), into.last);
  }
  if (ok && into.first >= 1 && into.first <= into.last) return std::nullopt;
  return fmt::format("--seeds {}: a number of lives, or A..B", seeds);
}

std::optional<std::string> check_settings(const BatchOptions& batch) {
  Options tried;
  for (const auto& [name, value] : batch.set) {
    if (auto wrong = set_option(tried, name, value)) return wrong;
  }
  return std::nullopt;
}

Options options_for(std::uint64_t seed, const BatchOptions& batch) {
  Options o = Options::draw(seed);
  for (const auto& [name, value] : batch.set) CUBE_ASSERT(!set_option(o, name, value));
  if (!is_set(batch, "tasks")) o.tasks_max = std::max(o.tasks_max, o.nodes);
  if (!is_set(batch, "clients")) o.clients = std::max(o.clients, o.nodes / nodes_per_client);
  if (!batch.only.empty()) {
    o.faults = 0;
    for (std::size_t f = 0; f < fault_kinds; ++f) {
      for (const std::string& kind : batch.only) {
        if (kind == name(static_cast<Fault>(f))) o.faults |= 1U << f;
      }
    }
  }
  o.shared_machine = o.shared_machine && o.nodes >= 2;
  return o;
}

std::string reproduce(const BatchOptions& batch, std::uint64_t seed) {
  std::string out = fmt::format("cube-sim --seed {}", seed);
  for (const auto& [name, value] : batch.set) out += fmt::format(" --{} {}", name, value);
  if (!batch.only.empty()) out += fmt::format(" --fault {}", fmt::join(batch.only, ","));
  return out;
}

Outcome live(const Options& options, std::size_t story_lines_max) {
  const AssertionHandler before = on_assertion(throw_assertion);
  World world(options, story_lines_max);
  Outcome out;
  try {
    out = world.live();
  } catch (const AssertionFailed& failed) {
    out = world.ended_by(failed.what);
  }
  on_assertion(before);
  return out;
}

std::vector<std::string_view> never_met(const Hits& hits) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < hits.counts.size(); ++i) {
    if (hits.counts[i] == 0) out.push_back(name(static_cast<Hit>(i)));
  }
  return out;
}

bool run_batch(const BatchOptions& batch, const std::function<void(const std::string&)>& say) {
  Hits hits;
  std::uint64_t events = 0, failed = 0, hash = 0, tasks = 0;
  Duration lived{}, slowest{};
  for (std::uint64_t seed = batch.first; seed <= batch.last; ++seed) {
    const Options options = options_for(seed, batch);
    if (batch.one && !batch.quiet) say(options.str());
    const std::size_t lines =
        batch.story ? std::numeric_limits<std::size_t>::max() : std::size_t{0};
    const Outcome life = live(options, lines);
    for (const std::string& line : life.story) say(line);
    if (batch.one && !batch.quiet) {
      say(
          fmt::format("seed {}: hash {:016x}, {} events, {} tasks, {} s lived, as asked {} s after "
                      "the last fault",
                      seed, life.hash, life.events, life.tasks, life.lived / 1s, life.healed / 1s));
    }
    hits += life.hits;
    events += life.events;
    tasks += life.tasks;
    lived += life.lived;
    slowest = std::max(slowest, life.healed);
    hash = stable_hash(fmt::format("{:x}", life.hash), hash);
    if (life.findings.empty()) continue;
    if (++failed == 1) tell_failure(batch, options, say);
    if (failed > 1) say(fmt::format("FAILED seed {}: {}", seed, life.findings.front()));
  }
  const std::uint64_t lives = batch.last - batch.first + 1;
  say(
      fmt::format("{} lives, {} failed; {} events, {} tasks, {} virtual hours; as asked at most {} "
                  "s after the last fault; hash {:016x}",
                  lives, failed, events, tasks, lived / 1h, slowest / 1s, hash));
  bool weak = false;
  if (!batch.quiet && !batch.one) {
    for (std::size_t i = 0; i < hits.counts.size(); ++i) {
      say(fmt::format("  {:>8}  {}", hits.counts[i], name(static_cast<Hit>(i))));
    }
  }
  if (lives >= lives_for_hits) {
    for (const std::string_view hit : never_met(hits)) {
      weak = true;
      say(fmt::format("TOO WEAK: none of the lives met {}", hit));
    }
  }
  return failed == 0 && !weak;
}

}  // namespace cube::sim
