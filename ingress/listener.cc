#include "ingress/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "http/client.h"
#include "ingress/core.h"
#include "ingress/limits.h"

namespace cube::ingress {

namespace {

constexpr int accepts_max = 64;  // of one turn
constexpr Duration accept_retry = 50ms;

Error listen_error(const std::string& host, std::uint16_t port, int why) {
  const std::string where = http::Endpoint{{}, host, port}.str();
  if (why == EADDRINUSE) return {Code::conflict, where + " is already in use"};
  if (why == EACCES) return {Code::unavailable, where + ": no permission to listen there"};
  if (why == EADDRNOTAVAIL) return {Code::invalid, where + ": this machine has no such address"};
  return {Code::unavailable, fmt::format("{}: cannot listen: {}", where, std::strerror(why))};
}

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// An IPv4 client of a socket for both is shown as what it is.
std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  }
  return text;
}

int bound_socket(const addrinfo& address, bool share_port) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::bind(Core& core, std::uint16_t service_port,
                                                 std::uint16_t port) {
  const std::string& host = core.options.host;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return Error{Code::invalid,
                 http::Endpoint{{}, host, port}.str() + ": the host name is not known here"};
  }
  const int fd = bound_socket(*found, core.options.share_port);
  const int why = errno;
  ::freeaddrinfo(found);
  if (fd < 0) return listen_error(host, port, why);
  std::unique_ptr<Listener> listener(new Listener(core));
  listener->socket_.adopt(fd, true);
  // What is accepted inherits it.
  const int unsent = limits::ingress_unsent_bytes_max;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  listener->port_ = port_of(address);
  listener->service_port_ = service_port;
  return listener;
}

Result<void> Listener::listen() {
  if (listens_ || !socket_.open()) return {};
  if (::listen(socket_.fd(), SOMAXCONN) != 0) return listen_error(core_.options.host, port_, errno);
  listens_ = true;
  core_.reactor.watch(socket_.fd(), *this);
  return {};
}

void Listener::close_when_empty() {
  for (int turns = 0; turns < SOMAXCONN / accepts_max; ++turns) on_ready(0);
  close();
}

void Listener::on_ready(std::uint32_t) {
  if (!socket_.open()) return;
  for (int n = 0; n < accepts_max; ++n) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      core_.admit(fd, text_of(peer), service_port_, port_);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      // Most likely there is no file descriptor left: one is given back, soon we try again.
      core_.close_longest_idle();
      core_.reactor.wheel().arm(*this, core_.reactor.now() + accept_retry);
      return;
    }
  }
  core_.reactor.again(*this);
}

}  // namespace cube::ingress
