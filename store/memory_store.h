#pragma once
// `MemoryStore`: a Store that forgets at exit (`--dbtype memory`), and the tests' double: it can be
// told to fail.

#include <map>
#include <optional>

#include "store/store.h"

namespace cube::store {

class MemoryStore final : public Store {
 public:
  Result<void> commit(std::span<const Write> writes) override;
  Result<void> scan(
      std::string_view prefix,
      const std::function<Result<void>(std::string_view, std::string_view)>& visit) override;
  Usage usage() const override;

  // Every later commit fails so, until cleared.
  void fail_with(std::optional<Error> error) { failure_ = std::move(error); }

 private:
  std::map<std::string, std::string, std::less<>> data_;
  std::optional<Error> failure_;
};

}  // namespace cube::store
