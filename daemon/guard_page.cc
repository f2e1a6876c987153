#include "daemon/guard_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "runtime/host_stats.h"

namespace cube::daemon {
namespace {

constexpr std::string_view format = "cube guard 1";

Error failed(const std::string& path, int error_number) {
  return {Code::unavailable, "guard file " + path + ": " + std::strerror(error_number)};
}

struct flock lock_of(GuardPage::Part part, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(part);
  lock.l_len = 1;
  return lock;
}

// The other part's lock, as this process sees it.
struct flock seen(int fd, GuardPage::Part part) {
  struct flock lock = lock_of(part, F_WRLCK);
  if (::fcntl(fd, F_GETLK, &lock) != 0) lock.l_type = F_UNLCK;
  return lock;
}

// Two that come at once write the same.
void begin_boot(GuardPage::Shared& shared) {
  const std::string boot = runtime::read_boot_id();
  const auto is = [](const char* have, std::string_view want, std::size_t size) {
    return std::string_view(have, ::strnlen(have, size)) == want;
  };
  if (is(shared.format, format, sizeof shared.format) &&
      is(shared.boot_id, boot, sizeof shared.boot_id)) {
    return;
  }
  shared.lease_until = shared.worker_seen = shared.guard_seen = 0;
  std::memset(shared.format, 0, sizeof shared.format);
  std::memset(shared.boot_id, 0, sizeof shared.boot_id);
  boot.copy(shared.boot_id, sizeof shared.boot_id - 1);
  format.copy(shared.format, sizeof shared.format - 1);
}

}  // namespace

Result<GuardPage> GuardPage::open(const std::string& path, bool make) {
  std::error_code no_directory;  // open() tells
  if (make) {
    const auto directory = std::filesystem::path(path).parent_path();
    if (std::filesystem::create_directories(directory, no_directory)) {
      std::filesystem::permissions(directory, std::filesystem::perms::owner_all, no_directory);
    }
  }
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
  if (fd < 0) return failed(path, errno);
  // With its blocks: a write through the map must not find the disk full.
  const int no_room = ::posix_fallocate(fd, 0, sizeof(Shared));
  void* at = no_room != 0
                 ? MAP_FAILED
                 : ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) {
    const int error_number = no_room != 0 ? no_room : errno;
    ::close(fd);
    return failed(path, error_number);
  }
  GuardPage page(fd, static_cast<Shared*>(at));
  begin_boot(*page);
  return page;
}

GuardPage::GuardPage(GuardPage&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), shared_(std::exchange(other.shared_, nullptr)) {}

GuardPage::~GuardPage() {
  if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
  if (fd_ >= 0) ::close(fd_);
}

bool GuardPage::take(Part part) {
  struct flock lock = lock_of(part, F_WRLCK);
  return ::fcntl(fd_, F_SETLK, &lock) == 0;
}

bool GuardPage::is_taken(Part part) const {
  return seen(fd_, part).l_type != F_UNLCK;
}

int GuardPage::holder(Part part) const {
  const struct flock lock = seen(fd_, part);
  return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

Instant lease_kept_in(const std::string& path) {
  auto page = GuardPage::open(path, false);
  return page ? Instant{(*page)->lease_until.load()} : Instant{};
}

}  // namespace cube::daemon
