#pragma once
// `read_text`: all of a file that a command line names.

#include <cstddef>
#include <iosfwd>
#include <string>

#include "base/result.h"

namespace cube::cli {

// How errors call it: the path, or "standard input" for "-".
std::string called_file(const std::string& file);

// Errors name the file and what is wrong with it.
Result<std::string> read_text(const std::string& file, std::istream& standard_input,
                              std::size_t bytes_max);

}  // namespace cube::cli
