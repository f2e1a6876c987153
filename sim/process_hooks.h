#pragma once
// What a simulated process needs of its surroundings, and where it can be made to crash.

#include <cstdint>
#include <functional>
#include <span>

#include "sim/disk.h"

namespace cube::sim {

enum class CrashAt : std::uint8_t { never, before_commit, after_commit, after_answers };

template <class Traits>
struct ProcessHooks {
  using Core = typename Traits::Core;
  using Effects = typename Traits::Effects;

  std::function<Result<Core>(Disk::Records, std::uint64_t life)> load;
  std::function<Now()> clock;
  std::function<Instant(Instant)> when;  // in virtual time, of a moment by that clock
  std::function<void(std::span<const store::Write>)> committed;
  std::function<void(const typename Traits::Reply&)> answering;
  std::function<void(Effects&)> send;
  std::function<void()> loaded;
  std::function<void(const Effects&)> stepped;                            // a batch
  std::function<void()> died;                                             // by itself
  std::function<void(const Effects&)> step_over = [](const Effects&) {};  // one of a batch
};

// A core whose wake-up stays in the past would be a spinning thread.
class SpinWatch {
 public:
  bool is_spinning(Instant now) {
    if (now - since_ > 1s) count_ = 0;
    if (count_ == 0) since_ = now;
    return ++count_ > 500;
  }

 private:
  Instant since_{};
  std::uint64_t count_ = 0;
};

}  // namespace cube::sim
