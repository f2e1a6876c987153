#pragma once
// What both readers of files share.

#include <string>
#include <string_view>

namespace cube::yaml {

std::string lower(std::string_view text);  // ASCII letters only, as names are matched

}  // namespace cube::yaml
