#include "service/rollout.h"

#include <algorithm>
#include <map>

#include "base/assert.h"

namespace cube::service {
namespace {

// What a slot holds that is not on its way out.
struct Slot {
  bool wanted = false;
  bool done = false;                  // its last replica ended well and is not to be replaced
  bool failed = false;                // its replica of the target did, in this update
  std::vector<std::size_t> present;   // of the target, where they may stay
  std::vector<std::size_t> outdated;  // of another version
  std::vector<std::size_t> leaving;   // of any version, on a node to be emptied

  bool is_empty() const { return present.empty() && outdated.empty() && leaving.empty(); }
};

bool settled(const Replica& r, const Situation& s) {
  return r.stage == Stage::ready && r.ready_since + s.policy.monitor <= s.now;
}

std::map<std::uint32_t, Slot> slots_of(const Situation& s) {
  std::map<std::uint32_t, Slot> out;
  for (const std::uint32_t slot : s.slots) out[slot].wanted = true;
  for (const std::uint32_t slot : s.failed) out[slot].failed = true;
  for (std::size_t i = 0; i < s.replicas.size(); ++i) {
    const Replica& r = s.replicas[i];
    if (r.stage == Stage::over) {
      if (r.done && r.version == s.target) out[r.slot].done = true;
      continue;
    }
    Slot& slot = out[r.slot];  // not wanted, perhaps, but there
    if (r.retiring) continue;
    auto& of = r.displaced ? slot.leaving : r.version == s.target ? slot.present : slot.outdated;
    of.push_back(i);
  }
  return out;
}

class Decider {
 public:
  explicit Decider(const Situation& s) : s_(s), slots_(slots_of(s)) {}

  Decision run() {
    for (auto& [number, slot] : slots_) {
      if (!slot.wanted) {
        retire(slot.present);
        retire(slot.outdated);
        retire(slot.leaving);
      } else {
        settle(slot);
      }
    }
    for (auto& [number, slot] : slots_) {
      if (!slot.wanted) continue;
      empty_node(number, slot);
      fill(number, slot);
    }
    if (updates() && !is_failed()) exchange();
    judge();
    return std::move(out_);
  }

 private:
  bool updates() const { return s_.state == State::updating || s_.state == State::rolling_back; }
  bool is_start_first() const { return s_.order == UpdatePolicy::Order::start_first; }
  bool has_stable() const { return s_.stable != 0 && s_.stable != s_.target; }

  bool any_ready(const std::vector<std::size_t>& of) const {
    return std::ranges::any_of(of,
                               [&](std::size_t i) { return s_.replicas[i].stage == Stage::ready; });
  }

  void retire(std::vector<std::size_t>& of) {
    for (const std::size_t i : of) out_.retire.push_back(i);
    of.clear();
  }

  // Where the new one is ready, and proved, the old one goes. Of two of a kind the one that is
  // ready stays. What is not ready gives nothing by staying on a node to be emptied.
  void settle(Slot& slot) {
    keep_one(slot.present);
    keep_one(slot.outdated);
    if (!slot.present.empty() && is_proved(slot, s_.replicas[slot.present.front()])) {
      retire(slot.outdated);
      retire(slot.leaving);
    }
    const bool served = any_ready(slot.outdated);
    std::erase_if(slot.leaving, [&](std::size_t i) {
      const Replica& r = s_.replicas[i];
      const bool replaced = r.version == s_.target && any_ready(slot.present);
      const bool goes = r.stage != Stage::ready || served || replaced;
      if (goes) out_.retire.push_back(i);
      return goes;
    });
  }

  // One that has failed before is believed only after the whole time.
  bool is_proved(const Slot& slot, const Replica& r) const {
    if (r.stage != Stage::ready) return false;
    const Duration least = slot.failed ? std::max(r.proof, s_.policy.monitor) : r.proof;
    const Instant at = r.ready_since + least;
    look_again(at);
    return at <= s_.now;
  }

  void keep_one(std::vector<std::size_t>& of) {
    std::ranges::stable_sort(of, [&](std::size_t a, std::size_t b) {
      return (s_.replicas[a].stage == Stage::ready) > (s_.replicas[b].stage == Stage::ready);
    });
    for (; of.size() > 1; of.pop_back()) out_.retire.push_back(of.back());
  }

  // What serves there is replaced by one of its own version, unless another is on its way.
  void empty_node(std::uint32_t number, Slot& slot) {
    if (slot.leaving.empty()) return;
    if (!is_start_first()) return retire(slot.leaving);
    const std::uint64_t version = s_.replicas[slot.leaving.front()].version;
    if (version == s_.target || !has_stable()) {
      if (slot.present.empty()) start(number, s_.target);
      return;
    }
    const bool comes = !slot.outdated.empty() || (!slot.present.empty() && !slot.failed);
    if (!comes) start(number, s_.stable);
  }

  // A slot without anything gets something. Beside a new one that has failed something serves.
  void fill(std::uint32_t number, const Slot& slot) {
    if (slot.done) return;
    const bool lacks = is_start_first() && slot.failed && !slot.present.empty() &&
                       !any_ready(slot.present) && slot.outdated.empty() && slot.leaving.empty();
    if (lacks && has_stable()) return start(number, s_.stable);
    if (!slot.is_empty() || (!is_start_first() && is_leaving(number))) return;
    const bool falls_back =
        s_.state == State::paused ? is_failed() || slot.failed : slot.failed && is_start_first();
    start(number, falls_back && has_stable() ? s_.stable : s_.target);
  }

  void start(std::uint32_t slot, std::uint64_t version) {
    const Start one{slot, version};
    if (std::ranges::find(out_.start, one) == out_.start.end()) out_.start.push_back(one);
  }

  // With stop_first the next one waits until nothing is left of the one before.
  bool is_leaving(std::uint32_t number) const {
    const auto leaves = [&](const Replica& r) {
      return r.slot == number && r.retiring && r.stage != Stage::over;
    };
    const auto goes_now = [&](std::size_t i) { return s_.replicas[i].slot == number; };
    return std::ranges::any_of(s_.replicas, leaves) || std::ranges::any_of(out_.retire, goes_now);
  }

  // Slots that the update has begun to change and not finished. One that has failed is none: who
  // goes on all the same does not wait for it.
  std::uint32_t in_progress(Instant& last_settled) const {
    std::uint32_t count = 0;
    for (const auto& [number, slot] : slots_) {
      if (!slot.wanted || slot.done) continue;
      if (slot.present.empty()) {
        count += slot.is_empty() && !slot.failed ? 1 : 0;  // stopped first, the next not there yet
        continue;
      }
      const Replica& r = s_.replicas[slot.present.front()];
      if (settled(r, s_)) {
        last_settled = std::max(last_settled, r.ready_since + s_.policy.monitor);
        continue;
      }
      count += slot.failed ? 0 : 1;
      if (r.stage == Stage::ready) look_again(r.ready_since + s_.policy.monitor);
    }
    return count;
  }

  void look_again(Instant at) const {
    if (at > s_.now) out_.look_again = std::min(out_.look_again, at);
  }

  bool is_served(const Slot& slot) const {
    return any_ready(slot.outdated) || any_ready(slot.leaving);
  }

  // What does not run loses nothing by being replaced at once, but is one of those that are down:
  // perhaps an update before this one took it down. Only then those that do run. One that failed
  // and is over is tried again, beside what serves.
  void exchange() {
    Instant last_settled{};
    std::uint32_t busy = in_progress(last_settled);
    for (auto& [number, slot] : slots_) {
      if (!is_to_be_exchanged(slot) || (is_served(slot) && !slot.failed)) continue;
      busy += slot.failed ? 0 : 1;
      replace(number, slot);
    }
    const Instant next = last_settled + s_.policy.delay;
    const bool must_wait = s_.policy.delay > 0s && last_settled > Instant{} && next > s_.now;
    for (auto& [number, slot] : slots_) {
      if (!is_to_be_exchanged(slot) || !is_served(slot) || slot.failed) continue;
      if (must_wait) return look_again(next);
      if (s_.policy.parallelism != 0 && busy >= s_.policy.parallelism) return;
      ++busy;
      replace(number, slot);
    }
  }

  static bool is_to_be_exchanged(const Slot& slot) {
    return slot.wanted && slot.present.empty() && !(slot.outdated.empty() && slot.leaving.empty());
  }

  void replace(std::uint32_t number, Slot& slot) {
    if (is_start_first()) return start(number, s_.target);
    for (const std::size_t i : slot.outdated) out_.retire.push_back(i);
  }

  bool too_many_failures() const {
    return std::uint64_t{s_.failures} * 1000 >
           std::uint64_t{s_.policy.max_failures_permille} * s_.slots.size();
  }

  bool is_failed() const {
    return too_many_failures() && s_.policy.on_failure != UpdatePolicy::OnFailure::go_on;
  }

  void judge() {
    if (s_.state == State::stable) return;
    // A paused update that came good all the same is done.
    if (updates() && is_failed()) {
      out_.outcome = Outcome::failed;
      return;
    }
    bool all = true;
    for (const auto& [number, slot] : slots_) {
      if (!slot.wanted || slot.done) continue;
      if (updates() && slot.failed && !any_ready(slot.present)) {
        all = false;
        continue;
      }
      if (!slot.outdated.empty() || !slot.leaving.empty() || slot.present.empty()) return;
      if (!settled(s_.replicas[slot.present.front()], s_)) return;
    }
    out_.outcome = all ? Outcome::done : Outcome::incomplete;
  }

  const Situation& s_;
  std::map<std::uint32_t, Slot> slots_;
  mutable Decision out_;
};

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::stable:
      return "stable";
    case State::updating:
      return "updating";
    case State::paused:
      return "paused";
    case State::rolling_back:
      return "rolling-back";
  }
  CUBE_UNREACHABLE();
}

Decision decide(const Situation& s) {
  return Decider(s).run();
}

}  // namespace cube::service
