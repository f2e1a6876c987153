#pragma once
// `GuardPage`: what a worker and the guard of its lease tell each other, in a small file that both
// have mapped: the lease's end, and when each of them was last seen alive. Times are of
// CLOCK_BOOTTIME, in us; those of another boot do not count. docs/exclusive.md
//
// Who lives is told by locks on the file, which the kernel lets go when their holder ends however
// it ends: one of the worker, one of the guard. They are the process's: when it closes the file, by
// whichever GuardPage, both go.

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace cube::daemon {

class GuardPage {
 public:
  struct Shared {
    char format[16];
    char boot_id[64];
    std::atomic<std::int64_t> lease_until;
    std::atomic<std::int64_t> worker_seen;
    std::atomic<std::int64_t> guard_seen;
  };
  enum class Part : std::uint8_t { worker = 0, guard = 1 };

  // Maps the file `path`. `make`: it and its directory are made when absent. Times of another boot
  // are cleared.
  static Result<GuardPage> open(const std::string& path, bool make);
  GuardPage(GuardPage&& other) noexcept;
  GuardPage& operator=(GuardPage&&) = delete;
  ~GuardPage();  // lets its locks go

  Shared& operator*() { return *shared_; }
  Shared* operator->() { return shared_; }

  // This process is now that part; false: another one is.
  bool take(Part part);
  // Does another process have it? Never true for one's own.
  bool is_taken(Part part) const;
  // Who has it: 0 when nobody, or nobody whom this process can see.
  int holder(Part part) const;

 private:
  GuardPage(int fd, Shared* shared) : fd_(fd), shared_(shared) {}
  int fd_ = -1;
  Shared* shared_ = nullptr;
};

// Of `path`, in this boot; zero: none.
Instant lease_kept_in(const std::string& path);

}  // namespace cube::daemon
