#include "tests/fuzz/target.h"

#include <algorithm>

namespace cube::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

std::vector<std::string_view> pieces(std::string_view bytes) {
  std::uint64_t state = 0x9e3779b97f4a7c15;
  for (const char c : bytes) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::vector<std::string_view> out;
  while (!bytes.empty()) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const std::size_t wanted = (state >> 60) % 3 == 0 ? 1 : 1 + (state >> 33) % 40;
    const std::size_t size = std::min(bytes.size(), wanted);
    out.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return out;
}

std::vector<std::string_view> split(std::string_view bytes, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = bytes.find(separator);
    out.push_back(bytes.substr(0, end));
    if (end == std::string_view::npos) return out;
    bytes.remove_prefix(end + 1);
  }
}

}  // namespace cube::fuzz
