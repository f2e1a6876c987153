#pragma once
// `Disk`: where a simulated daemon's records are. It can be full, and it can break: then a commit
// fails, and nobody knows whether it happened.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "store/memory_store.h"

namespace cube::sim {

class Disk {
 public:
  using Records = std::vector<std::pair<std::string, std::string>>;

  explicit Disk(Rng rng) : rng_(rng) {}

  bool is_full() const { return full_; }
  void fill(bool full) { full_ = full; }
  void break_next() { broken_ = true; }  // the next commit fails for good
  bool breaks() const { return broken_; }
  void repair() { broken_ = false; }

  // `applied`: whether it happened, also when it failed.
  Result<void> commit(std::span<const store::Write> writes, bool& applied) {
    applied = false;
    if (std::exchange(broken_, false)) {
      applied = rng_.below(2) == 0;
      if (applied) CUBE_TRY(store_.commit(writes));
      return Error{Code::internal, "input/output error"};
    }
    if (full_) return Error{Code::no_space, "the disk is full"};
    CUBE_TRY(store_.commit(writes));
    applied = true;
    return {};
  }

  Records records() {
    Records out;
    const auto read = store_.scan("", [&](auto key, auto value) -> Result<void> {
      out.emplace_back(key, value);
      return {};
    });
    CUBE_ASSERT(read.ok());
    return out;
  }

 private:
  Rng rng_;
  store::MemoryStore store_;
  bool full_ = false, broken_ = false;
};

}  // namespace cube::sim
