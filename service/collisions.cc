#include "service/collisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace cube::service {
namespace {

// Ports that somebody listens on.
struct Listened {
  std::string field;
  std::uint32_t first = 0, last = 0;
  std::string protocol = "tcp";
  std::string ip{};         // empty: every address
  bool by_ingress = false;  // shared by services whose routes differ

  std::string str() const {
    if (by_ingress) return fmt::format("port {} of the ingress", first);
    if (first == last) return fmt::format("host port {}/{}", first, protocol);
    return fmt::format("host ports {} to {}/{}", first, last, protocol);
  }
};

std::vector<Listened> listened_by(const ServiceSpec& spec) {
  std::vector<Listened> all;
  for (const PortBinding& p : spec.task.ports) {
    if (p.host_port == 0) continue;  // the engine chooses a free one
    const bool everywhere = p.host_ip == "0.0.0.0" || p.host_ip == "::";
    all.push_back({fmt::format("Task.PortBindings[\"{}\"]", p.container.str()), p.host_port,
                   p.host_port, p.container.protocol, everywhere ? "" : p.host_ip});
  }
  if (const auto range = ports_of(spec)) {
    all.push_back({"PortRange.Start", range->first, range->last, spec.port_range.port.protocol});
  }
  const std::uint16_t port = spec.ingress.port;
  if (port != 0)
    all.push_back({.field = "Ingress.Port", .first = port, .last = port, .by_ingress = true});
  return all;
}

bool meet(const Listened& a, const Listened& b) {
  const bool same_address = a.ip.empty() || b.ip.empty() || a.ip == b.ip;
  return same_address && a.protocol == b.protocol && a.first <= b.last && b.first <= a.last;
}

// What an ingress tells requests apart by. Its listeners look for nothing else.
struct Way {
  std::uint16_t port = 0;  // 0: the common one
  std::string host;        // empty: any
  std::string path;        // without "/" at its end
  std::string field;       // to blame; empty: nobody asked for it

  std::string str() const {
    std::string text = path.empty() ? "every path" : "the path " + path;
    if (!host.empty()) text += " of " + host;
    return text + (port == 0 ? "" : fmt::format(" at port {}", port));
  }
};

std::vector<Way> ways_to(const Claimant& c) {
  std::vector<Way> all;
  if (!c.alias.empty()) all.push_back({0, "", fmt::format("/{}", c.alias), ""});
  const IngressRules& in = c.spec.ingress;
  const std::string path = in.path == "/" ? "" : in.path;
  for (std::size_t i = 0; i < in.hosts.size(); ++i) {
    all.push_back({in.port, in.hosts[i], path,
                   in.path.empty() ? fmt::format("Ingress.Hosts[{}]", i) : "Ingress.Path"});
  }
  if (in.hosts.empty() && (!in.path.empty() || in.port != 0)) {
    all.push_back({in.port, "", path, in.path.empty() ? "Ingress.Port" : "Ingress.Path"});
  }
  return all;
}

Error taken(const std::string& field, const std::string& what, const ServiceSpec& owner) {
  return {Code::conflict, fmt::format("{}: {} belongs to service {}", field, what, owner.name)};
}

}  // namespace

Result<void> check_collision(const Claimant& a, const Claimant& b) {
  const auto theirs = listened_by(b.spec);
  for (const Listened& mine : listened_by(a.spec)) {
    for (const Listened& other : theirs) {
      if (mine.by_ingress && other.by_ingress) continue;  // the routes decide
      if (!meet(mine, other)) continue;
      const bool is_one = mine.first == mine.last;
      const std::string what = is_one ? mine.str() : fmt::format("one of {}", mine.str());
      return taken(mine.field, what, b.spec);
    }
  }
  const auto their_ways = ways_to(b);
  for (const Way& mine : ways_to(a)) {
    const bool collides = std::ranges::any_of(their_ways, [&](const Way& other) {
      return mine.port == other.port && mine.host == other.host && mine.path == other.path;
    });
    if (collides && !mine.field.empty()) return taken(mine.field, mine.str(), b.spec);
  }
  return {};
}

Result<void> check_own_ports(const ServiceSpec& spec) {
  const auto all = listened_by(spec);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      // Of one task's bindings validate() tells.
      const bool both_bound =
          all[i].field.starts_with("Task.") && all[j].field.starts_with("Task.");
      if (both_bound || !meet(all[i], all[j])) continue;
      return Error{Code::invalid, fmt::format("{}: {} cannot go with {}: {}", all[i].field,
                                              all[i].str(), all[j].field, all[j].str())};
    }
  }
  return {};
}

}  // namespace cube::service
