#pragma once
// Internal to the proxy: what it tells about itself.

#include <string>

#include "api/route_table.h"

namespace cube::ingress {

struct Core;

std::string metrics_of(const Core& core);  // Prometheus text
api::RouteReport report_of(const Core& core);

}  // namespace cube::ingress
