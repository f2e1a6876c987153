#pragma once
// The one place where the daemons take chance from the system: the seed of a core's generator.

#include <cstdint>
#include <random>

namespace cube::daemon {

inline std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) ^ device();
}

}  // namespace cube::daemon
