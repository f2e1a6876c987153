#include "runtime/log_frames.h"

#include <algorithm>

namespace cube::runtime {

Result<void> LogFrames::read_header() {
  const std::uint8_t type = header_[0];
  left_ = std::uint32_t{header_[4]} << 24 | std::uint32_t{header_[5]} << 16 |
          std::uint32_t{header_[6]} << 8 | std::uint32_t{header_[7]};
  header_size_ = 0;
  broken_ = type > 2 || header_[1] != 0 || header_[2] != 0 || header_[3] != 0 ||
            left_ > limits::log_frame_bytes_max;
  is_stderr_ = type == 2;
  if (broken_) return Error{Code::corrupt, "the log stream of the container engine is garbled"};
  return {};
}

Result<void> LogFrames::feed(std::string_view bytes, const OnData& on_data) {
  if (broken_) return Error{Code::corrupt, "the log stream of the container engine is garbled"};
  if (raw_) {
    if (!bytes.empty()) on_data(false, bytes);
    return {};
  }
  while (!bytes.empty()) {
    if (left_ == 0) {
      header_[header_size_++] = static_cast<std::uint8_t>(bytes.front());
      bytes.remove_prefix(1);
      if (header_size_ == header_.size()) CUBE_TRY(read_header());
      continue;
    }
    const std::size_t n = std::min<std::size_t>(left_, bytes.size());
    on_data(is_stderr_, bytes.substr(0, n));
    bytes.remove_prefix(n);
    left_ -= static_cast<std::uint32_t>(n);
  }
  return {};
}

void LineSplitter::feed(std::string_view bytes,
                        const std::function<void(std::string_view)>& on_line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > max_) dropping_ = true;
    if (!dropping_) line_ += piece;
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    finish(on_line);
  }
}

void LineSplitter::finish(const std::function<void(std::string_view)>& on_line) {
  if (line_.ends_with('\r')) line_.pop_back();
  const std::string line = std::move(line_);
  const bool whole = !dropping_;
  line_.clear();
  dropping_ = false;
  if (whole && !line.empty()) on_line(line);
}

}  // namespace cube::runtime
