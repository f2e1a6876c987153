// Readiness for systemd, over a socket of our own.

#include "daemon/notify.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

// Binds a datagram socket to `path` ('@' first: the abstract namespace) and notifies it.
std::string notified(const std::string& path, const char* state) {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  REQUIRE(fd >= 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  cube::daemon::notify_service_manager(state);
  ::unsetenv("NOTIFY_SOCKET");
  char text[64];
  const ssize_t n = ::recv(fd, text, sizeof text, 0);  // a datagram sent is there at once
  ::close(fd);
  if (path[0] != '@') ::unlink(path.c_str());
  return n < 0 ? std::string("nothing came") : std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

TEST_CASE("the service manager is told, by path and by abstract name") {
  CHECK(notified(fmt::format("/tmp/cube-notify-{}", ::getpid()), "READY=1") == "READY=1");
  CHECK(notified(fmt::format("@cube-notify-{}", ::getpid()), "STOPPING=1") == "STOPPING=1");
}

TEST_CASE("without a service manager nothing happens") {
  ::unsetenv("NOTIFY_SOCKET");
  cube::daemon::notify_service_manager("READY=1");
  ::setenv("NOTIFY_SOCKET", "relative/and/wrong", 1);
  cube::daemon::notify_service_manager("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
}
