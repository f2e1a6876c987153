#pragma once
// The labels on every container of ours (names fixed: they are the worker's memory), and its name.

#include <cstdint>
#include <string>
#include <string_view>

#include "task/task.h"

namespace cube::worker {

inline constexpr std::string_view label_cluster = "cube.cluster";
inline constexpr std::string_view label_node = "cube.node";
inline constexpr std::string_view label_task = "cube.task";
inline constexpr std::string_view label_attempt = "cube.attempt";
inline constexpr std::string_view label_restart = "cube.restart";
inline constexpr std::string_view label_spec = "cube.spec";      // spec_hash, 16 hex digits
inline constexpr std::string_view label_name = "cube.name";      // the task's name, for people
inline constexpr std::string_view label_origin = "cube.origin";  // "manager" or "local"
inline constexpr std::string_view label_exclusive = "cube.exclusive";  // "true", or it is not there

// "cube-<task id>-a<attempt>-r<restart>-<hash>": one container, for ever. The hash (8 hex digits)
// is of cluster and node, so that several of either can share one engine.
std::string container_name(const AttemptKey& key, std::uint32_t restart, std::string_view cluster,
                           std::string_view node);

}  // namespace cube::worker
