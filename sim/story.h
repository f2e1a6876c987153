#pragma once
// `Story`: what happened in a life. Always as one number, its hash; on request also in words, one
// line for each event, of which the last are kept.

#include <fmt/format.h>

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "base/rng.h"
#include "sim/timeline.h"

namespace cube::sim {

class Story {
 public:
  Story(const Timeline& timeline, std::size_t lines_max)
      : timeline_(timeline), lines_max_(lines_max) {}

  template <class... Args>
  void tell(fmt::format_string<Args...> format, Args&&... args) {
    if (lines_max_ > 0) add(fmt::format(format, std::forward<Args>(args)...));
  }
  bool is_told() const { return lines_max_ > 0; }

  // Takes part in the hash, together with the time.
  void mix(std::string_view bytes) {
    hash_ = stable_hash(bytes, hash_ + static_cast<std::uint64_t>(timeline_.now().us));
  }
  std::uint64_t hash() const { return hash_; }
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  void add(std::string line) {
    const auto us = timeline_.now().us - 1'000'000'000;
    lines_.push_back(fmt::format("{:>5}.{:03} s  {}", us / 1'000'000, us / 1000 % 1000, line));
    if (lines_.size() > lines_max_) lines_.pop_front();
  }

  const Timeline& timeline_;
  std::size_t lines_max_;
  std::uint64_t hash_ = 0;
  std::deque<std::string> lines_;
};

}  // namespace cube::sim
