#pragma once
// `AccessLog`: one JSON line per request, to a file or standard output, written by a thread of its
// own: a disk that is slow holds up nobody. What does not fit into its queue is dropped, and
// counted.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "base/time.h"

namespace cube::ingress {

struct AccessEntry {
  std::string method, target, host, user_agent, service, replica, reason;
};

// What is not known to the entry beforehand.
struct AccessEnd {
  std::string_view client;
  int status = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint32_t attempts = 0;
  Duration took{};
};

class AccessLog {
 public:
  AccessLog() = default;
  ~AccessLog();  // writes what waits

  // `path`: a file to append to, "-" for standard output, empty: none.
  Result<void> open(const std::string& path);
  bool on() const { return fd_ >= 0; }
  void write(const AccessEntry& entry, const AccessEnd& end);  // of one thread
  void flush();  // hands over what was written: at the end of a turn
  std::uint64_t dropped() const { return dropped_; }

 private:
  void run();

  int fd_ = -1;
  bool owned_ = false;
  std::string lines_;  // of the writer
  std::atomic<std::uint64_t> dropped_ = 0;
  std::mutex mutex_;
  std::condition_variable more_;
  std::string waiting_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace cube::ingress
