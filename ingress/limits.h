#pragma once
// The limits of the ingress, beside those that it shares with the other daemons.

#include <cstddef>

#include "base/limits.h"

namespace cube::limits {

inline constexpr std::size_t ingress_connections_max = 10'000;  // of clients
inline constexpr std::size_t ingress_reply_head_bytes_max = 32 * 1024;
inline constexpr std::size_t ingress_idle_per_replica_max = 512;  // kept connections
inline constexpr Duration ingress_idle_timeout = 30s;             // of those
// Of a connection, in the kernel: what a slow reader has asked for is not all buffered there, and
// what it takes is seen in small steps. What is on its way does not count.
inline constexpr int ingress_unsent_bytes_max = 128 * 1024;
inline constexpr Duration ingress_tunnel_timeout = 1h;  // nothing moves

}  // namespace cube::limits
