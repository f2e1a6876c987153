#pragma once
// `LogFrames`: takes apart the engine's multiplexed stream of standard output and error, however it
// was cut into pieces.
//
// A frame is [type, 0, 0, 0, length (32 bits, big endian)] and its bytes; types are 0 (input), 1
// (output) and 2 (error). Anything else is garbage, and fatal: the frame borders are lost.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace cube::runtime {

class LogFrames {
 public:
  using OnData = std::function<void(bool is_stderr, std::string_view bytes)>;

  // `raw`: the stream has no frames (a terminal's); all of it is output.
  explicit LogFrames(bool raw = false) : raw_(raw) {}

  // Hands out what `bytes` holds, at once, also from a frame that is not complete yet. After an
  // error every further call gives the same error.
  Result<void> feed(std::string_view bytes, const OnData& on_data);

 private:
  Result<void> read_header();

  bool raw_ = false;
  bool broken_ = false;
  std::array<std::uint8_t, 8> header_{};
  std::size_t header_size_ = 0;
  std::uint32_t left_ = 0;  // bytes of the present frame still to come
  bool is_stderr_ = false;
};

// Cuts a stream into lines (JSON lines of events and pulls). A line longer than `line_bytes_max` is
// dropped whole.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t line_bytes_max = 1024 * 1024) : max_(line_bytes_max) {}
  void feed(std::string_view bytes, const std::function<void(std::string_view line)>& on_line);
  // The unfinished last line, at the end of the stream.
  void finish(const std::function<void(std::string_view line)>& on_line);

 private:
  std::size_t max_;
  bool dropping_ = false;
  std::string line_;
};

}  // namespace cube::runtime
