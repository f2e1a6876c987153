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
  std::vector<std::size_t> present;   // of the target, where they may stay
  std::vector<std::size_t> outdated;  // of another version, or on a node to be emptied
  bool displaced = false;             // an outdated one is so because of its node
};

bool settled(const Replica& r, const Situation& s) {
  return r.stage == Stage::ready && r.ready_since + s.policy.monitor <= s.now;
}

std::map<std::uint32_t, Slot> slots_of(const Situation& s) {
  std::map<std::uint32_t, Slot> out;
  for (const std::uint32_t slot : s.slots) out[slot].wanted = true;
  for (std::size_t i = 0; i < s.replicas.size(); ++i) {
    const Replica& r = s.replicas[i];
    if (r.stage == Stage::over) {
      if (r.done && r.version == s.target) out[r.slot].done = true;
      continue;
    }
    if (r.retiring) {
      out[r.slot];  // not wanted, perhaps, but there
      continue;
    }
    Slot& slot = out[r.slot];
    if (r.version == s.target && !r.displaced) {
      slot.present.push_back(i);
    } else {
      slot.outdated.push_back(i);
      slot.displaced = slot.displaced || (r.version == s.target && r.displaced);
    }
  }
  return out;
}

bool any_ready(const std::vector<std::size_t>& of, const Situation& s) {
  return std::ranges::any_of(of,
                             [&](std::size_t i) { return s.replicas[i].stage == Stage::ready; });
}

class Decider {
 public:
  explicit Decider(const Situation& s) : s_(s), slots_(slots_of(s)) {}

  Decision run() {
    for (auto& [number, slot] : slots_) {
      if (!slot.wanted) {
        retire_all(slot);
      } else {
        settle(slot);
      }
    }
    fill_empty();
    if (s_.state != State::paused) exchange();
    judge();
    return std::move(out_);
  }

 private:
  bool updates() const { return s_.state == State::updating || s_.state == State::rolling_back; }

  void retire_all(Slot& slot) {
    for (const std::size_t i : slot.present) out_.retire.push_back(i);
    for (const std::size_t i : slot.outdated) out_.retire.push_back(i);
  }

  // Where the new one is ready the old one goes. Of two of a kind the one that is ready stays.
  void settle(Slot& slot) {
    if (any_ready(slot.present, s_)) {
      for (const std::size_t i : slot.outdated) out_.retire.push_back(i);
      slot.outdated.clear();
    }
    keep_one(slot.present);
    keep_one(slot.outdated);
  }

  void keep_one(std::vector<std::size_t>& of) {
    std::ranges::stable_sort(of, [&](std::size_t a, std::size_t b) {
      return (s_.replicas[a].stage == Stage::ready) > (s_.replicas[b].stage == Stage::ready);
    });
    for (; of.size() > 1; of.pop_back()) out_.retire.push_back(of.back());
  }

  void fill_empty() {
    for (auto& [number, slot] : slots_) {
      if (!slot.wanted || slot.done || !slot.present.empty() || !slot.outdated.empty()) continue;
      if (s_.order == UpdatePolicy::Order::stop_first && is_leaving(number)) continue;
      out_.start.push_back(number);
    }
  }

  // With stop_first the next one waits until nothing is left of the one before.
  bool is_leaving(std::uint32_t number) const {
    return std::ranges::any_of(s_.replicas, [&](const Replica& r) {
      return r.slot == number && r.retiring && r.stage != Stage::over;
    });
  }

  // Slots that the update has begun to change and not finished.
  std::uint32_t in_progress(Instant& last_settled) const {
    std::uint32_t count = 0;
    for (const auto& [number, slot] : slots_) {
      if (!slot.wanted || slot.done) continue;
      if (slot.present.empty()) {
        count += slot.outdated.empty() ? 1 : 0;  // stopped first, the next one not there yet
        continue;
      }
      const Replica& r = s_.replicas[slot.present.front()];
      if (settled(r, s_)) {
        last_settled = std::max(last_settled, r.ready_since + s_.policy.monitor);
        continue;
      }
      ++count;
      if (r.stage == Stage::ready) look_again(r.ready_since + s_.policy.monitor);
    }
    return count;
  }

  void look_again(Instant at) const {
    if (at > s_.now) out_.look_again = std::min(out_.look_again, at);
  }

  // What does not run loses nothing by being replaced at once, but is one of those that are down:
  // perhaps an update before this one took it down. Only then those that do run.
  void exchange() {
    Instant last_settled{};
    std::uint32_t busy = in_progress(last_settled);
    const bool goes_on = updates() && !is_failed();
    for (auto& [number, slot] : slots_) {
      if (!is_to_be_exchanged(slot)) continue;
      // Its node is to be emptied: that waits for no update.
      if (!slot.displaced && (!goes_on || any_ready(slot.outdated, s_))) continue;
      ++busy;
      replace(number, slot);
    }
    if (!goes_on) return;
    const Instant next = last_settled + s_.policy.delay;
    const bool must_wait = s_.policy.delay > 0s && last_settled > Instant{} && next > s_.now;
    for (auto& [number, slot] : slots_) {
      if (!is_to_be_exchanged(slot) || slot.displaced || !any_ready(slot.outdated, s_)) continue;
      if (must_wait) return look_again(next);
      if (s_.policy.parallelism != 0 && busy >= s_.policy.parallelism) return;
      ++busy;
      replace(number, slot);
    }
  }

  static bool is_to_be_exchanged(const Slot& slot) {
    return slot.wanted && !slot.outdated.empty() && slot.present.empty();
  }

  void replace(std::uint32_t number, const Slot& slot) {
    if (s_.order == UpdatePolicy::Order::start_first) {
      out_.start.push_back(number);
      return;
    }
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
    for (const auto& [number, slot] : slots_) {
      if (!slot.wanted || slot.done) continue;
      if (!slot.outdated.empty() || slot.present.empty()) return;
      if (!settled(s_.replicas[slot.present.front()], s_)) return;
    }
    out_.outcome = Outcome::done;
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
