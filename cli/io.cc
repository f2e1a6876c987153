#include "cli/io.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>

#include "cli/output.h"

namespace cube::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

WallTime wall_now() {
  using namespace std::chrono;
  const auto since = system_clock::now().time_since_epoch();
  return {duration_cast<microseconds>(since).count()};
}

Instant mono_now() {
  using namespace std::chrono;
  const auto since = steady_clock::now().time_since_epoch();
  return {duration_cast<microseconds>(since).count()};
}

// In short pieces: a signal that another thread took would not wake one long sleep.
bool sleep_for(Duration duration) {
  const Instant end = mono_now() + duration;
  while (interrupted == 0) {
    const Duration left = std::min<Duration>(end - mono_now(), 50ms);
    if (left <= 0us) return true;
    const timespec wait{left.count() / 1'000'000, (left.count() % 1'000'000) * 1000};
    nanosleep(&wait, nullptr);
  }
  return false;
}

Uuid random_uuid() {
  std::random_device device;
  const auto draw = [&] { return (std::uint64_t{device()} << 32) | device(); };
  const std::uint64_t high = draw();
  return Uuid::from_random(high, draw());
}

int terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Opens nothing for what is closed: using it is still an error, as the modes are the wrong ones.
void occupy_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1) continue;
    const int mode = fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY;
    [[maybe_unused]] const int got = open("/dev/null", mode);  // the lowest number that is free
  }
}

}  // namespace

Io process_io() {
  std::signal(SIGPIPE, SIG_IGN);
  occupy_closed_streams();
  static FdOutput output(STDOUT_FILENO);
  static std::ostream out(&output);
  Io io{std::cin, out, std::cerr};
  io.out_error = [] { return output.error_number(); };
  io.in_is_tty = isatty(STDIN_FILENO) == 1;
  io.out_is_tty = isatty(STDOUT_FILENO) == 1;
  io.err_is_tty = isatty(STDERR_FILENO) == 1;
  // https://no-color.org: set and not empty
  io.color = io.out_is_tty && environment("NO_COLOR").value_or("").empty() &&
             environment("TERM").value_or("") != "dumb";
  io.columns = io.out_is_tty ? terminal_columns() : 0;
  io.env = environment;
  io.wall_now = wall_now;
  io.mono_now = mono_now;
  io.sleep = sleep_for;
  io.random_uuid = random_uuid;
  return io;
}

void catch_interrupts() {
  std::signal(SIGINT, on_interrupt);
}

}  // namespace cube::cli
