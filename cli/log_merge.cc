#include "cli/log_merge.h"

#include <algorithm>

#include "base/assert.h"

namespace cube::cli {
namespace {

constexpr std::size_t kLinesWaitingMax = 1000;
constexpr std::size_t kLineBytesMax = 1024 * 1024;

// The time that a line begins with: "2026-01-02T03:04:05.000000000Z text".
std::string_view time_of(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view first = line.substr(0, space);
  const bool is_time = first.size() >= 20 && first[4] == '-' && first[7] == '-' &&
                       first[10] == 'T' && first[0] >= '0' && first[0] <= '9';
  return is_time ? first : std::string_view();
}

}  // namespace

void LogMerge::open(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  const bool is_new = streams_.emplace(stream, Stream()).second;
  CUBE_ASSERT(is_new);
}

void LogMerge::add(const std::string& name, Stream& stream, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  Line out{name, "", ""};
  if (by_time_) {
    const std::string_view time = time_of(line);
    if (!time.empty()) {
      stream.last_time = time;
      line.remove_prefix(std::min(time.size() + 1, line.size()));
    }
    out.time = stream.last_time;
  }
  out.text = line;
  stream.lines.push_back(std::move(out));
}

bool LogMerge::write(const std::string& name, std::string_view piece) {
  std::unique_lock lock(mutex_);
  Stream& stream = streams_.at(name);
  changed_.wait(lock, [&] { return stopped_ || stream.lines.size() < kLinesWaitingMax; });
  if (stopped_) return false;
  stream.rest += piece;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = stream.rest.find('\n', start)) != std::string::npos;
       start = end + 1)
    add(name, stream, std::string_view(stream.rest).substr(start, end - start));
  stream.rest.erase(0, start);
  if (stream.rest.size() > kLineBytesMax) add(name, stream, std::exchange(stream.rest, {}));
  changed_.notify_all();
  return true;
}

void LogMerge::close(const std::string& name) {
  const std::lock_guard lock(mutex_);
  Stream& stream = streams_.at(name);
  if (!stream.rest.empty()) add(name, stream, std::exchange(stream.rest, {}));
  stream.open = false;
  changed_.notify_all();
}

bool LogMerge::all_ended() const {
  return std::ranges::all_of(
      streams_, [](const auto& s) { return !s.second.open && s.second.lines.empty(); });
}

// The stream whose line is next; null while that cannot be told.
LogMerge::Stream* LogMerge::next() {
  Stream* best = nullptr;
  for (auto& [name, stream] : streams_) {
    if (stream.lines.empty()) {
      if (by_time_ && stream.open) return nullptr;  // it may bring an earlier one
      continue;
    }
    if (best == nullptr || stream.lines.front().time < best->lines.front().time) best = &stream;
  }
  return best;
}

std::optional<LogMerge::Line> LogMerge::take(Duration patience, bool& ended) {
  std::unique_lock lock(mutex_);
  Stream* from = nullptr;
  changed_.wait_for(lock, patience, [&] { return (from = next()) != nullptr || all_ended(); });
  ended = from == nullptr && all_ended();
  if (from == nullptr) return std::nullopt;
  Line line = std::move(from->lines.front());
  from->lines.pop_front();
  changed_.notify_all();
  return line;
}

void LogMerge::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace cube::cli
