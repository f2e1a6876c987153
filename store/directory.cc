#include "store/directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cube::store {
namespace {

constexpr mode_t directory_mode = 0700;
constexpr mode_t lock_mode = 0600;

// What a failed system call on `path` means, with the remedy.
Error describe(const std::string& path, int error_number) {
  const std::string what = "store " + path + ": " + std::strerror(error_number);
  switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS:
      return {Code::unavailable, what +
                                     "; make the directory writable for this user, or name another "
                                     "one with --data-dir"};
    case ENOTDIR:
    case EEXIST:
      return {Code::unavailable,
              what + "; a file stands in its way, name another directory with --data-dir"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {Code::no_space, what + "; free some space on its disk"};
    default:
      return {Code::internal, what};
  }
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// `mkdir -p`. The parents come first; each is tried once.
Result<void> make_directory(const std::string& path) {
  if (is_directory(path)) return {};
  const std::size_t slash = path.find_last_of('/');
  if (slash != std::string::npos && slash != 0) CUBE_TRY(make_directory(path.substr(0, slash)));
  if (::mkdir(path.c_str(), directory_mode) == 0 || is_directory(path)) return {};
  Error error = describe(path, errno);
  if (error.code == Code::internal)
    return Error{Code::unavailable, error.message +
                                        "; it cannot be created there; name another "
                                        "directory with --data-dir"};
  return error;
}

// The words about who has the lock, as far as the file tells.
std::string owner(int lock_fd) {
  char text[32] = {};
  const ssize_t got = ::pread(lock_fd, text, sizeof text - 1, 0);
  const std::string pid(text, got > 0 ? std::strspn(text, "0123456789") : 0);
  return pid.empty() ? "another process" : "process " + pid;
}

// Best effort: the lock is the kernel's, the number only helps people.
void write_owner(int lock_fd) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_fd, 0) != 0) return;
  [[maybe_unused]] const ssize_t wrote = ::pwrite(lock_fd, pid.data(), pid.size(), 0);
}

}  // namespace

Result<Directory> Directory::open(const std::string& path) {
  if (path.empty()) return Error{Code::invalid, "store: no directory is named"};
  CUBE_TRY(make_directory(path));
  const std::string lock_path = path + "/lock";
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, lock_mode);
  if (fd < 0) return describe(path, errno);
  Directory directory(path, fd);  // closes fd from here on
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return describe(path, errno);
    return Error{Code::conflict, "store " + path + " is already open by " + owner(fd) +
                                     "; stop that one, or name another directory with --data-dir"};
  }
  write_owner(fd);
  return directory;
}

Directory::Directory(Directory&& other) noexcept
    : path_(std::move(other.path_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

Directory::~Directory() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<void> Directory::sync() const {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return describe(path_, errno);
  const int error_number = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error_number != 0) return describe(path_, error_number);
  return {};
}

std::uint64_t Directory::bytes_free() const {
  struct statvfs info {};
  if (::statvfs(path_.c_str(), &info) != 0) return 0;
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

Error Directory::failed(int error_number) const {
  return describe(path_, error_number);
}

}  // namespace cube::store
