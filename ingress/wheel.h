#pragma once
// `Wheel`: many coarse deadlines at little cost. A deadline that moves later, which is what nearly
// every one does all the time, is one store; only when its slot comes round is it looked at.

#include <array>
#include <cstdint>

#include "base/time.h"

namespace cube::ingress {

inline constexpr Duration wheel_tick = 20ms;  // a deadline fires at most so much too late

class Wheel;

// Something with at most one deadline. Not copied or moved while it has one.
class Timed {
 public:
  Timed() = default;
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 protected:
  virtual ~Timed() { unlink(); }
  virtual void on_deadline() = 0;  // it has none any more; may set one, or destroy any Timed

 private:
  friend class Wheel;
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }
  Timed* prev_ = this;
  Timed* next_ = this;
  Instant deadline_ = Instant::never();
  std::int64_t tick_ = 0;  // of the slot that it is linked into
};

class Wheel {
 public:
  explicit Wheel(Instant now) : tick_(now.us / wheel_tick.count()) {}

  void arm(Timed& timed, Instant deadline) {
    timed.deadline_ = deadline;
    const bool linked = timed.next_ != &timed;
    const std::int64_t tick = tick_of(deadline);
    if (!linked || tick < timed.tick_) link(timed, tick);
  }
  static void disarm(Timed& timed) { timed.deadline_ = Instant::never(); }

  // Calls what is due.
  void advance(Instant now);
  // When to look again: at the next tick, or, `thorough`, at the next one that has anything.
  Instant next(bool thorough) const;

 private:
  static constexpr std::int64_t slot_count = 1024;  // some 20 s; what is later comes round again

  struct Head : Timed {
    void on_deadline() override {}
  };

  static std::int64_t tick_of(Instant deadline) { return deadline.us / wheel_tick.count() + 1; }
  void link(Timed& timed, std::int64_t tick);

  std::array<Head, slot_count> slots_;
  std::int64_t tick_;  // done up to here
};

}  // namespace cube::ingress
