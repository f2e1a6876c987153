#include "cli/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/decode.h"
#include "api/json_writer.h"
#include "base/assert.h"
#include "service/collisions.h"

namespace cube::cli {
namespace {

using service::AutoscalePolicy;
using service::ServiceSpec;
using service::UpdatePolicy;

// A value as JSON on one line.
void write(const api::Value& v, std::string& out) {
  if (const std::string* text = v.text()) return api::append_json_string(out, *text);
  if (const auto* list = v.list()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      out += i == 0 ? "[" : ", ";
      write((*list)[i], out);
    }
    out += list->empty() ? "[]" : "]";
    return;
  }
  if (const auto* object = v.object()) {
    for (std::size_t i = 0; i < object->size(); ++i) {
      out += i == 0 ? "{" : ", ";
      api::append_json_string(out, (*object)[i].key);
      out += ": ";
      write((*object)[i].value, out);
    }
    out += object->empty() ? "{}" : "}";
    return;
  }
  out += v.describe();
}

std::string shown(const api::Value& v) {
  std::string out;
  write(v, out);
  return out;
}

std::string shown_text(std::string_view text) {
  std::string out;
  api::append_json_string(out, text);
  return out;
}

// The leaves of a spec: a single value, or the elements of a list.
struct Leaf {
  std::vector<std::string> values;
  bool is_list = false;
};
using Leaves = std::map<std::string, Leaf>;

void collect(const api::Value& v, const api::At& at, Leaves& out) {
  const auto* object = v.object();
  // Names whose values are empty objects: a set, written as a list would be.
  if (object != nullptr && at.path().ends_with("ExposedPorts")) {
    Leaf& leaf = out[at.path()];
    leaf.is_list = true;
    for (const api::Member& m : *object) leaf.values.push_back(shown_text(m.key));
    std::ranges::sort(leaf.values);
    return;
  }
  if (object != nullptr) {
    for (const api::Member& m : *object) collect(m.value, api::At(at, m.key), out);
    return;
  }
  const std::string path = at.path();
  Leaf& leaf = out[path];
  // Of words the order counts.
  const bool is_set = !path.ends_with("Command") && !path.ends_with("Entrypoint");
  if (const auto* list = v.list(); list != nullptr && is_set) {
    leaf.is_list = true;
    for (const api::Value& element : *list) leaf.values.push_back(shown(element));
    std::ranges::sort(leaf.values);
  } else if (!v.is_null()) {
    leaf.values.push_back(shown(v));
  }
}

Leaves leaves_of(const ServiceSpec& spec) {
  Leaves leaves;
  const auto value = api::read_json(api::service_spec_json(spec));
  CUBE_ASSERT(value.ok());
  collect(*value, api::At(api::Reading::message), leaves);
  return leaves;
}

// What is not as it would be anyway.
std::vector<std::string> description(const ServiceSpec& spec) {
  const Leaves usual = leaves_of(ServiceSpec{});
  std::vector<std::string> lines;
  for (const auto& [path, leaf] : leaves_of(spec)) {
    const auto same = usual.find(path);
    if (path == "Name" || (same != usual.end() && same->second.values == leaf.values)) continue;
    for (const std::string& value : leaf.values)
      lines.push_back(fmt::format("+ {}: {}", path, value));
  }
  return lines;
}

void compare(const std::string& path, const Leaf& before, const Leaf& after,
             std::vector<std::string>& lines) {
  const bool single = before.values.size() == 1 && after.values.size() == 1;
  if (single && !before.is_list && !after.is_list) {
    lines.push_back(
        fmt::format("~ {}: {} -> {}", path, before.values.front(), after.values.front()));
    return;
  }
  std::vector<std::string> gone, come;
  std::ranges::set_difference(before.values, after.values, std::back_inserter(gone));
  std::ranges::set_difference(after.values, before.values, std::back_inserter(come));
  for (const std::string& value : gone) lines.push_back(fmt::format("- {}: {}", path, value));
  for (const std::string& value : come) lines.push_back(fmt::format("+ {}: {}", path, value));
}

std::string consequence_of(const ServiceSpec& before, const ServiceSpec& after,
                           std::uint32_t replicas) {
  if (!service::differs_in_task(before, after)) return "no container is exchanged";
  const bool stop_first = service::order_of(after) == UpdatePolicy::Order::stop_first;
  const std::uint32_t at_once = after.update.parallelism;
  return fmt::format("{} {} exchanged {}, {}", replicas,
                     replicas == 1 ? "replica is" : "replicas are",
                     at_once == 0   ? "all at once"
                     : at_once == 1 ? "one at a time"
                                    : fmt::format("{} at a time", at_once),
                     stop_first ? "stop-first" : "start-first");
}

}  // namespace

std::vector<std::string> differences(const ServiceSpec& before, const ServiceSpec& after) {
  static const Leaf none;
  const Leaves old_leaves = leaves_of(before), new_leaves = leaves_of(after);
  std::vector<std::string> lines;
  for (const auto& [path, leaf] : old_leaves) {
    const auto now = new_leaves.find(path);
    const Leaf& other = now == new_leaves.end() ? none : now->second;
    if (leaf.values != other.values) compare(path, leaf, other, lines);
  }
  for (const auto& [path, leaf] : new_leaves)
    if (!old_leaves.contains(path)) compare(path, none, leaf, lines);
  // By path, whatever the sign.
  std::ranges::stable_sort(lines, {}, [](const std::string& line) { return line.substr(2); });
  if (lines.empty() && before != after) lines.emplace_back("~ the order within a list");
  return lines;
}

Plan plan_for(ServiceSpec desired, const api::ServiceView* present) {
  Plan plan;
  plan.spec = std::move(desired);
  if (present == nullptr) {
    plan.action = Plan::Action::create;
    plan.lines = description(plan.spec);
    return plan;
  }
  // Within its bounds autoscaling decides how many there are; the manager keeps to that too.
  const AutoscalePolicy& a = plan.spec.autoscale;
  const std::uint32_t now = present->spec.replicas;
  if (a.by != AutoscalePolicy::By::none && now >= a.min && now <= a.max) plan.spec.replicas = now;
  plan.version = present->version;
  if (plan.spec == present->spec) return plan;
  plan.action = Plan::Action::update;
  plan.lines = differences(present->spec, plan.spec);
  plan.consequence = consequence_of(present->spec, plan.spec, present->status.replicas);
  return plan;
}

std::optional<Collision> find_collision(const std::vector<Plan>& plans,
                                        std::vector<api::ServiceView> present) {
  std::erase_if(present, [](const api::ServiceView& s) { return s.status.state == "removing"; });
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const ServiceSpec& spec = plans[i].spec;
    const auto self = std::ranges::find(present, spec.name,
                                        [](const api::ServiceView& s) { return s.spec.name; });
    const std::string alias = self == present.end() ? "" : self->alias;
    for (const api::ServiceView& other : present) {
      if (other.spec.name == spec.name) continue;
      const auto fits = service::check_collision({spec, alias}, {other.spec, other.alias});
      if (fits.ok()) continue;
      const bool in_file =
          std::any_of(plans.begin(), plans.begin() + static_cast<std::ptrdiff_t>(i),
                      [&](const Plan& p) { return p.spec.name == other.spec.name; });
      return Collision{i, in_file, fits.error()};
    }
    // From here on it is as if that had been done.
    if (self != present.end()) {
      self->spec = spec;
    } else {
      present.emplace_back().spec = spec;
    }
  }
  return std::nullopt;
}

}  // namespace cube::cli
