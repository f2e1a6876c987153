#include "daemon/engine_claim.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/rng.h"

namespace cube::daemon {

Result<EngineClaim> EngineClaim::take(std::string_view engine, std::string_view cluster,
                                      std::string_view name) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{Code::unavailable, std::strerror(errno)};
  EngineClaim claim(fd);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A leading zero byte makes it abstract; no part has one, so that it also keeps them apart.
  const std::string parts = fmt::format("{}{}{}{}{}", engine, '\0', cluster, '\0', name);
  const std::string path = fmt::format("{}cube-worker-{:016x}", '\0', stable_hash(parts));
  std::copy(path.begin(), path.end(), address.sun_path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return claim;
  if (errno != EADDRINUSE) return Error{Code::unavailable, std::strerror(errno)};
  return Error{Code::conflict,
               fmt::format("another worker named {} of cluster {} uses the engine at {}: end it "
                           "first, or give this one another name",
                           name, cluster, engine)};
}

EngineClaim::EngineClaim(EngineClaim&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)) {}

EngineClaim::~EngineClaim() {
  if (socket_ >= 0) ::close(socket_);
}

}  // namespace cube::daemon
