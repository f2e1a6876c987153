#pragma once
// `LmdbStore`: a Store in one LMDB environment (http://www.lmdb.tech/doc/), one durable transaction
// per commit. The map grows by itself; a lock file keeps a second process out.

#include <memory>
#include <string>

#include "store/store.h"

namespace cube::store {

struct LmdbOptions {
  std::string directory;  // made (mode 0700) when absent
  std::string role;       // "manager" or "worker": a store of one role is refused by the other
  std::uint64_t map_bytes_first = 16ULL << 20;
  std::uint64_t map_bytes_max = 64ULL << 30;
};

// Opens or creates. Errors say which directory and what to do: another process has it open, not
// writable, of another format version or role, damaged, no space.
Result<std::unique_ptr<Store>> open_lmdb(const LmdbOptions& options);

}  // namespace cube::store
