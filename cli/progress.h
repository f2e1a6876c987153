#pragma once
// `Progress`: one line per task on standard error while a command waits: rewritten in place on a
// terminal, appended when it changes elsewhere.

#include <string>
#include <vector>

#include "cli/io.h"

namespace cube::cli {

class Progress {
 public:
  Progress(Io& io, bool silent) : io_(io), silent_(silent) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // The present lines, always as many and in the same order. An empty one shows nothing.
  void show(const std::vector<std::string>& lines);
  // Takes the lines off the terminal, before something else is written.
  void clear();

 private:
  Io& io_;
  bool silent_;
  std::vector<std::string> shown_;
  std::size_t drawn_ = 0;  // lines on the terminal now
};

}  // namespace cube::cli
