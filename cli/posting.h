#pragma once
// `Posting`: one body for POST /tasks, and what is in it. From a file, standard input or flags.

#include <iosfwd>
#include <string>
#include <vector>

#include "api/messages.h"
#include "base/id.h"
#include "base/result.h"
#include "cli/options.h"

namespace cube::cli {

struct Posting {
  std::string source;  // how errors call it: "task.json", "standard input", "--image"
  std::string body;
  std::vector<bool> stops;  // for each task of it: is this an event that stops it?
};

// `file` is a path, or "-" for `standard_input`. Errors name the file and what is wrong with it.
Result<Posting> read_posting(const std::string& file, std::istream& standard_input);

// `id` is a new one.
Result<Posting> quick_posting(const QuickTask& quick, const TaskId& id);

}  // namespace cube::cli
