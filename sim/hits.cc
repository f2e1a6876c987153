#include "sim/hits.h"

#include "base/assert.h"

namespace cube::sim {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Hit::count)> hit_names = {
    "a container adopted",
    "a stale assignment refused",
    "a stale poll refused",
    "a start of what runs",
    "a name conflict",
    "a late operation",
    "a late start",
    "a key repeated",
    "a full disk undone",
    "an I/O error in a commit",
    "a crash before the commit",
    "a crash after the commit",
    "a crash after the answers",
    "a node lost",
    "a node returned",
    "replacement paused",
    "a task moved",
    "a task relocated",
    "a restart",
    "an engine's end forgiven",
    "a task stopped",
    "a task stopped on a lost node",
    "a task that waited",
    "a repeated assignment",
    "an old report ignored",
    "a worker's sweep with findings",
    "a node forgotten",
    "an unhealthy container",
    "a lease that was over",
    "a guard that stopped a container",
    "a guard killed",
    "an exclusive task that waited for a lease",
    "an exclusive task on another node",
    "a replica stopped when it had no more requests",
    "a replica stopped when its time was over",
    "an update that ended well",
    "an update that failed",
    "an update taken back",
    "a service scaled up by what was measured",
    "a service scaled down by what was measured",
    "a node drained",
    "an ingress killed with requests under way",
};

}  // namespace

std::string_view name(Hit hit) {
  CUBE_ASSERT(hit < Hit::count);
  return hit_names[static_cast<std::size_t>(hit)];
}

}  // namespace cube::sim
