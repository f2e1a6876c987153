#pragma once
// `Process`: a daemon around a core, as daemon::CoreLoop is one: inputs wait in a queue, a batch of
// them is stepped, committed as one transaction, answered, and sent. Here it can be paused, crash
// between any two of these, and find its disk full or broken; what is left then are the committed
// records.

#include <fmt/format.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/planted.h"
#include "sim/disk.h"
#include "sim/process_hooks.h"
#include "sim/sim.h"

namespace cube::sim {

// `Traits` names a core's types: Core, Input, Effects, Reply, Wake.
template <class Traits>
class Process {
 public:
  using Core = typename Traits::Core;
  using Input = typename Traits::Input;
  using Effects = typename Traits::Effects;
  using Reply = typename Traits::Reply;
  using Body = decltype(Reply::body);
  using Answer = std::function<void(const Body*)>;  // null: the connection broke
  using Records = Disk::Records;
  using Hooks = ProcessHooks<Traits>;

  Process(Sim& sim, std::string name, Hooks hooks)
      : sim_(sim),
        name_(std::move(name)),
        hooks_(std::move(hooks)),
        rng_(sim.root.split("process " + name_)),
        disk_(sim.root.split("disk of " + name_)) {}

  bool is_up() const { return core_ != nullptr; }
  const Core& core() const { return *core_; }
  std::uint64_t generation() const { return generation_; }
  std::size_t waiting() const { return waiting_.size(); }
  Disk& disk() { return disk_; }

  // --- what is done to it
  void start() {
    if (is_up()) return;
    sim_.story.tell("{} starts", name_);
    full_since_ = Instant::never();
    load();
  }
  void crash() {
    if (!is_up()) return;
    sim_.story.tell("{} crashes", name_);
    end();
  }
  void crash_at(CrashAt point) { crash_at_ = point; }
  void pause_until(Instant until) {
    last_acted_ = last_acted();
    paused_until_ = std::max(paused_until_, until);
  }
  // It takes what was posted before this moment by then.
  Instant acts_at() const { return std::max({sim_.timeline.now(), paused_until_, resting_until_}); }
  bool is_paused() const { return sim_.timeline.now() < paused_until_; }
  // It runs, and nothing waits to end it.
  bool is_safe() const {
    return is_up() && !is_paused() && crash_at_ == CrashAt::never && !disk_.breaks();
  }
  // When it was last able to do something; and to do it in earnest, with room for its records.
  Instant last_acted() const { return is_up() && !is_paused() ? sim_.timeline.now() : last_acted_; }
  Instant last_stored() const { return std::min(last_acted(), full_since_); }

  // --- what comes in
  void post(Input input, std::uint64_t generation) {
    if (!is_up() || generation != generation_) return;
    inbox_.push_back(std::move(input));
    request_run();
  }
  template <class Make>
  void ask(Make make, Answer answer) {
    CUBE_ASSERT(is_up());
    const std::uint64_t token = ++last_token_;
    waiting_.emplace(token, std::move(answer));
    inbox_.push_back(make(token));
    request_run();
  }

 private:
  void load() {
    auto core = hooks_.load(disk_.records(), ++generation_);
    if (!core.ok()) return sim_.checks.fail("{} cannot load: {}", name_, core.error().message);
    core_ = std::make_unique<Core>(std::move(core).value());
    wake_at_ = Instant::never();
    run_requested_ = false;
    crash_at_ = CrashAt::never;
    hooks_.loaded();
    inbox_.push_back(typename Traits::Wake{});
    request_run();
  }

  void end() {
    last_acted_ = last_acted();
    core_ = nullptr;
    ++generation_;
    inbox_.clear();
    disk_.repair();
    auto waiting = std::exchange(waiting_, {});
    for (auto& [token, answer] : waiting) answer(nullptr);
  }

  void die(std::string_view why) {
    sim_.story.tell("{} ends: {}", name_, why);
    end();
    hooks_.died();
  }

  void request_run() {
    if (run_requested_) return;
    run_requested_ = true;
    // How long the step before and its commit take.
    const Duration takes = 50us + Duration(static_cast<std::int64_t>(rng_.below(4000)));
    const Instant at = std::max({sim_.timeline.now() + takes, paused_until_, resting_until_});
    sim_.timeline.at(at, [this, g = generation_] {
      if (g != generation_) return;
      run_requested_ = false;
      if (is_paused()) return request_run();
      run();
    });
  }

  void arm_wake() {
    const Instant at = hooks_.when(std::max(core_->next_wake(), not_before_));
    if (at >= wake_at_) return;
    wake_at_ = at;
    sim_.timeline.at(at, [this, at, g = generation_] {
      if (g != generation_ || wake_at_ != at) return;
      wake_at_ = Instant::never();
      request_run();
    });
  }

  void run() {
    const Instant now = hooks_.clock().mono;
    Effects effects;
    std::size_t steps = 0;
    for (; !inbox_.empty() && steps < limits::step_batch_inputs_max; ++steps) {
      core_->step(hooks_.clock(), std::move(inbox_.front()), effects);
      inbox_.pop_front();
      hooks_.step_over(effects);
    }
    if (core_->next_wake() <= now && not_before_ <= now) {
      core_->step(hooks_.clock(), typename Traits::Wake{}, effects);
      hooks_.step_over(effects);
      not_before_ = now + 1ms;
      if (wakes_.is_spinning(sim_.timeline.now())) {
        sim_.checks.fail("{} wants to be woken again and again", name_);
      }
    }
    hooks_.stepped(effects);
    const std::uint64_t g = generation_;
    leave(effects);
    if (g != generation_) return;
    if (!inbox_.empty()) request_run();
    arm_wake();
  }

  // Commit, then answer, then send; or end anywhere between.
  void leave(Effects& effects) {
    const bool matters = !effects.writes.empty() || !effects.replies.empty();
    const CrashAt point = matters ? std::exchange(crash_at_, CrashAt::never) : CrashAt::never;
    if (CUBE_PLANTED("answer-before-commit")) answer_all(effects);
    if (point == CrashAt::before_commit) {
      sim_.hits(Hit::crash_before_commit);
      return die("killed before the commit");
    }
    if (!effects.writes.empty() && !commit(effects)) return;
    if (point == CrashAt::after_commit) {
      sim_.hits(Hit::crash_after_commit);
      return die("killed after the commit, before the answer");
    }
    if (!CUBE_PLANTED("answer-before-commit")) answer_all(effects);
    if (point == CrashAt::after_answers) {
      sim_.hits(Hit::crash_after_answers);
      return die("killed after the answer, before anything was sent");
    }
    hooks_.send(effects);
  }

  void answer_all(Effects& effects) {
    for (auto& reply : effects.replies) {
      hooks_.answering(reply);
      const auto found = waiting_.find(reply.token);
      if (found == waiting_.end()) continue;
      const Answer answer = std::move(found->second);
      waiting_.erase(found);
      answer(&reply.body);
    }
  }

  bool commit(const Effects& effects) {
    bool applied = false;
    const auto committed = disk_.commit(effects.writes, applied);
    if (applied) hooks_.committed(effects.writes);
    if (committed.ok()) full_since_ = Instant::never();
    if (committed.ok()) return true;
    if (committed.error().code == Code::no_space) {
      undo(committed.error());
    } else {
      sim_.hits(Hit::io_error);
      die(committed.error().message);
    }
    return false;
  }

  // Everybody who waits is told; the core is loaded again from what is committed.
  void undo(const Error& error) {
    sim_.hits(Hit::no_space);
    sim_.story.tell("{} finds its disk full and undoes a batch", name_);
    inbox_.clear();
    auto waiting = std::exchange(waiting_, {});
    const Body body(error);
    for (auto& [token, answer] : waiting) answer(&body);
    resting_until_ = sim_.timeline.now() + 1s;
    full_since_ = std::min(full_since_, sim_.timeline.now());
    load();
  }

  Sim& sim_;
  std::string name_;
  Hooks hooks_;
  Rng rng_;
  Disk disk_;
  std::unique_ptr<Core> core_;
  std::uint64_t generation_ = 0, last_token_ = 0;
  std::deque<Input> inbox_;
  std::map<std::uint64_t, Answer> waiting_;
  SpinWatch wakes_;
  bool run_requested_ = false;
  CrashAt crash_at_ = CrashAt::never;
  Instant wake_at_ = Instant::never(), not_before_{}, paused_until_{}, resting_until_{},
          last_acted_{}, full_since_ = Instant::never();
};

}  // namespace cube::sim
