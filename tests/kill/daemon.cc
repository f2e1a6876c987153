#include "tests/kill/daemon.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

namespace cube::kill {

void Daemon::start() {
  std::vector<char*> argv;
  for (auto& argument : arguments_) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  dup2(log, 1);
  dup2(log, 2);
  execv(argv[0], argv.data());
  _exit(127);
}

bool Daemon::end(int signal) {
  if (pid_ <= 0) return true;
  int status = 0;
  const bool was_up = waitpid(pid_, &status, WNOHANG) == 0;
  if (was_up) {
    ::kill(pid_, signal);
    waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  return was_up;
}

std::uint16_t free_port() {
  static std::mt19937 chance{std::random_device{}()};
  for (;;) {
    const auto port = static_cast<std::uint16_t>(20000 + chance() % 12000);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (free) return port;
  }
}

}  // namespace cube::kill
