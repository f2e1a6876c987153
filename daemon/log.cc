#include "daemon/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "daemon/clock.h"

namespace cube::daemon {
namespace {

std::string_view word(Log::Level level) {
  switch (level) {
    case Log::Level::info:
      return "info";
    case Log::Level::warn:
      return "warn";
    case Log::Level::error:
      return "error";
  }
  CUBE_UNREACHABLE();
}

// `text` has no control characters any more, so only two characters need an escape.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (n <= 0) return;  // nobody reads the log: the daemon goes on
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

void Log::append(std::string& out, std::string_view at, Level level, std::string_view kind,
                 std::string_view text) const {
  auto add = std::back_inserter(out);
  if (format_ == Format::json) {
    fmt::format_to(add,
                   R"({{"time":"{}","level":"{}","daemon":"{}","kind":"{}","text":{}}})"
                   "\n",
                   at, word(level), daemon_, kind, json_string(text));
  } else {
    fmt::format_to(add, "{} {:5} {} {}: {}\n", at, word(level), daemon_, kind, printable(text));
  }
}

void Log::line(Level level, std::string_view kind, std::string_view text) {
  std::string out;
  append(out, format_time(read_clock().wall), level, kind, text);
  std::lock_guard lock(mutex_);
  write_all(out);
}

void Log::info(std::span<const Line> lines) {
  if (lines.empty()) return;
  const std::string at = format_time(read_clock().wall);
  std::string out;
  for (const Line& l : lines) append(out, at, Level::info, l.kind, l.text);
  std::lock_guard lock(mutex_);
  write_all(out);
}

void Log::fatal(std::string_view kind, std::string_view text) {
  line(Level::error, kind, text);
  std::_Exit(70);
}

}  // namespace cube::daemon
