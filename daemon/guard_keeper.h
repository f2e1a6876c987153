#pragma once
// `GuardKeeper`: the worker's end of its guard. Starts the guard process when it is first wanted,
// shows it the lease, looks after it, and starts it again when it is gone. Until it is wanted there
// is no thread, no file and no process.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "daemon/guard_page.h"
#include "daemon/log.h"

namespace cube::daemon {

struct GuardStart {
  std::string page;                  // the file; empty: no guard is kept, and none is waited for
  std::vector<std::string> command;  // the program and its arguments; it goes into the background
};

class GuardKeeper {
 public:
  struct Hooks {
    std::function<void(bool lives)> on_look;                   // at each look; on its thread
    std::function<void(std::function<void()> mark)> on_alive;  // runs `mark` if the worker acts
  };
  GuardKeeper(GuardStart start, Log& log, Hooks hooks);
  ~GuardKeeper() { stop(); }  // the guard lives on

  bool is_kept() const { return !start_.page.empty(); }
  Instant lease_until() const { return Instant{lease_until_}; }
  bool lives() const { return lives_; }

  // Any thread; those that are repeated cost nothing.
  void renew(Instant until);
  void want();
  void stop();

 private:
  void run();
  bool open_page();
  bool look();
  void start_guard();

  const GuardStart start_;
  Log& log_;
  Hooks hooks_;
  std::atomic<std::int64_t> lease_until_ = 0;
  std::atomic<bool> lives_ = false;
  std::string last_trouble_;  // noted once, not at each look
  std::shared_ptr<GuardPage> page_;
  Instant start_again_at_{};
  Instant told_from_{};  // that it does not live

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace cube::daemon
