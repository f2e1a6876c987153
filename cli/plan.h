#pragma once
// `Plan`: what becomes of one service when a file is applied. Pure: a value that can be printed.

#include <cstddef>
#include <cstdint>
#include <optional>
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

// A plan that cannot be carried out, since another service has what it asks for.
struct Collision {
  std::size_t index = 0;  // which of the plans
  bool in_files = false;  // the other service is what an earlier one of the plans makes
  Error error;            // names the field and the other service
};
// The first of `plans` that the manager would refuse for a port or a route when they are carried
// out one after the other. `present`: all services that there are.
std::optional<Collision> find_collision(const std::vector<Plan>& plans,
                                        std::vector<api::ServiceView> present);

}  // namespace cube::cli
