#include "store/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cube::store {

bool Ballast::take() {
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool taken = ::posix_fallocate(fd, 0, ballast_bytes) == 0;
  ::close(fd);
  if (!taken) give_up();
  return taken;
}

void Ballast::give_up() {
  ::unlink(path_.c_str());
}

}  // namespace cube::store
