#include "ingress/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "api/json_writer.h"
#include "base/text.h"

namespace cube::ingress {

namespace {

constexpr std::size_t waiting_bytes_max = 4 * 1024 * 1024;

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads it, or the disk is full: the requests go on
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string time_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return format_time({std::chrono::duration_cast<Duration>(now).count()});
}

}  // namespace

Result<void> AccessLog::open(const std::string& path) {
  if (path.empty()) return {};
  owned_ = path != "-";
  fd_ = owned_ ? ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)
               : STDOUT_FILENO;
  if (fd_ < 0) return Error{Code::invalid, "access log " + path + ": " + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });
  return {};
}

AccessLog::~AccessLog() {
  if (!thread_.joinable()) return;
  flush();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  more_.notify_one();
  thread_.join();
  if (owned_) ::close(fd_);
}

void AccessLog::write(const AccessEntry& entry, const AccessEnd& end) {
  api::JsonWriter w;
  w.open_object();
  w.member("time", time_text());
  w.member("client", end.client);
  w.member("method", entry.method);
  w.member("host", entry.host);
  w.member("target", entry.target);
  w.member("status", end.status);
  w.member("bytes_in", end.bytes_in);
  w.member("bytes_out", end.bytes_out);
  w.member("took_us", end.took.count());
  w.member("service", entry.service);
  w.member("replica", entry.replica);
  w.member("attempts", end.attempts);
  w.member("user_agent", entry.user_agent);
  if (!entry.reason.empty()) w.member("reason", entry.reason);
  w.close_object();
  lines_ += w.str();
  lines_ += '\n';
}

void AccessLog::flush() {
  if (lines_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + lines_.size() > waiting_bytes_max) {
      ++dropped_;
    } else {
      waiting_ += lines_;
    }
  }
  lines_.clear();
  more_.notify_one();
}

void AccessLog::run() {
  std::string batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      more_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      batch.swap(waiting_);
    }
    write_all(fd_, batch);
    batch.clear();
  }
}

}  // namespace cube::ingress
