#pragma once
// `FdOutput`: what is written to one file descriptor, and the error when it cannot be.

#include <array>
#include <streambuf>

namespace cube::cli {

// The buffer of an ostream. After the first error nothing more is written and the stream is bad.
class FdOutput : public std::streambuf {
 public:
  // `fd` stays the caller's.
  explicit FdOutput(int fd) : fd_(fd) { setp(buffer_.data(), buffer_.data() + buffer_.size()); }

  // errno of the first write that failed; 0: none has.
  int error_number() const { return error_number_; }

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  int fd_;
  int error_number_ = 0;
  std::array<char, 16 * 1024> buffer_{};
};

}  // namespace cube::cli
