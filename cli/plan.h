#pragma once
// `Plan`: what becomes of one service when a file is applied. Pure: a value that can be printed.

#include <cstdint>
#include <string>
#include <vector>

#include "api/service.h"

namespace cube::cli {

struct Plan {
  enum class Action : std::uint8_t { nothing, create, update };
  Action action = Action::nothing;
  service::ServiceSpec spec;       // what is sent: the desired one, but what autoscaling decides
  std::uint64_t version = 0;       // update: of the spec that it is made from
  std::vector<std::string> lines;  // "~ Task.Image: \"echo:1\" -> \"echo:2\""; not yet printable()
  std::string consequence;         // "3 replicas are exchanged one at a time, start-first"
};

// `present`: null when there is no such service.
Plan plan_for(service::ServiceSpec desired, const api::ServiceView* present);

// One line per field that differs: "+ path: value", "- path: value", "~ path: old -> new". Lists
// are compared as sets of what is in them.
std::vector<std::string> differences(const service::ServiceSpec& before,
                                     const service::ServiceSpec& after);

}  // namespace cube::cli
