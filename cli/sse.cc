#include "cli/sse.h"

#include <utility>

namespace cube::cli {

std::vector<std::string> SseReader::feed(std::string_view piece) {
  rest_ += piece;
  std::vector<std::string> complete;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
    std::string_view line(rest_.data() + start, end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      if (std::exchange(has_data_, false)) complete.push_back(std::exchange(data_, {}));
      continue;
    }
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    has_data_ = true;
    data_ += line;
  }
  rest_.erase(0, start);
  return complete;
}

}  // namespace cube::cli
