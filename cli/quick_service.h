#pragma once
// A service, or a change of one, from flags: `cube service create --image echo --replicas 3`. Pure.

#include "base/result.h"
#include "cli/options.h"
#include "service/spec.h"

namespace cube::cli {

// Errors name the flag or the field. The result is valid (service/spec.h).
Result<service::ServiceSpec> service_from(const QuickService& quick);

// `spec` with what the flags say: lists of ports, mounts, constraints and hosts are replaced,
// single variables and labels are set or taken away.
Result<service::ServiceSpec> changed_by(const QuickService& quick, service::ServiceSpec spec);

}  // namespace cube::cli
