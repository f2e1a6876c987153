#include "ingress/service.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "ingress/upstream.h"

namespace cube::ingress {

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  std::uint16_t port = 0;
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) return {};
  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  SocketAddress out;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    host = host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
    return out;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return std::nullopt;
  std::memcpy(&out.storage, &v4, sizeof v4);
  out.size = sizeof v4;
  return out;
}

Replica::Replica(api::RoutedReplica spec_, SocketAddress address_)
    : spec(std::move(spec_)), address(address_) {}
Replica::~Replica() = default;

void Histogram::add(Duration d) {
  sum_us += d.count();
  const auto bucket = std::lower_bound(bounds_us.begin(), bounds_us.end(), d.count());
  ++counts[static_cast<std::size_t>(bucket - bounds_us.begin())];
}

void Service::count_code(int status) {
  for (auto& [code, count] : codes) {
    if (code != status) continue;
    ++count;
    return;
  }
  codes.emplace_back(status, 1);
}

}  // namespace cube::ingress
