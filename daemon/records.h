#pragma once
// What a core is loaded from: every record of a store, in key order.

#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace cube::daemon {

Result<std::vector<std::pair<std::string, std::string>>> read_all(store::Store& store);

}  // namespace cube::daemon
