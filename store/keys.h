#pragma once
// Internal to store/: what every Store demands of a key.

#include <cstddef>
#include <span>

#include "base/result.h"
#include "store/store.h"

namespace cube::store {

inline constexpr std::size_t key_bytes_max = 511;  // as LMDB is built

// Refuses a batch with an empty or overlong key before anything is begun.
Result<void> check_keys(std::span<const Write> writes);

}  // namespace cube::store
