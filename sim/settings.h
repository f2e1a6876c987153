#pragma once
// Every option of a life that can be set instead of drawn, by the name of its flag.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sim/options.h"

namespace cube::sim {

struct Setting {
  std::string_view name, what;
  std::uint64_t most;
  void (*set)(Options&, std::uint64_t);
};

// All that are numbers; true and false are 1 and 0. The policy is set by its name besides.
std::span<const Setting> settings();
inline constexpr std::string_view policy_setting = "policy";

// Nothing, or what is wrong with it, in words.
std::optional<std::string> set_option(Options& options, std::string_view name,
                                      std::string_view value);

}  // namespace cube::sim
