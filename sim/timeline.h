#pragma once
// `Timeline`: virtual time, and what is to happen in it. Events, not ticks: between two of them no
// time is spent.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/time.h"

namespace cube::sim {

// A clock that goes faster or slower than virtual time, by so many millionths.
struct Drift {
  std::int64_t ppm = 0;

  Instant local(Instant t) const { return Instant{t.us + t.us * ppm / 1'000'000}; }
  // The first moment of virtual time at which the clock shows `local`, or a microsecond after.
  Instant when(Instant local) const {
    if (local.is_never()) return local;
    Instant t{local.us * 1'000'000 / (1'000'000 + ppm)};
    while (this->local(t) < local) ++t.us;
    return t;
  }
};

class Timeline {
 public:
  using Action = std::function<void()>;

  Instant now() const { return now_; }
  std::size_t size() const { return heap_.size(); }
  std::uint64_t done() const { return done_; }
  Instant next() const { return heap_.empty() ? Instant::never() : heap_.front().at; }

  // What is due at the same moment happens in the order in which it was asked for.
  void at(Instant when, Action action) {
    heap_.push_back({std::max(when, now_), ++last_, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(Duration span, Action action) { at(now_ + span, std::move(action)); }

  // REQUIRES: size() > 0
  void run_next() {
    CUBE_ASSERT(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Item item = std::move(heap_.back());
    heap_.pop_back();
    now_ = item.at;
    ++done_;
    item.action();
  }

 private:
  struct Item {
    Instant at;
    std::uint64_t order;
    Action action;
  };
  static bool later(const Item& a, const Item& b) {
    return a.at != b.at ? b.at < a.at : b.order < a.order;
  }

  Instant now_{1'000'000'000};
  std::uint64_t last_ = 0, done_ = 0;
  std::vector<Item> heap_;
};

}  // namespace cube::sim
