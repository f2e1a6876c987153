#pragma once
// What every fuzz target is made of. A target is one function over bytes from outside: it hands
// them to a parser and asserts what must hold of the answer.
//
// Built by clang with CUBE_FUZZ it is a libFuzzer program of its own (scripts/fuzz); in every other
// build all targets are in fuzz_test, which replays the corpora.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"

namespace cube::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};
std::vector<Target>& targets();  // of fuzz_test

struct Registered {
  Registered(std::string_view name, void (*run)(std::string_view)) {
    targets().push_back({name, run});
  }
};

// Where to cut `bytes` for a reader that gets them piece by piece: a function of the bytes, so that
// every run cuts alike. Many cuts are after one byte.
std::vector<std::string_view> pieces(std::string_view bytes);

// The lines of `bytes`, or what stands between NULs.
std::vector<std::string_view> split(std::string_view bytes, char separator);

}  // namespace cube::fuzz

#ifdef CUBE_LIBFUZZER
#define FUZZ_TARGET(name)                                                             \
  static void name(std::string_view bytes);                                           \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    name({reinterpret_cast<const char*>(data), size});                                \
    return 0;                                                                         \
  }                                                                                   \
  static void name([[maybe_unused]] std::string_view bytes)
#else
#define FUZZ_TARGET(name)                                              \
  static void name(std::string_view bytes);                            \
  static const cube::fuzz::Registered registered_##name(#name, &name); \
  static void name([[maybe_unused]] std::string_view bytes)
#endif
