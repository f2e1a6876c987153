#pragma once
// What tests ask of a sanitized build: each round of a random test takes it some twenty times as
// long, and its own memory comes on top of the program's.

#include <cstdint>

namespace cube::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

constexpr std::uint64_t rounds(std::uint64_t usual) {
  return is_sanitized ? usual / 10 : usual;
}

}  // namespace cube::test
