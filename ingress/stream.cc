#include "ingress/stream.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace cube::ingress {

namespace {
constexpr std::size_t kept_capacity_max = 4096;  // of a buffer that is empty
}

void Stream::note(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & EPOLLRDHUP) != 0) hangs_up_ = true;
  // Both sides have ended: what was sent before that is still to be read.
  if ((events & EPOLLHUP) != 0) hangs_up_ = readable_ = true;
  if ((events & EPOLLERR) != 0) broken_ = readable_ = true;
}

void Stream::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  readable_ = false;
  pending_.clear();
  sent_ = 0;
}

void Stream::close_hard() {
  if (fd_ < 0) return;
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

bool Stream::end_sending() {
  if (std::exchange(sending_ended_, true)) return false;
  ::shutdown(fd_, SHUT_WR);
  return true;
}

bool Stream::took_more() {
  int queued = 0;  // sent and not acknowledged, or not even sent
  if (::ioctl(fd_, SIOCOUTQ, &queued) != 0 || queued < 0) return false;
  const auto acknowledged = total_ - std::min(total_, static_cast<std::uint64_t>(queued));
  return std::exchange(acknowledged_, acknowledged) < acknowledged;
}

Stream::Got Stream::read(char* into, std::size_t capacity, std::size_t& size) {
  for (;;) {
    const ssize_t n = ::recv(fd_, into, capacity, 0);
    if (n > 0) {
      size = static_cast<std::size_t>(n);
      // Behind the last bytes of one that hangs up there is its end to read.
      if (size < capacity && !hangs_up_ && !broken_) readable_ = false;
      return Got::bytes;
    }
    if (n == 0) {
      readable_ = false;
      ended_ = true;
      return Got::end;
    }
    if (errno == EINTR) continue;
    readable_ = false;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Got::nothing;
    broken_ = true;
    return Got::error;
  }
}

void Stream::keep(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!waits()) {
    pending_.clear();
    sent_ = 0;
  }
  pending_.append(bytes);
}

bool Stream::send(std::string_view first, std::string_view second) {
  if (waits() || !writable_) {
    keep(first);
    keep(second);
    return waits() ? flush() : true;
  }
  while (!first.empty() || !second.empty()) {
    std::array<iovec, 2> pieces = {iovec{const_cast<char*>(first.data()), first.size()},
                                   iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = first.empty() ? &pieces[1] : pieces.data();
    message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
    const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        broken_ = readable_ = true;
        return false;
      }
      writable_ = false;
      keep(first);
      keep(second);
      return true;
    }
    auto taken = static_cast<std::size_t>(n);
    total_ += taken;
    const auto of_first = std::min(taken, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(taken - of_first);
  }
  return true;
}

bool Stream::flush() {
  while (waits() && writable_) {
    const ssize_t n = ::send(fd_, pending_.data() + sent_, pending_.size() - sent_, MSG_NOSIGNAL);
    if (n > 0) {
      sent_ += static_cast<std::size_t>(n);
      total_ += static_cast<std::uint64_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      writable_ = false;
    } else if (errno != EINTR) {
      broken_ = readable_ = true;  // it may have said why before it closed
      return false;
    }
  }
  if (!waits()) {
    pending_.clear();
    sent_ = 0;
    if (pending_.capacity() > kept_capacity_max) pending_.shrink_to_fit();
  }
  return true;
}

}  // namespace cube::ingress
