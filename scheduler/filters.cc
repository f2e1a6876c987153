#include "scheduler/filters.h"

namespace cube::scheduler {

bool meets(const NodeFacts& facts, const Constraint& constraint) {
  const std::string* actual = nullptr;
  switch (constraint.key) {
    case Constraint::Key::node_name:
      actual = &facts.name;
      break;
    case Constraint::Key::platform:
      actual = &facts.platform;
      break;
    case Constraint::Key::label: {
      const auto found = facts.labels.find(constraint.label);
      if (found != facts.labels.end()) actual = &found->second;
      break;
    }
  }
  switch (constraint.op) {
    case Constraint::Op::equal:
      return actual != nullptr && *actual == constraint.value;
    case Constraint::Op::not_equal:
      return actual == nullptr || *actual != constraint.value;
    case Constraint::Op::present:
      return actual != nullptr;
  }
  CUBE_UNREACHABLE();
}

std::optional<Filter> first_failing(const Candidate& candidate, const Demand& demand) {
  const NodeFacts& facts = candidate.facts;
  if (!candidate.ready) return Filter::ready;
  if (candidate.avoided != nullptr) return Filter::avoided;
  if (!demand.platform.empty() && demand.platform != facts.platform) return Filter::platform;
  for (const Constraint& constraint : demand.constraints) {
    if (!meets(facts, constraint)) return Filter::constraints;
  }
  if (demand.resources.cpu_milli > candidate.free.cpu_milli) return Filter::cpu;
  if (demand.resources.memory_bytes > candidate.free.memory_bytes) return Filter::memory;
  if (demand.resources.disk_bytes > candidate.free.disk_bytes) return Filter::disk;
  for (const HostPortDemand& port : demand.ports) {
    if (candidate.machine_ports.contains(port)) return Filter::ports;
  }
  return std::nullopt;
}

}  // namespace cube::scheduler
