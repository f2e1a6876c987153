#include "ingress/wheel.h"

#include <algorithm>

namespace cube::ingress {

void Wheel::link(Timed& timed, std::int64_t tick) {
  timed.unlink();
  timed.tick_ = std::clamp(tick, tick_ + 1, tick_ + slot_count - 1);
  Timed& head = slots_[static_cast<std::size_t>(timed.tick_ % slot_count)];
  timed.prev_ = head.prev_;
  timed.next_ = &head;
  head.prev_->next_ = &timed;
  head.prev_ = &timed;
}

Instant Wheel::next(bool thorough) const {
  std::int64_t tick = tick_ + 1;
  while (thorough && tick < tick_ + slot_count) {
    const Timed& head = slots_[static_cast<std::size_t>(tick % slot_count)];
    if (head.next_ != &head) break;
    ++tick;
  }
  return {tick * wheel_tick.count()};
}

void Wheel::advance(Instant now) {
  const std::int64_t last = now.us / wheel_tick.count();
  if (last - tick_ > slot_count) tick_ = last - slot_count;  // every slot once is enough
  while (tick_ < last) {
    ++tick_;
    Timed& head = slots_[static_cast<std::size_t>(tick_ % slot_count)];
    // Taken from the front until the slot is empty: what is not due goes to another slot, and what
    // is called may unlink others.
    while (head.next_ != &head) {
      Timed& timed = *head.next_;
      timed.unlink();
      if (timed.deadline_.is_never()) continue;
      if (timed.deadline_ > now) {
        link(timed, tick_of(timed.deadline_));
        continue;
      }
      timed.deadline_ = Instant::never();
      timed.on_deadline();
    }
  }
}

}  // namespace cube::ingress
