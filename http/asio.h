#pragma once
// Internal to http/*.cc: what the plain headers hide. Nothing outside this folder includes it.

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "http/loop.h"

namespace cube::http {

namespace asio = boost::asio;
using boost::system::error_code;

// Functions on their way to the loop's thread, run in the order they came. Whoever may outlive the
// loop (a kept Responder) holds the mailbox, not the loop: what comes after the end is dropped.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(asio::io_context& context) : context_(&context) {}
  void post(std::function<void()> f);
  void close();  // drops what waits and all that comes
  bool on_loop_thread() const { return thread_.load() == std::this_thread::get_id(); }

 private:
  friend struct Loop::Impl;
  void run_all();

  std::mutex mutex_;
  asio::io_context* context_;  // null once closed
  std::vector<std::function<void()>> waiting_;
  std::atomic<std::thread::id> thread_{};
};

struct Loop::Impl {
  Impl();
  void start();
  void stop();
  // Runs `f` on the loop's thread and returns when it has run; on this one if the loop is not
  // running. For destructors, which must not return while a callback is under way.
  void run_sync(const std::function<void()>& f);
  // May this thread touch what belongs to the loop's thread?
  bool owns_state() const { return mailbox->on_loop_thread() || !running; }

  asio::io_context context{1};
  std::shared_ptr<Mailbox> mailbox;
  // Every read lands here first: an idle connection owns no buffer. Of the loop's thread.
  std::vector<char> scratch;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::mutex start_stop_mutex_;
  std::thread thread_;
  std::atomic<bool> running = false;
};

}  // namespace cube::http
