#include "ingress/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>

#include "base/assert.h"

namespace cube::ingress {

namespace {
constexpr int events_max = 256;  // of one turn
}

Instant monotonic_now() {
  const auto t = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<Duration>(t).count()};
}

Reactor::Reactor()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(monotonic_now()),
      wheel_(now_),
      scratch_(scratch_bytes) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  const bool ready =
      epoll_ >= 0 && event_ >= 0 && ::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event) == 0;
  CUBE_ASSERT(ready);
}

Reactor::~Reactor() {
  stop();
  graveyard_.clear();
  ::close(event_);
  ::close(epoll_);
}

void Reactor::start() {
  CUBE_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void Reactor::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
  std::vector<std::function<void()>> dropped;  // destroyed without the lock: they may post again
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(posted_);
}

void Reactor::wake() {
  const std::uint64_t one = 1;
  (void)!::write(event_, &one, sizeof one);  // full means that it is awake
}

void Reactor::post(std::function<void()> f) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    posted_.push_back(std::move(f));
    if (posted_.size() > 1) return;
  }
  wake();
}

void Reactor::run_sync(const std::function<void()>& f) {
  if (!thread_.joinable() || thread_.get_id() == std::this_thread::get_id()) return f();
  auto task = std::make_shared<std::packaged_task<void()>>(f);
  auto done = task->get_future();
  post([task] { (*task)(); });
  task.reset();
  done.get();
}

bool Reactor::watch(int fd, Source& source) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &source;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Reactor::again(Source& source) {
  if (source.queued_) return;
  source.queued_ = true;
  again_.push_back(&source);
}

void Reactor::bury(std::unique_ptr<Source> source) {
  source->buried_ = true;
  graveyard_.push_back(std::move(source));
}

void Reactor::run_posted() {
  std::uint64_t ignored = 0;
  (void)!::read(event_, &ignored, sizeof ignored);
  std::vector<std::function<void()>> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(posted_);
  }
  for (auto& f : batch) {
    f();
    f = nullptr;
  }
}

void Reactor::run() {
  while (!stopping_) turn();
  run_posted();  // whoever waits in run_sync
}

void Reactor::turn() {
  std::array<epoll_event, events_max> events;
  int timeout_ms = 0;
  if (again_.empty()) {
    const auto quiet = std::chrono::ceil<std::chrono::milliseconds>(wheel_.next(idle_) - now_);
    timeout_ms = static_cast<int>(std::max<std::int64_t>(quiet.count(), 0));
  }
  const int count = ::epoll_wait(epoll_, events.data(), events_max, timeout_ms);
  now_ = monotonic_now();
  idle_ = count == 0 && again_.empty();
  std::vector<Source*> turns;
  turns.swap(again_);
  bool mail = false;
  for (int i = 0; i < count; ++i) {
    auto* source = static_cast<Source*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (!source) {
      mail = true;
    } else if (!source->buried_) {
      source->on_ready(events[static_cast<std::size_t>(i)].events);
    }
  }
  for (Source* source : turns) {
    source->queued_ = false;
    if (!source->buried_) source->on_ready(0);
  }
  if (mail) run_posted();
  wheel_.advance(now_);
  if (after_turn_) after_turn_();
  // Whoever is buried and still waits for its turn is destroyed after it.
  std::erase_if(graveyard_, [](const auto& source) { return !source->queued_; });
}

}  // namespace cube::ingress
