#pragma once
// Checks real replies against the OpenAPI document, so that it cannot drift from the code.

#include <string_view>

#include "api/routes.h"
#include "base/result.h"

namespace cube::api {

// Is `body` what the document promises for this answer? An error names the place in the body. A
// member that the document does not have is an error too. Bodies that are not JSON by the document
// (metrics, logs) are taken as they are; a 204 must have none.
// `path_pattern` is the route's own: "/tasks/{id}".
Result<void> check_reply(Daemon daemon, std::string_view method, std::string_view path_pattern,
                         int status, std::string_view body);

}  // namespace cube::api
