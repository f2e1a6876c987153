// From a spec to what scheduling needs of it.

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/filters.h"

namespace cube::scheduler {
namespace {

constexpr std::string_view label_prefix = "node.labels.";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Error malformed(std::string_view text, std::string_view why) {
  return Error{Code::invalid,
               fmt::format("constraint \"{}\": {}; allowed are node.name, node.platform and "
                           "node.labels.<label>, each with == or != and a value, and "
                           "node.labels.<label> alone",
                           text, why)};
}

}  // namespace

Result<Constraint> Constraint::parse(std::string_view text) {
  Constraint constraint;
  std::string_view key = text;
  const auto at = std::min(text.find("=="), text.find("!="));
  if (at == std::string_view::npos) {
    constraint.op = Op::present;
  } else {
    constraint.op = text[at] == '=' ? Op::equal : Op::not_equal;
    constraint.value = trimmed(text.substr(at + 2));
    key = text.substr(0, at);
    if (constraint.value.empty()) return malformed(text, "the value is missing");
  }
  key = trimmed(key);
  if (key.starts_with(label_prefix)) {
    constraint.key = Key::label;
    constraint.label = key.substr(label_prefix.size());
    if (constraint.label.empty()) return malformed(text, "the label is missing");
    return constraint;
  }
  if (key == "node.name") {
    constraint.key = Key::node_name;
  } else if (key == "node.platform") {
    constraint.key = Key::platform;
  } else {
    return malformed(text, fmt::format("nothing is known as \"{}\"", key));
  }
  if (constraint.op == Op::present) return malformed(text, "== or != is missing");
  return constraint;
}

std::string text_of(const Constraint& constraint) {
  std::string out;
  switch (constraint.key) {
    case Constraint::Key::node_name:
      out = "node.name";
      break;
    case Constraint::Key::platform:
      out = "node.platform";
      break;
    case Constraint::Key::label:
      out = fmt::format("{}{}", label_prefix, constraint.label);
      break;
  }
  switch (constraint.op) {
    case Constraint::Op::equal:
      return out + "==" + constraint.value;
    case Constraint::Op::not_equal:
      return out + "!=" + constraint.value;
    case Constraint::Op::present:
      return out;
  }
  CUBE_UNREACHABLE();
}

Demand Demand::of(const TaskSpec& spec, std::uint64_t seed) {
  Demand demand;
  demand.seed = seed;
  demand.resources = {spec.cpu_milli, spec.memory_bytes, spec.disk_bytes};
  demand.platform = spec.platform;
  for (const PortBinding& binding : spec.ports) {
    if (binding.host_port == 0) continue;  // the engine finds a free one
    demand.ports.push_back({binding.host_port, binding.container.protocol});
  }
  std::ranges::sort(demand.ports);
  const auto repeated = std::ranges::unique(demand.ports);
  demand.ports.erase(repeated.begin(), repeated.end());
  for (const std::string& text : spec.constraints) {
    auto constraint = Constraint::parse(text);
    if (constraint.ok()) {
      demand.constraints.push_back(std::move(constraint).value());
    } else {
      // A stored spec from a version that knows more: no node has a label of this name, so the
      // task waits and says for what.
      demand.constraints.push_back({Constraint::Key::label, text, Constraint::Op::present, {}});
    }
  }
  return demand;
}

}  // namespace cube::scheduler
