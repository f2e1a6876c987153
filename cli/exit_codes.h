#pragma once
// The exit codes of every command; `cube help exit-codes` and docs/cli.md show the same table.

#include <span>
#include <string_view>

#include "base/result.h"

namespace cube::cli {

// DO NOT RENUMBER: scripts depend on them.
enum Exit : int {
  exit_fine = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_not_converged = 3,
  exit_not_found = 4,
  exit_conflict = 5,
  exit_unreachable = 7,
  exit_interrupted = 130,
};

struct ExitMeaning {
  int code;
  std::string_view word, meaning;
};

std::span<const ExitMeaning> exit_meanings();

// The exit code of a request that failed so.
int exit_for(Code code);

}  // namespace cube::cli
