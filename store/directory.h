#pragma once
// Internal to store/: the directory of a store, held by one process at a time.

#include <cstdint>
#include <string>

#include "base/result.h"

namespace cube::store {

// A directory that exists, is writable, and is ours until this object dies. The lock is the
// kernel's (flock on the file "lock"), so that no crash leaves it behind; the file holds the
// owner's process id for the message that another process gets.
class Directory {
 public:
  // Makes the directory, and what is missing above it, with mode 0700.
  static Result<Directory> open(const std::string& path);
  Directory(Directory&& other) noexcept;
  Directory& operator=(Directory&&) = delete;
  ~Directory();

  const std::string& path() const { return path_; }
  // Flushes the names of new files in it to the disk.
  Result<void> sync() const;
  // What may still be written to its disk; 0 when that cannot be told.
  std::uint64_t bytes_free() const;
  // An Error about this store after a system call failed with `error_number`.
  Error failed(int error_number) const;

 private:
  Directory(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  std::string path_;
  int lock_fd_ = -1;
};

}  // namespace cube::store
