#pragma once
// Arguments -> what is to be done. Does nothing itself: an Invocation for a command, or an Ending
// when the command line itself is the answer (help) or the mistake.

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/options.h"

namespace cube::cli {

// What options take their defaults from.
struct Surroundings {
  std::function<std::optional<std::string>(const std::string&)> env;
  std::string host_name;
  bool is_root = false;
};

struct Ending {
  int code = 0;
  std::string out, err;  // complete texts for both streams
};

std::variant<Invocation, Ending> parse_arguments(const std::vector<std::string>& arguments,
                                                 const Surroundings& surroundings);

}  // namespace cube::cli
