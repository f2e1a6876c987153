#include "ingress/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace cube::ingress {

namespace {

constexpr std::size_t depth_max = 63;
constexpr std::size_t host_bytes_max = 255;

// A host name without port and final dot, in lower case. Empty: too long to be one.
class HostName {
 public:
  explicit HostName(std::string_view text) {
    const auto colon = text.rfind(':');
    const bool has_port = colon != text.npos && text.find(']', colon) == text.npos;
    if (has_port) text = text.substr(0, colon);
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.size() > buffer_.size()) return;
    size_ = text.size();
    std::transform(text.begin(), text.end(), buffer_.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::array<char, host_bytes_max> buffer_;
  std::size_t size_ = 0;
};

std::string_view without_final_slash(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::size_t depth_of(std::string_view prefix) {
  return static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '/'));
}

}  // namespace

bool is_below(std::string_view path, std::string_view prefix) {
  prefix = without_final_slash(prefix);
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

Routes::Routes(const api::RouteTable& table) {
  for (std::size_t i = 0; i < table.services.size(); ++i) {
    const api::RoutedService& service = table.services[i];
    const service::IngressRules& rules = service.rules;
    if (!service.alias.empty()) add(table, 0, "", {i, "/" + service.alias, true});
    if (rules.hosts.empty() && rules.path.empty() && rules.port == 0) continue;
    const std::string prefix(without_final_slash(rules.path));
    for (const std::string& host : rules.hosts) {
      add(table, rules.port, host, {i, prefix, rules.strip_prefix});
    }
    if (rules.hosts.empty()) add(table, rules.port, "", {i, prefix, rules.strip_prefix});
  }
}

void Routes::add(const api::RouteTable& table, std::uint16_t port, std::string_view host,
                 Route route) {
  const std::size_t depth = depth_of(route.prefix);
  const std::string where = fmt::format(
      "{}{}{}", host.empty() ? "any host" : host, port != 0 ? fmt::format(", port {}", port) : "",
      route.prefix.empty() ? "" : fmt::format(", path {}", route.prefix));
  const auto& name = table.services[route.service].name;
  if (depth > depth_max) {
    conflicts_.push_back(fmt::format("{}: the path of {} has too many segments", where, name));
    return;
  }
  Hosts& hosts = listeners_[port];
  const HostName lower(host);
  Paths* paths = &hosts.any;
  if (host.starts_with("*.")) {
    paths = &hosts.wildcard[std::string(lower.view().substr(1))];
  } else if (!host.empty()) {
    paths = &hosts.exact[std::string(lower.view())];
  }
  const std::size_t service = route.service;
  const auto [there, added] = paths->by_prefix.try_emplace(route.prefix, std::move(route));
  paths->depths |= std::uint64_t{1} << depth;
  if (added || there->second.service == service) return;
  conflicts_.push_back(fmt::format("{}: {} has it, {} does not get it", where,
                                   table.services[there->second.service].name, name));
}

const Route* Routes::Paths::find(std::string_view path) const {
  if (depths == 0) return nullptr;
  // Where the first n segments end, for as many as the longest prefix has.
  std::array<std::size_t, depth_max + 1> ends;
  const auto deepest = static_cast<std::size_t>(63 - std::countl_zero(depths));
  std::size_t count = 0;
  ends[0] = 0;
  for (std::size_t at = 0; count < deepest && at < path.size();) {
    at = std::min(path.find('/', at + 1), path.size());
    ends[++count] = at;
  }
  for (std::size_t depth = count + 1; depth-- > 0;) {
    if ((depths >> depth & 1) == 0) continue;
    const auto found = by_prefix.find(path.substr(0, ends[depth]));
    if (found != by_prefix.end()) return &found->second;
  }
  return nullptr;
}

const Route* Routes::Hosts::find(std::string_view host, std::string_view path) const {
  if (!exact.empty() || !wildcard.empty()) {
    const HostName name(host);
    const std::string_view lower = name.view();
    const auto found = exact.find(lower);
    if (found != exact.end()) {
      if (const Route* route = found->second.find(path)) return route;
    }
    for (auto dot = lower.find('.'); dot != lower.npos; dot = lower.find('.', dot + 1)) {
      const auto wild = wildcard.find(lower.substr(dot));
      if (wild == wildcard.end()) continue;
      if (const Route* route = wild->second.find(path)) return route;
    }
  }
  return any.find(path);
}

const Route* Routes::match(std::uint16_t port, std::string_view host, std::string_view path) const {
  const auto found = listeners_.find(port);
  return found == listeners_.end() ? nullptr : found->second.find(host, path);
}

std::vector<std::uint16_t> Routes::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& [port, hosts] : listeners_) {
    if (port != 0) ports.push_back(port);
  }
  return ports;
}

}  // namespace cube::ingress
