#pragma once
// What the files of the command table share.

#include <span>

#include "cli/command_table.h"

namespace cube::cli {

inline constexpr Flag kManagerFlag{'m', "manager", Flag::Kind::text, "HOST:PORT",
                                   "manager to talk to (environment CUBE_MANAGER)"};
inline constexpr Flag kDetachFlag{'\0', "detach", Flag::Kind::toggle, "", "do not wait"};

std::span<const Command> service_commands();

}  // namespace cube::cli
