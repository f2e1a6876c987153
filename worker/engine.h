#pragma once
// What a container of ours says of itself in its labels.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "task/task.h"

namespace cube::worker {

struct ContainerKey {
  AttemptKey attempt;
  std::uint32_t restart = 0;
};

// Nothing when a label is missing or damaged: then the container is nobody's and left alone.
std::optional<ContainerKey> container_key(const std::map<std::string, std::string>& labels);

}  // namespace cube::worker
