#pragma once
// The only source of chance in the cores: seeded, injected, the same on every machine.
// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).

#include <cstdint>
#include <string_view>

#include "base/id.h"

namespace cube {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  // Uniform in [0, bound); REQUIRES: bound > 0
  std::uint64_t below(std::uint64_t bound);
  Uuid uuid() { return Uuid::from_random(next(), next()); }
  // A generator of its own for `purpose`, so that a draw added in one place shifts no other.
  Rng split(std::string_view purpose) const;

 private:
  std::uint64_t state_;
};

// 64-bit mix of bytes, stable across machines and versions: ties, jitter and spec hashes are made
// of it. Not for secrets.
std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace cube
