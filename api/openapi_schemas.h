#pragma once
// The schemas of every body, as the text of an OpenAPI "components.schemas" object.

#include <string_view>

namespace cube::api {

std::string_view openapi_schemas();

}  // namespace cube::api
