#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace cube::cli {

int FdOutput::sync() {
  const char* at = pbase();
  while (error_number_ == 0 && at < pptr()) {
    const ssize_t wrote = ::write(fd_, at, static_cast<std::size_t>(pptr() - at));
    if (wrote >= 0) {
      at += wrote;
    } else if (errno == EAGAIN) {  // somebody else made the terminal or pipe non-blocking
      pollfd ready{fd_, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      error_number_ = errno;
    }
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return error_number_ == 0 ? 0 : -1;
}

FdOutput::int_type FdOutput::overflow(int_type c) {
  if (sync() != 0) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
  return traits_type::not_eof(c);
}

}  // namespace cube::cli
