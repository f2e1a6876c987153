#pragma once
// Many lives in a row, and what they say together.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/world.h"

namespace cube::sim {

struct BatchOptions {
  std::uint64_t first = 1, last = 100;
  bool one = false;                                      // a single life was asked for
  std::vector<std::pair<std::string, std::string>> set;  // instead of drawn (sim/settings.h)
  std::vector<std::string> only;                         // kinds of faults
  bool story = false, quiet = false;
};

// "100" or "7..19", else the one seed; an error in words.
std::optional<std::string> read_seeds(const std::string& seeds, std::uint64_t seed,
                                      BatchOptions& into);

// Null, or what is wrong with what is set.
std::optional<std::string> check_settings(const BatchOptions& batch);

// The options of one life: drawn, then set. To many nodes there are more clients and more tasks,
// unless these are set too. REQUIRES: !check_settings()
Options options_for(std::uint64_t seed, const BatchOptions& batch);

// The one command that shows this life again.
std::string reproduce(const BatchOptions& batch, std::uint64_t seed);

// One life. An assertion that fails in a core is a finding like any other.
Outcome live(const Options& options, std::size_t story_lines_max);

// True: all lives were good, and together they met all that they should.
bool run_batch(const BatchOptions& batch, const std::function<void(const std::string&)>& say);

// Which situations none of the lives met.
std::vector<std::string_view> never_met(const Hits& hits);

}  // namespace cube::sim
