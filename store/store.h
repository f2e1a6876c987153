#pragma once
// `Store`: an ordered map from bytes to bytes that changes by whole transactions. A pure header:
// the cores see only `Write`.
//
// Keys begin with a table byte (docs/store-format.md). One committed batch is one transaction: all
// of it or nothing is there after any crash. All calls come from one thread, the core's.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cube::store {

struct Write {
  enum class Kind : unsigned char { put, erase };
  Kind kind = Kind::put;
  std::string key;
  std::string value;  // put only

  static Write put(std::string key, std::string value) {
    return {Kind::put, std::move(key), std::move(value)};
  }
  static Write erase(std::string key) { return {Kind::erase, std::move(key), {}}; }
  friend bool operator==(const Write&, const Write&) = default;
};

class Store {
 public:
  virtual ~Store() = default;

  // Applies `writes` in order, durably (flushed to the disk) before it returns. An erase of an
  // absent key is fine. On error nothing of it is applied: `no_space` when disk or map are full
  // (later commits may work), else the store must not be used again.
  virtual Result<void> commit(std::span<const Write> writes) = 0;

  // Calls `visit(key, value)` for every key beginning with `prefix`, in order, until it returns an
  // error, which is returned. The views live only during the call.
  virtual Result<void> scan(
      std::string_view prefix,
      const std::function<Result<void>(std::string_view key, std::string_view value)>& visit) = 0;

  // A commit found no room, and there is none yet: only what frees some, or must be recorded,
  // should be committed. From any thread.
  virtual bool is_full() const { return false; }

  struct Usage {
    std::uint64_t bytes_used = 0;
    std::uint64_t bytes_limit = 0;  // 0: none
    bool full = false;              // is_full()
  };
  virtual Usage usage() const = 0;
};

}  // namespace cube::store
