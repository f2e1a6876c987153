#pragma once
// `Daemon`: one process of the program under test, started, killed and started again.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cube::kill {

class Daemon {
 public:
  // `arguments` follow the program's name; its output is appended to `log`.
  Daemon(std::string name, std::vector<std::string> arguments, std::string log)
      : name_(std::move(name)), arguments_(std::move(arguments)), log_(std::move(log)) {}
  ~Daemon() { end(9); }
  Daemon(const Daemon&) = delete;

  // REQUIRES: the thread that calls it outlives the process.
  void start();
  // Ends it by `signal` and waits. False: it had ended before, by itself.
  bool end(int signal);
  bool is_up() const { return pid_ > 0; }
  const std::string& name() const { return name_; }
  const std::string& log() const { return log_; }

 private:
  std::string name_;
  std::vector<std::string> arguments_;
  std::string log_;
  pid_t pid_ = -1;
};

std::uint16_t free_port();  // below those that the system hands out

}  // namespace cube::kill
