#include "ingress/proxy.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>

#include "ingress/core.h"
#include "ingress/listener.h"
#include "ingress/metrics.h"
#include "ingress/session.h"

namespace cube::ingress {

WallTime wall_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<Duration>(now).count()};
}

struct Proxy::Impl {
  explicit Impl(ProxyOptions options) : core(std::move(options)) {}
  Core core;
};

Proxy::Proxy(ProxyOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Result<std::unique_ptr<Proxy>> Proxy::start(ProxyOptions options) {
  const std::uint16_t port = options.port;
  std::unique_ptr<Proxy> proxy(new Proxy(std::move(options)));
  Core& core = proxy->impl_->core;
  core.seed = std::random_device()();
  core.since = wall_now();
  CUBE_TRY(core.access_log.open(core.options.access_log));
  auto listener = Listener::bind(core, 0, port);
  if (!listener) return std::move(listener).error();
  if (!core.options.share_port) CUBE_TRY((*listener)->listen());
  proxy->port_ = (*listener)->port();
  core.listeners.push_back(std::move(*listener));
  core.reactor.start();
  return proxy;
}

Proxy::~Proxy() {
  Core& core = impl_->core;
  core.reactor.run_sync([&core] {
    core.on_drained = nullptr;
    core.on_busy_shrunk = nullptr;
    core.drain();
    while (!core.sessions.empty()) core.sessions.back()->close();
    core.set_table({});
  });
  core.reactor.stop();
}

void Proxy::set_table(api::RouteTable table, std::function<void()> done) {
  Core& core = impl_->core;
  core.reactor.post([&core, table = std::move(table), done = std::move(done)] {
    core.set_table(table);
    if (done) done();
  });
}

void Proxy::state(std::function<void(ProxyState)> tell) {
  Core& core = impl_->core;
  core.reactor.post([&core, tell = std::move(tell)] {
    tell({core.version, core.busy(), report_of(core)});
  });
}

void Proxy::metrics(std::function<void(std::string)> tell) {
  Core& core = impl_->core;
  core.reactor.post([&core, tell = std::move(tell)] { tell(metrics_of(core)); });
}

void Proxy::on_busy_shrunk(std::function<void()> f) {
  Core& core = impl_->core;
  core.reactor.post([&core, f = std::move(f)] { core.on_busy_shrunk = f; });
}

bool Proxy::drain(Duration deadline) {
  Core& core = impl_->core;
  struct Wait {
    std::mutex mutex;
    std::condition_variable over;
    bool done = false;
  };
  auto wait = std::make_shared<Wait>();
  core.reactor.post([&core, wait] {
    core.on_drained = [wait] {
      const std::lock_guard lock(wait->mutex);
      wait->done = true;
      wait->over.notify_one();
    };
    core.drain();
  });
  std::unique_lock lock(wait->mutex);
  return wait->over.wait_for(lock, deadline, [&] { return wait->done; });
}

}  // namespace cube::ingress
