#pragma once
// The small configuration of `cube orchestrate`, as a service. Pure.

#include <string>
#include <string_view>

#include "base/result.h"
#include "service/spec.h"

namespace cube::cli {

// JSON, names without regard to case; everything but Image may be missing. Errors begin with the
// path of what is wrong. The result is valid (service/spec.h).
struct Orchestrated {
  service::ServiceSpec spec;
  bool is_named = false;  // else its name is from the image
};
Result<Orchestrated> orchestrated(std::string_view json);

// Is it such a service as `orchestrated` makes? Told by its shape.
bool looks_orchestrated(const service::ServiceSpec& spec);

// `error` of such a service, in the names of the configuration: "Autoscale.Max" is "Maximum".
Error in_configuration(Error error);

}  // namespace cube::cli
