#pragma once
// `Log`: a daemon's log, one line per event on standard error, as text for people or as JSON for
// machines (`--log-format`). Any thread.

#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace cube::daemon {

class Log {
 public:
  enum class Format { text, json };
  enum class Level { info, warn, error };

  Log(Format format, std::string daemon) : format_(format), daemon_(std::move(daemon)) {}

  // `kind` is a dotted word ("task.running"), `text` one line in words.
  void info(std::string_view kind, std::string_view text) { line(Level::info, kind, text); }
  struct Line {
    std::string_view kind;
    std::string text;
  };
  void info(std::span<const Line> lines);  // written together
  void warn(std::string_view kind, std::string_view text) { line(Level::warn, kind, text); }
  void error(std::string_view kind, std::string_view text) { line(Level::error, kind, text); }
  // Logs and ends the process at once (exit code 70): nothing of what was not committed may leave.
  [[noreturn]] void fatal(std::string_view kind, std::string_view text);

 private:
  void line(Level level, std::string_view kind, std::string_view text);
  void append(std::string& out, std::string_view at, Level level, std::string_view kind,
              std::string_view text) const;

  std::mutex mutex_;
  Format format_;
  std::string daemon_;
};

}  // namespace cube::daemon
