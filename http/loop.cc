#include "http/loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <utility>

#include "base/assert.h"
#include "http/asio.h"

namespace cube::http {

namespace {
constexpr std::size_t scratch_bytes = 64 * 1024;
}

void Mailbox::post(std::function<void()> f) {
  const std::lock_guard lock(mutex_);
  if (!context_) return;  // `f` dies after the lock is given back: it is the caller's argument
  waiting_.push_back(std::move(f));
  if (waiting_.size() == 1) {
    asio::post(*context_, [self = shared_from_this()] { self->run_all(); });
  }
}

void Mailbox::run_all() {
  std::vector<std::function<void()>> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(waiting_);
  }
  for (auto& f : batch) {
    f();
    f = nullptr;  // what it held goes now, not after the rest of the batch
  }
}

void Mailbox::close() {
  std::vector<std::function<void()>> dropped;  // destroyed without the lock: they may post again
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
  dropped.swap(waiting_);
}

Loop::Impl::Impl()
    : mailbox(std::make_shared<Mailbox>(context)),
      scratch(scratch_bytes),
      work_(asio::make_work_guard(context)) {}

void Loop::Impl::start() {
  const std::lock_guard lock(start_stop_mutex_);
  CUBE_ASSERT(!thread_.joinable());
  running = true;
  thread_ = std::thread([this] {
    mailbox->thread_ = std::this_thread::get_id();
    context.run();
  });
}

void Loop::Impl::stop() {
  CUBE_ASSERT(!mailbox->on_loop_thread());
  const std::lock_guard lock(start_stop_mutex_);
  context.stop();
  if (thread_.joinable()) thread_.join();
  running = false;
  mailbox->thread_ = std::thread::id();
  mailbox->close();
}

void Loop::Impl::run_sync(const std::function<void()>& f) {
  if (owns_state()) return f();
  auto task = std::make_shared<std::packaged_task<void()>>(f);
  auto done = task->get_future();
  mailbox->post([moved = std::move(task)] { (*moved)(); });
  try {
    done.get();
  } catch (const std::future_error&) {
    f();  // the loop ended meanwhile and dropped the task
  }
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() {
  stop();
}
void Loop::start() {
  impl_->start();
}
void Loop::stop() {
  impl_->stop();
}
void Loop::post(std::function<void()> f) {
  impl_->mailbox->post(std::move(f));
}
bool Loop::on_loop_thread() const {
  return impl_->mailbox->on_loop_thread();
}

namespace {

// Shared by the handle and the pending wait; the wait owns it, so it never outlives the loop.
struct TimerState {
  explicit TimerState(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  std::function<void()> f;
  std::atomic<bool> cancelled = false;

  void cancel() {
    timer.cancel();
    f = nullptr;
  }
};

class TimerHandle : public Loop::Timer {
 public:
  TimerHandle(std::weak_ptr<TimerState> state, std::shared_ptr<Mailbox> mailbox)
      : state_(std::move(state)), mailbox_(std::move(mailbox)) {}
  ~TimerHandle() override {
    auto state = state_.lock();
    if (!state) return;  // it has fired, or the loop is gone
    state->cancelled = true;
    if (mailbox_->on_loop_thread()) {
      state->cancel();
    } else {
      mailbox_->post([moved = std::move(state)] { moved->cancel(); });
    }
  }

 private:
  std::weak_ptr<TimerState> state_;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace

std::unique_ptr<Loop::Timer> Loop::after(Duration d, std::function<void()> f) {
  auto state = std::make_shared<TimerState>(impl_->context);
  state->f = std::move(f);
  state->timer.expires_after(d);
  auto handle = std::make_unique<TimerHandle>(state, impl_->mailbox);
  state->timer.async_wait([state](error_code) {
    if (state->cancelled) return;
    auto call = std::move(state->f);
    call();
  });
  return handle;
}

}  // namespace cube::http
