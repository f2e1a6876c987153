#pragma once
// The small configuration of `cube orchestrate`, as a service. Pure.

#include <string>
#include <string_view>

#include "base/result.h"
#include "service/spec.h"

namespace cube::cli {

// JSON, names without regard to case; everything but Image may be missing. Errors begin with the
// path of what is wrong. The result is valid (service/spec.h).
Result<service::ServiceSpec> orchestrated(std::string_view json);

}  // namespace cube::cli
