#pragma once
// `LogMerge`: lines of several streams as one. The streams are written to from threads of their
// own; one thread takes the lines, by their times or as they come.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace cube::cli {

class LogMerge {
 public:
  // `by_time`: every line begins with an RFC 3339 time (one without belongs to the line before),
  // and a line is only given out when no open stream can bring an earlier one.
  explicit LogMerge(bool by_time) : by_time_(by_time) {}

  struct Line {
    std::string stream;
    std::string time;  // by_time: as it came; else empty
    std::string text;  // without the newline
  };

  // REQUIRES: not open yet. Before its first write().
  void open(const std::string& stream);
  // What arrived, in any pieces. Waits while too much is waiting to be taken. False: nobody takes
  // it any more.
  bool write(const std::string& stream, std::string_view piece);
  // Its end; a last line without a newline counts.
  void close(const std::string& stream);

  // The next line; nothing when all streams are closed and empty, or after `patience` without one.
  // `ended` tells which.
  std::optional<Line> take(Duration patience, bool& ended);
  // Nobody will take any more: writers are let go.
  void stop();

 private:
  struct Stream {
    std::deque<Line> lines;
    std::string rest, last_time;
    bool open = true;
  };

  void add(const std::string& name, Stream& stream, std::string_view line);
  Stream* next();
  bool all_ended() const;

  const bool by_time_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Stream> streams_;
  bool stopped_ = false;
};

}  // namespace cube::cli
