#include "ingress/upstream.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "ingress/core.h"
#include "ingress/limits.h"
#include "ingress/session.h"

namespace cube::ingress {

std::unique_ptr<Upstream> Upstream::connect(Core& core, std::shared_ptr<Replica> replica) {
  const auto& address = replica->address;
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int unsent = limits::ingress_unsent_bytes_max;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  const bool connected = ::connect(fd, address.get(), address.size) == 0;
  if (!connected && errno != EINPROGRESS) {
    const int why = errno;
    ::close(fd);
    errno = why;
    return nullptr;
  }
  ++core.connects;
  auto upstream = std::make_unique<Upstream>(core, std::move(replica), fd, connected);
  if (!core.reactor.watch(fd, *upstream)) return nullptr;
  return upstream;
}

Upstream::Upstream(Core& core_, std::shared_ptr<Replica> replica_, int fd, bool connected)
    : core(core_), replica(std::move(replica_)), connecting(!connected) {
  stream.adopt(fd, connected);
}

void Upstream::on_ready(std::uint32_t events) {
  if (connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
    socklen_t size = sizeof connect_error;
    ::getsockopt(stream.fd(), SOL_SOCKET, SO_ERROR, &connect_error, &size);
    connecting = false;
  }
  stream.note(events);
  if (owner) {
    owner->pump();
  } else if (stream.readable()) {
    core.drop(*this);  // closed, or it says what nobody asked for
  }
}

void Upstream::on_deadline() {
  if (!owner) core.drop(*this);
}

bool Upstream::quiet() const {
  char byte = 0;
  return ::recv(stream.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace cube::ingress
