#pragma once
// Help texts, made from the command table.

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command_table.h"

namespace cube::cli {

std::string general_help();
std::string command_help(const Command& command);
std::string group_help(const Group& group);
std::string exit_codes_help();

// `cube help TOPIC`: a command or group, "exit-codes", or nothing.
Result<std::string> help_on(std::string_view topic);

// "unknown command `stauts`; did you mean `status`?"
std::string unknown_command(std::string_view word);
// "unknown command `service crate`; did you mean `service create`?"
std::string unknown_command(const Group& group, std::string_view word);
// "`cube run` has no flag `--imgae`; did you mean `--image`?"
std::string unknown_flag(const Command& command, std::string_view word);

}  // namespace cube::cli
