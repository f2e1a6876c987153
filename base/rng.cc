#include "base/rng.h"

#include "base/assert.h"

namespace cube {
namespace {

constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15ULL;

// SplitMix64's finisher: every input bit changes about half of the output bits.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t Rng::next() {
  state_ += golden_gamma;
  return mix(state_);
}

std::uint64_t Rng::below(std::uint64_t bound) {
  CUBE_ASSERT(bound > 0);
  // Draws below 2^64 mod bound are thrown away, so that every rest is equally likely.
  const std::uint64_t uneven = (0 - bound) % bound;
  std::uint64_t drawn = next();
  while (drawn < uneven) drawn = next();
  return drawn % bound;
}

Rng Rng::split(std::string_view purpose) const {
  return Rng(stable_hash(purpose, state_));
}

std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = mix(seed + golden_gamma) ^ (bytes.size() * golden_gamma);
  while (!bytes.empty()) {
    std::uint64_t word = 0;  // little endian on every machine
    const std::size_t take = bytes.size() < 8 ? bytes.size() : 8;
    for (std::size_t i = 0; i < take; ++i) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    hash = mix(hash ^ word) + golden_gamma;
    bytes.remove_prefix(take);
  }
  return mix(hash);
}

}  // namespace cube
