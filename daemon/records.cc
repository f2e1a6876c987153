#include "daemon/records.h"

namespace cube::daemon {

Result<std::vector<std::pair<std::string, std::string>>> read_all(store::Store& store) {
  std::vector<std::pair<std::string, std::string>> records;
  CUBE_TRY(store.scan("", [&](std::string_view key, std::string_view value) -> Result<void> {
    records.emplace_back(key, value);
    return {};
  }));
  return records;
}

}  // namespace cube::daemon
