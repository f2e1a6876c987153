// What is as somebody asked, and hardly as it was meant: told with the service, and once as an
// event.

#include <fmt/format.h>

#include <set>

#include "manager/impl.h"

namespace cube::manager {
namespace {

constexpr std::size_t names_shown = 3;

std::string list_of(const std::set<std::string>& names) {
  std::string out;
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (shown == names_shown) return out + fmt::format(" and {} more", names.size() - shown);
    out += (shown++ == 0 ? "" : ", ") + name;
  }
  return out;
}

}  // namespace

std::vector<std::string> Services::warnings(const ServiceEntry& s) const {
  if (s.removing) return {};
  std::vector<std::string> out = port_warnings(s);
  if (auto apart = volume_warning(s); !apart.empty()) out.push_back(std::move(apart));
  return out;
}

// Its port is somebody else's, at an ingress that asked for the table lately.
std::vector<std::string> Services::port_warnings(const ServiceEntry& s) const {
  std::set<std::string> reasons;
  for (const auto& [name, ingress] : ingresses_) {
    if (ingress.heard + ingress_silent_after < core_.now_.mono) continue;
    for (const auto& refused : ingress.refused) {
      if (s.spec.ingress.port != 0 && refused.port == s.spec.ingress.port) {
        reasons.insert(refused.reason);
      }
    }
  }
  std::vector<std::string> out;
  for (const std::string& reason : reasons) {
    out.push_back(
        fmt::format("Ingress.Port {}: no request comes in there: {}", s.spec.ingress.port, reason));
  }
  return out;
}

std::string Services::volume_warning(const ServiceEntry& s) const {
  if (!service::is_of_one_node(s.spec.volume)) return {};
  // A replica that moves is on two nodes for a while: that is not what this is about.
  std::map<std::uint32_t, std::string> node_of;
  for (const auto& [id, t] : s.replicas) {
    const bool leaves = t->task.draining || t->task.desired == Desired::stop ||
                        (t->node != nullptr && t->node->availability == Availability::drain);
    if (t->node != nullptr && !leaves) node_of[t->task.of.slot] = t->node->shown();
  }
  std::set<std::string> nodes;
  for (const auto& [slot, node] : node_of) nodes.insert(node);
  if (nodes.size() < 2) return {};
  return fmt::format(
      "volume {} is local to each node: its replicas on {} do not see each other's "
      "data; share it by its Driver or Options, or keep them on one node by a "
      "constraint",
      s.spec.volume.name, list_of(nodes));
}

void Services::warn(ServiceEntry& s) {
  const auto now = warnings(s);
  if (!now.empty() && !s.warned) tell("service.warning", s, now.front());
  s.warned = !now.empty();
}

}  // namespace cube::manager
