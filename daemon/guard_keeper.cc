#include "daemon/guard_keeper.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "daemon/clock.h"

namespace cube::daemon {
namespace {

using Part = GuardPage::Part;

constexpr auto look_every = std::chrono::milliseconds(250);
constexpr Duration silent_max = 2s;  // a guard that was not seen for so long lives no more
constexpr Duration first_start_max = 10s;
constexpr Duration start_again_after = 5s;  // a machine may be slow

// Runs the command, which goes into the background by itself; an error in words.
std::string spawn(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, arguments[0], nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return std::strerror(failed);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? "" : fmt::format("it ended with status {}", status);
}

}  // namespace

GuardKeeper::GuardKeeper(GuardStart start, Log& log, Hooks hooks)
    : start_(std::move(start)), log_(log), hooks_(std::move(hooks)) {
  if (is_kept()) lease_until_ = lease_kept_in(start_.page).us;
}

void GuardKeeper::renew(Instant until) {
  lease_until_ = until.us;
  std::lock_guard lock(mutex_);
  if (page_) (*page_)->lease_until = until.us;
}

void GuardKeeper::want() {
  if (!is_kept()) return;
  std::lock_guard lock(mutex_);
  if (std::exchange(wanted_, true) || stopping_) return;
  told_from_ = read_lease_clock() + first_start_max;
  thread_ = std::thread([this] { run(); });
}

void GuardKeeper::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void GuardKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    lives_ = look();
    // While the first one starts there is nothing to tell: nothing exclusive has been started.
    if (lives_ || read_lease_clock() >= told_from_) {
      told_from_ = {};
      hooks_.on_look(lives_);
    }
    lock.lock();
    wake_.wait_for(lock, look_every, [this] { return stopping_; });
  }
}

bool GuardKeeper::open_page() {
  if (page_) return true;
  std::string trouble;
  auto page = GuardPage::open(start_.page, true);
  if (!page) {
    trouble = page.error().message;
  } else if (!page->take(Part::worker)) {
    trouble = start_.page + ": another worker, or a guard that is about to go, has it";
  }
  if (trouble.empty()) {
    std::lock_guard lock(mutex_);
    page_ = std::make_shared<GuardPage>(std::move(*page));
    (*page_)->lease_until = lease_until_.load();
    return true;
  }
  if (std::exchange(last_trouble_, trouble) != trouble) log_.warn("guard.waits", trouble);
  return false;
}

bool GuardKeeper::look() {
  if (!open_page()) return false;
  hooks_.on_alive([page = page_] { (*page)->worker_seen = read_lease_clock().us; });
  const Instant now = read_lease_clock();
  const bool is_there = page_->is_taken(Part::guard);
  if (is_there && now < Instant{(*page_)->guard_seen.load()} + silent_max) return true;
  if (now >= start_again_at_) start_guard();
  return false;
}

// One that stands still is replaced.
void GuardKeeper::start_guard() {
  start_again_at_ = read_lease_clock() + start_again_after;
  if (const int pid = page_->holder(Part::guard); pid > 0) {
    log_.warn("guard.silent", fmt::format("process {} stands still: it is replaced", pid));
    ::kill(pid, SIGKILL);
  }
  const std::string failed = spawn(start_.command);
  if (failed.empty()) return;
  if (std::exchange(last_trouble_, failed) != failed) {
    log_.error("guard.failed", start_.command[0] + ": " + failed);
  }
}

}  // namespace cube::daemon
