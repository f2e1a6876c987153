#pragma once
// What the files of the command table share.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "cli/command_table.h"

namespace cube::cli {

inline constexpr Flag kManagerFlag{'m', "manager", Flag::Kind::text, "HOST:PORT",
                                   "manager to talk to (environment CUBE_MANAGER)"};
inline constexpr Flag kDetachFlag{'\0', "detach", Flag::Kind::toggle, "", "do not wait"};

template <std::size_t A, std::size_t B>
constexpr std::array<Flag, A + B> joined(const std::array<Flag, A>& first,
                                         const std::array<Flag, B>& second) {
  std::array<Flag, A + B> flags{};
  std::ranges::copy(first, flags.begin());
  std::ranges::copy(second, flags.begin() + A);
  return flags;
}

std::span<const Command> service_commands();

}  // namespace cube::cli
