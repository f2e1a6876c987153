#include "ingress/rate_limit.h"

#include <algorithm>

#include "base/assert.h"

namespace cube::ingress {

namespace {

// Whoever comes when the table is full.
constexpr std::string_view everybody_else = "*";
// So that requests times microseconds of a day are a number of 64 bits.
constexpr std::uint32_t rate_requests_max = 10'000'000;

}  // namespace

RateLimit::RateLimit(std::uint32_t requests, Duration per)
    : requests_(std::min(requests, rate_requests_max)), per_(per) {
  CUBE_ASSERT(requests > 0 && per > 0us);
}

void RateLimit::turn(Instant now) {
  const auto windows = (now - begin_) / per_;
  if (windows < 1) return;
  if (windows == 1) {
    past_.swap(present_);
  } else {
    past_.clear();
  }
  present_.clear();
  begin_ = begin_ + per_ * windows;
}

std::optional<Duration> RateLimit::take(std::string_view client, Instant now) {
  turn(now);
  auto found = present_.find(client);
  if (found == present_.end()) {
    if (present_.size() >= rate_clients_max) client = everybody_else;
    found = present_.try_emplace(std::string(client), 0).first;
  }
  const auto old = past_.find(client);
  const std::int64_t before = old == past_.end() ? 0 : old->second;
  const std::int64_t left_us = (per_ - (now - begin_)).count();  // of the window
  // before * left / per + present < requests, without fractions.
  const std::int64_t room = static_cast<std::int64_t>(requests_) - found->second;
  if (before * left_us < room * per_.count()) {
    ++found->second;
    return std::nullopt;
  }
  if (room <= 0 || before == 0) {
    // Not before the next window; there, not before enough of this one is out of sight.
    const std::int64_t surplus = static_cast<std::int64_t>(found->second) - requests_ + 1;
    return Duration(left_us) +
           per_ * std::max<std::int64_t>(surplus, 0) / std::max<std::int64_t>(found->second, 1);
  }
  return Duration(left_us - room * per_.count() / before + 1);
}

std::string_view rate_client(std::string_view ip) {
  if (ip.find(':') == ip.npos) return ip;
  std::size_t at = 0;
  for (int group = 0; group < 4; ++group) {
    const auto colon = ip.find(':', at);
    if (colon == ip.npos) return ip;
    if (group > 0 && colon == at) return ip.substr(0, at);  // "::": the rest is zero
    at = colon + 1;
  }
  return ip.substr(0, at);
}

}  // namespace cube::ingress
