// What the engine sends piece by piece: log frames, and lines of events and pulls. How it is cut
// makes no difference.

#include <array>

#include "runtime/image_pull.h"
#include "runtime/log_frames.h"
#include "tests/fuzz/target.h"

using namespace cube;
using namespace cube::runtime;

namespace {

constexpr std::size_t line_bytes_max = 64;

struct Logs {
  bool ok = true;
  std::array<std::string, 2> streams;
  friend bool operator==(const Logs&, const Logs&) = default;
};

Logs read_logs(const std::vector<std::string_view>& pieces) {
  Logs out;
  LogFrames frames;
  for (const auto piece : pieces) {
    out.ok = frames
                 .feed(piece, [&](bool is_stderr,
                                  std::string_view data) { out.streams[is_stderr] += data; })
                 .ok();
  }
  return out;
}

std::vector<std::string> read_lines(const std::vector<std::string_view>& pieces) {
  std::vector<std::string> out;
  const auto take = [&out](std::string_view line) {
    CUBE_ASSERT(!line.empty() && line.size() <= line_bytes_max);
    CUBE_ASSERT(line.find('\n') == line.npos);
    out.emplace_back(line);
  };
  LineSplitter lines(line_bytes_max);
  for (const auto piece : pieces) lines.feed(piece, take);
  lines.finish(take);
  return out;
}

}  // namespace

FUZZ_TARGET(docker_stream) {
  const auto cut = fuzz::pieces(bytes);
  const Logs logs = read_logs({bytes});
  CUBE_ASSERT(logs == read_logs(cut));
  CUBE_ASSERT(logs.streams[0].size() + logs.streams[1].size() <= bytes.size());
  const auto lines = read_lines({bytes});
  CUBE_ASSERT(lines == read_lines(cut));
  PullProgress progress;
  for (const auto& line : lines) {
    if (const auto pulled = parse_pull_line(line)) (void)progress.take(*pulled);
    (void)parse_event(line);
  }
}
