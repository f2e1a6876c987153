#pragma once
// How often random tests try: a sanitized build takes some twenty times as long for each.

#include <cstdint>

namespace cube::test {

constexpr std::uint64_t rounds(std::uint64_t usual) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return usual / 10;
#else
  return usual;
#endif
}

}  // namespace cube::test
