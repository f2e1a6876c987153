#include "store/memory_store.h"

#include "store/keys.h"

namespace cube::store {

Result<void> check_keys(std::span<const Write> writes) {
  for (const Write& write : writes) {
    if (!write.key.empty() && write.key.size() <= key_bytes_max) continue;
    return Error{Code::invalid, "a key of " + std::to_string(write.key.size()) +
                                    " bytes cannot be stored; 1 to " +
                                    std::to_string(key_bytes_max) + " are allowed"};
  }
  return {};
}

Result<void> MemoryStore::commit(std::span<const Write> writes) {
  if (failure_) return *failure_;
  CUBE_TRY(check_keys(writes));
  for (const Write& write : writes) {
    switch (write.kind) {
      case Write::Kind::put:
        data_.insert_or_assign(write.key, write.value);
        break;
      case Write::Kind::erase:
        data_.erase(write.key);
        break;
    }
  }
  return {};
}

Result<void> MemoryStore::scan(
    std::string_view prefix,
    const std::function<Result<void>(std::string_view, std::string_view)>& visit) {
  for (auto at = data_.lower_bound(prefix); at != data_.end() && at->first.starts_with(prefix);
       ++at) {
    CUBE_TRY(visit(at->first, at->second));
  }
  return {};
}

Store::Usage MemoryStore::usage() const {
  Usage usage;
  for (const auto& [key, value] : data_) usage.bytes_used += key.size() + value.size();
  return usage;
}

}  // namespace cube::store
