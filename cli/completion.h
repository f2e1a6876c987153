#pragma once
// Completion scripts for shells, made from the command table. Pure.

#include <string>
#include <string_view>

namespace cube::cli {

// REQUIRES: shell is "bash", "zsh" or "fish"
std::string completion_script(std::string_view shell);

}  // namespace cube::cli
