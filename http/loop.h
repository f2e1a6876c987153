#pragma once
// `Loop`: the one I/O thread of a daemon. Servers, clients and timers of http/ and runtime/ live on
// it; their callbacks run there and must not block.

#include <functional>
#include <memory>

#include "base/time.h"

namespace cube::http {

class Loop {
 public:
  Loop();
  ~Loop();  // stops and joins; servers, clients and streams on it must be gone by then
  Loop(const Loop&) = delete;

  void start();                      // begins to run on a thread of its own
  void stop();                       // from any thread; returns when the thread has ended
  void post(std::function<void()>);  // runs it on the loop's thread; from any thread
  bool on_loop_thread() const;

  // Calls `f` once after `d` on the loop's thread, unless the handle is destroyed before.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  [[nodiscard]] std::unique_ptr<Timer> after(Duration d, std::function<void()> f);

  struct Impl;  // known to http/ only
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace cube::http
