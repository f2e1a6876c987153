#pragma once
// `Io`: everything a command touches of the process it runs in, so that tests can hand in their
// own.

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "base/id.h"
#include "base/time.h"

namespace cube::cli {

struct Io {
  std::istream& in;
  std::ostream& out;  // results, nothing else
  std::ostream& err;  // errors and progress
  bool in_is_tty = false, out_is_tty = false, err_is_tty = false;
  bool color = false;  // out is a terminal and NO_COLOR is not set
  int columns = 0;     // of the terminal; 0: not known, nothing is cut

  std::function<std::optional<std::string>(const std::string&)> env = {};
  std::function<WallTime()> wall_now = {};
  std::function<Instant()> mono_now = {};
  // Waits. False, at once or in the middle of it, when the user pressed Ctrl-C.
  std::function<bool(Duration)> sleep = {};
  std::function<Uuid()> random_uuid = {};
  // errno of what could not be written to `out`; 0: nothing is lost.
  std::function<int()> out_error = {};
};

// The process's own, one for all calls. Also makes SIGPIPE harmless and takes the place of standard
// streams that are closed, so that no connection gets their numbers; SIGINT is only caught from
// catch_interrupts() on.
Io process_io();
// From now on Ctrl-C ends Io::sleep of process_io() instead of the process; a second one kills.
void catch_interrupts();

}  // namespace cube::cli
