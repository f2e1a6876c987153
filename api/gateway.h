#pragma once
// The gateway of Biome, an older system (docs/services.md, "Biome"): an image is posted, and an
// alias comes back under which an ingress serves it. Names and errors are that system's.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "service/spec.h"
#include "task/task.h"

namespace cube::api {

// POST /spawn. An error names the field.
struct Spawn {
  std::string image, tag;
  std::uint32_t min = 1, max = 1;
};
Result<Spawn> parse_spawn(std::string_view json);
// The service that is asked for: scaled by use, one more at 80 %, one less under 20 %.
service::ServiceSpec service_of(const Spawn& spawn, std::string name);
// What is answered when `replica` serves.
std::string spawned_json(const Task& replica, std::string_view alias);

Result<std::string> parse_kill(std::string_view json);     // DELETE /kill: the alias
std::string killed_json();                                 // {"success":true}
std::string gateway_error_json(std::string_view message);  // {"error":"..."}

}  // namespace cube::api
