#pragma once
// `Reactor`: the one thread of a proxy: an epoll loop with a coarse clock, a timer wheel and a
// mailbox. Everything of the proxy lives on it.
//
// Why not the loop of http/: a request through a proxy is four system calls and little else, so
// what the loop itself costs is what the proxy costs. Sockets are registered once, edge-triggered,
// for both directions; nothing is allocated for a wait, and there is one clock reading for a batch
// of events.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "ingress/wheel.h"

namespace cube::ingress {

// Owns a descriptor that the reactor watches.
class Source {
 public:
  virtual ~Source() = default;
  virtual void on_ready(std::uint32_t epoll_events) = 0;  // 0: its turn again (Reactor::again)

 private:
  friend class Reactor;
  bool queued_ = false;  // for its turn
  bool buried_ = false;
};

class Reactor {
 public:
  Reactor();
  ~Reactor();  // stops
  Reactor(const Reactor&) = delete;

  void start();
  void after_turn(std::function<void()> f) { after_turn_ = std::move(f); }  // before start()
  void stop();                       // from any other thread; returns when the thread has ended
  void post(std::function<void()>);  // from any thread; dropped after stop()
  // Runs `f` on the reactor's thread and returns when it has run.
  void run_sync(const std::function<void()>& f);

  // All that follows: on the reactor's thread.
  Instant now() const { return now_; }
  Wheel& wheel() { return wheel_; }
  bool watch(int fd, Source& source);  // for reading and writing, by edges
  void again(Source& source);          // its turn comes once more, after everyone else's
  // Destroys it when no event of the present turn can mean it any more. It has closed its
  // descriptor already.
  void bury(std::unique_ptr<Source> source);

  static constexpr std::size_t scratch_bytes = 32 * 1024;
  char* scratch() { return scratch_.data(); }  // every read lands here first

 private:
  void run();
  void turn();
  void run_posted();
  void wake();

  int epoll_ = -1, event_ = -1;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool closed_ = false;  // nothing is posted any more
  Instant now_;
  bool idle_ = false;  // the last turn found nothing to do
  Wheel wheel_;
  std::vector<Source*> again_;
  std::vector<std::unique_ptr<Source>> graveyard_;
  std::vector<char> scratch_;
  std::function<void()> after_turn_;
  std::thread thread_;
};

Instant monotonic_now();

}  // namespace cube::ingress
