#include "cli/progress.h"

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "cli/table.h"

namespace cube::cli {

void Progress::show(const std::vector<std::string>& lines) {
  if (silent_ || lines == shown_) return;
  if (!io_.err_is_tty) {
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (!lines[i].empty() && (i >= shown_.size() || shown_[i] != lines[i]))
        io_.err << printable(lines[i]) << '\n';
    shown_ = lines;
    io_.err.flush();
    return;
  }
  clear();
  // One column less: a full line would wrap, and could not be rewritten.
  const auto width = static_cast<std::size_t>(io_.columns > 1 ? io_.columns - 1 : 0);
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    io_.err << fit(printable(line), width) << '\n';
    ++drawn_;
  }
  shown_ = lines;
  io_.err.flush();
}

void Progress::clear() {
  if (drawn_ > 0) io_.err << fmt::format("\x1b[{}A\x1b[J", drawn_) << std::flush;
  drawn_ = 0;
  // On a terminal the next show() draws again, whatever it was.
  if (io_.err_is_tty) shown_.clear();
}

}  // namespace cube::cli
