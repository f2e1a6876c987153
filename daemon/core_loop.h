#pragma once
// `CoreLoop`: the one thread that owns a pure core, and the order in which its effects leave:
// commit, then answer, then send.
//
// Inputs from any thread wait in a queue. The thread takes a batch of them, steps each, commits all
// their records in one transaction, and only then releases replies and sends. A batch is short in
// time, because those who read wait for its end: they are shown nothing that may still fail. A
// commit that found no room on the disk undoes the batch: everybody who waits is told, the core is
// loaded again from the committed records, and the daemon goes on. Any other failed commit ends the
// process.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "daemon/clock.h"
#include "daemon/failpoint.h"
#include "daemon/log.h"
#include "store/store.h"

namespace cube::daemon {

// `Traits` names a core's types: Core, Input, Effects, Reply, Wake.
template <class Traits>
class CoreLoop {
 public:
  using Core = typename Traits::Core;
  using Input = typename Traits::Input;
  using Effects = typename Traits::Effects;
  using Reply = typename Traits::Reply;
  using Body = decltype(Reply::body);
  using Answer = std::function<void(Body)>;  // on the core's thread; must not block

  struct Hooks {
    std::function<Result<Core>()> load;                            // from the committed records
    std::function<void(Effects&, std::uint64_t generation)> send;  // what goes out after answers
    std::function<void(std::uint64_t generation)> loaded;  // a core from committed records is there
  };

  CoreLoop(store::Store& store, Log& log, Hooks hooks)
      : store_(store), log_(log), hooks_(std::move(hooks)) {}
  ~CoreLoop() { stop(); }
  CoreLoop(const CoreLoop&) = delete;

  // Loads the core; its thread starts. An error says why the records cannot be used.
  Result<void> start() {
    auto core = hooks_.load();
    if (!core) return std::move(core).error();
    core_ = std::make_unique<Core>(std::move(core).value());
    hooks_.loaded(generation_);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  // Ends the thread after the batch at hand. Waiting callers are not answered.
  void stop() {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  // Hands in an input that nobody waits for. `generation` is that of the core whose effect it
  // answers: the outcome of what a core before it began means nothing to this one. Without it,
  // whichever core is there is told.
  void post(Input input, std::optional<std::uint64_t> generation = std::nullopt) {
    {
      std::lock_guard lock(mutex_);
      if (generation && *generation != generation_) return;
      inbox_.push_back(std::move(input));
    }
    wake_.notify_one();
  }

  // Hands in the input that `make` builds around a token; `answer` gets its reply.
  template <class Make>
  void ask(Make make, Answer answer) {
    {
      std::lock_guard lock(mutex_);
      const std::uint64_t token = ++last_token_;
      waiting_.emplace(token, std::move(answer));
      inbox_.push_back(make(token));
    }
    wake_.notify_one();
  }

  // Runs `read` on the core's thread, between batches: it sees committed state only.
  void read(std::function<void(const Core&)> read) {
    {
      std::lock_guard lock(mutex_);
      reads_.push_back(std::move(read));
    }
    wake_.notify_one();
  }

  // Within a read: was there room for the newest commit? While there is none the core decides in
  // vain: nothing of it is answered or sent.
  bool stores() const { return stores_; }

 private:
  void run() {
    for (;;) {
      std::deque<std::function<void(const Core&)>> reads;
      if (!wait_for_work(reads)) return;
      for (auto& read : reads) read(*core_);
      step();
    }
  }

  // Waits until there is something to do; false when the loop is to end.
  bool wait_for_work(std::deque<std::function<void(const Core&)>>& reads) {
    std::unique_lock lock(mutex_);
    const Instant due = later(core_->next_wake(), not_before_);
    const auto ready = [this] { return stopping_ || !inbox_.empty() || !reads_.empty(); };
    if (due.is_never()) {
      wake_.wait(lock, ready);
    } else {
      wake_.wait_until(lock, to_steady(due), ready);
    }
    if (stopping_) return false;
    reads.swap(reads_);
    return true;
  }

  std::optional<Input> next_input() {
    std::lock_guard lock(mutex_);
    if (inbox_.empty()) return std::nullopt;
    std::optional<Input> input = std::move(inbox_.front());
    inbox_.pop_front();
    return input;
  }

  void step() {
    Effects effects;
    Now now = read_clock();
    const Instant enough = now.mono + limits::step_batch_time;
    std::size_t steps = 0;
    if (core_->next_wake() <= now.mono && not_before_ <= now.mono) {
      core_->step(now, typename Traits::Wake{}, effects);
      ++steps;
      // One that stays in the past may be a bug, which must not become a spinning thread too.
      not_before_ = now.mono + 1ms;
    }
    for (; steps < limits::step_batch_inputs_max && now.mono < enough; ++steps) {
      auto input = next_input();
      if (!input) break;
      core_->step(read_clock(), std::move(*input), effects);
      now = read_clock();
    }
    if (steps == 0) return;
    if (!effects.writes.empty()) {
      if (auto committed = commit(effects); !committed.ok()) {
        stores_ = false;
        undo(committed.error());
        return;
      }
      stores_ = true;
    }
    for (auto& reply : effects.replies) answer(reply);
    (void)CUBE_FAILPOINT(failpoint_of<Traits>(Stage::before_send, effects));
    hooks_.send(effects, generation_);
  }

  Result<void> commit(const Effects& effects) {
    if (CUBE_FAILPOINT(failpoint_of<Traits>(Stage::before_commit, effects))) {
      return Error{Code::no_space, "a failpoint took the room"};
    }
    CUBE_TRY(store_.commit(effects.writes));
    (void)CUBE_FAILPOINT(failpoint_of<Traits>(Stage::after_commit, effects));
    return {};
  }

  void answer(Reply& reply) {
    Answer answer;
    {
      std::lock_guard lock(mutex_);
      auto found = waiting_.find(reply.token);
      if (found == waiting_.end()) return;  // its caller was already told that the disk is full
      answer = std::move(found->second);
      waiting_.erase(found);
    }
    answer(std::move(reply.body));
  }

  void undo(const Error& error) {
    if (error.code != Code::no_space) log_.fatal("store.failed", error.message);
    log_.error("store.full", error.message);
    std::unordered_map<std::uint64_t, Answer> waiting;
    {
      std::lock_guard lock(mutex_);
      ++generation_;
      inbox_.clear();
      waiting.swap(waiting_);
    }
    for (auto& [token, answer] : waiting) answer(Body(error));
    auto core = hooks_.load();
    if (!core) log_.fatal("store.failed", core.error().message);
    core_ = std::make_unique<Core>(std::move(core).value());
    rest();  // who asks from here on is heard by the new core
    hooks_.loaded(generation_);
  }

  // A full disk stays full for a while: at most one reload a second. Reads go on meanwhile.
  void rest() {
    std::unique_lock lock(mutex_);
    while (!stopping_ && read_clock().mono < next_undo_) {
      wake_.wait_until(lock, to_steady(next_undo_),
                       [this] { return stopping_ || !reads_.empty(); });
      auto reads = std::exchange(reads_, {});
      lock.unlock();
      for (auto& read : reads) read(*core_);
      lock.lock();
    }
    next_undo_ = read_clock().mono + 1s;
  }

  static Instant later(Instant a, Instant b) { return a < b ? b : a; }

  store::Store& store_;
  Log& log_;
  Hooks hooks_;
  std::unique_ptr<Core> core_;  // the core's thread only, once started
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Input> inbox_;
  std::deque<std::function<void(const Core&)>> reads_;
  std::unordered_map<std::uint64_t, Answer> waiting_;
  std::uint64_t last_token_ = 0;
  std::uint64_t generation_ = 1;  // changed by the core's thread only, under the lock
  Instant not_before_{0};         // of the next Wake
  Instant next_undo_{0};
  bool stores_ = true;  // the core's thread only
  bool stopping_ = false;
};

}  // namespace cube::daemon
