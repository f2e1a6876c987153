#pragma once
// Internal to the proxy: `Stream`, one non-blocking socket with what the kernel has not taken yet.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cube::ingress {

class Stream {
 public:
  enum class Got : std::uint8_t { bytes, nothing, end, error };

  Stream() = default;
  explicit Stream(int fd) : fd_(fd) {}
  ~Stream() { close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void adopt(int fd, bool connected) {
    fd_ = fd;
    writable_ = connected;
  }
  void note(std::uint32_t epoll_events);  // what can be done now
  void close();
  void close_hard();   // with a reset, so that the other side cannot take it for the end
  bool end_sending();  // half-closes. False: it has been already

  bool readable() const { return readable_; }
  void look() { readable_ = true; }        // something may have come that no event has told of yet
  bool broken() const { return broken_; }  // reset; there may be something to read all the same
  bool ended() const { return ended_; }    // a read has found the end

  // Reads once. `size` is set for `bytes`. Less than asked for means that there is no more now, so
  // that no second call is needed to find that out.
  Got read(char* into, std::size_t capacity, std::size_t& size);

  // Sends in order, behind what waits already; what the kernel does not take waits. False: broken.
  bool send(std::string_view first, std::string_view second = {});
  bool flush();
  bool waits() const { return sent_ < pending_.size(); }
  std::uint64_t sent_bytes() const { return total_; }  // that the kernel took, ever
  bool took_more();  // has the other side acknowledged any since this was asked last?

 private:
  void keep(std::string_view bytes);

  int fd_ = -1;
  bool readable_ = false, writable_ = true, hangs_up_ = false, broken_ = false, ended_ = false;
  bool sending_ended_ = false;
  std::string pending_;
  std::size_t sent_ = 0;  // of pending_
  std::uint64_t total_ = 0;
  std::uint64_t acknowledged_ = 0;  // when took_more() was asked last
};

}  // namespace cube::ingress
