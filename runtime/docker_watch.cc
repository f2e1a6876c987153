// Following the engine: its events, and whether it is there at all.
//
// One round is: agree on the version, ask for the engine's information, open the event stream, say
// on_connected. It ends when any of these fails, the stream breaks, or the engine stops answering
// pings; then on_disconnected is said and the next round begins after a while.

#include <algorithm>

#include "runtime/docker_api.h"
#include "runtime/docker_json.h"
#include "runtime/log_frames.h"

namespace cube::runtime {
namespace {

constexpr Duration head_deadline = 10s;
constexpr Duration retry_first = 100ms;
constexpr Duration retry_max = 5s;

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(std::weak_ptr<DockerApi> api, std::map<std::string, std::string> labels, EventSink sink)
      : api_(std::move(api)), labels_(std::move(labels)), sink_(std::move(sink)) {}

  void begin_round() {
    const auto api = api_.lock();
    if (!api || closed_) return;
    ++round_;
    api->connect(guarded<Outcome<Done>>([](Watch& self, Outcome<Done> outcome) {
      if (failed(outcome)) return self.lost(std::get<EngineError>(outcome).message);
      self.ask_info();
    }));
  }

  void close() {
    closed_ = true;
    drop();
  }

 private:
  // `f`, if by then this round is still the present one.
  template <class T, class F>
  std::function<void(T)> guarded(F f) {
    return [weak = weak_from_this(), round = round_, f = std::move(f)](T value) {
      const auto self = weak.lock();
      if (self && !self->closed_ && self->round_ == round) f(*self, std::move(value));
    };
  }

  void ask_info() {
    const auto api = api_.lock();
    if (!api) return;
    http::Call call;
    call.target = "/info";
    call.deadline = head_deadline;
    api->call(std::move(call), guarded<DockerApi::Reply>([](Watch& self, DockerApi::Reply reply) {
                if (failed(reply)) return self.lost(std::get<EngineError>(reply).message);
                const http::Answer& answer = std::get<http::Answer>(reply);
                auto info = parse_info(answer.body);
                if (answer.status != 200 || !info.ok()) {
                  return self.lost("the container engine is not well: " + error_text(answer.body));
                }
                self.info_ = std::move(info).value();
                self.open_events();
              }));
  }

  void open_events() {
    const auto api = api_.lock();
    if (!api) return;
    info_.api_version = "1." + std::to_string(api->minor());
    // Podman makes up a new ID for each answer; its containers' directory stays.
    if (api->is_podman()) info_.id = "podman:" + info_.data_dir;
    http::Call call;
    call.target = "/events?filters=" + http::url_encode(event_filters(labels_));
    if (!last_event_.is_zero()) call.target += "&since=" + engine_time(last_event_ + 1us);
    call.deadline = head_deadline;
    lines_ = LineSplitter();
    http::StreamHandlers on;
    on.on_head = guarded<const http::Answer&>(
        [](Watch& self, const http::Answer& head) { self.opened(head.status); });
    on.on_data = guarded<std::string_view>([](Watch& self, std::string_view bytes) {
      self.lines_.feed(bytes, [&self](std::string_view line) { self.take(line); });
    });
    on.on_end = guarded<Result<void>>([](Watch& self, Result<void> end) {
      self.lost(end.ok() ? "the container engine has closed the connection"
                         : unavailable(end.error()).message);
    });
    stream_ = api->stream(std::move(call), std::move(on));
  }

  void opened(int status) {
    if (status != 200) {
      return lost("the container engine refuses to tell its events (" + std::to_string(status) +
                  ")");
    }
    retry_ = retry_first;
    reason_.clear();
    failures_ = 0;
    arm_watchdog();
    sink_.on_connected(info_);
  }

  void take(std::string_view line) {
    if (closed_) return;
    const auto event = parse_event(line);
    if (!event) return;
    last_event_ = std::max(last_event_, event->at);
    sink_.on_event(*event);
  }

  // A hung engine keeps its connections open and says nothing, which looks like peace.
  void arm_watchdog() {
    const auto api = api_.lock();
    if (!api) return;
    api->retire(std::move(timer_));
    timer_ = api->loop().after(
        api->options().watchdog_every,
        [check = guarded<int>([](Watch& self, int) { self.check(); })] { check(0); });
  }

  void check() {
    const auto api = api_.lock();
    if (!api) return;
    api->ping(guarded<DockerApi::Reply>([](Watch& self, DockerApi::Reply reply) {
      const auto still = self.api_.lock();
      if (!still) return;
      const bool well = !failed(reply) && std::get<http::Answer>(reply).status == 200;
      self.failures_ = well ? 0 : self.failures_ + 1;
      if (self.failures_ >= still->options().watchdog_failures_max) {
        return self.lost("the container engine hangs: it does not answer");
      }
      self.arm_watchdog();
    }));
  }

  void lost(const std::string& reason) {
    const auto api = api_.lock();
    if (!api) return;
    drop();
    ++round_;  // what is still under way no longer counts
    timer_ = api->loop().after(retry_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->begin_round();
    });
    retry_ = std::min(retry_ * 2, retry_max);
    if (reason == std::exchange(reason_, reason)) return;  // said already
    sink_.on_disconnected(reason);
  }

  void drop() {
    const auto api = api_.lock();
    if (!api) return;
    api->retire(std::move(stream_));
    api->retire(std::move(timer_));
  }

  std::weak_ptr<DockerApi> api_;
  std::map<std::string, std::string> labels_;
  EventSink sink_;
  bool closed_ = false;
  std::uint64_t round_ = 0;
  EngineInfo info_;
  WallTime last_event_;
  LineSplitter lines_;
  int failures_ = 0;  // of the watchdog's pings, in a row
  Duration retry_ = retry_first;
  std::string reason_;  // said last; empty while connected
  std::unique_ptr<http::CallHandle> stream_;
  std::unique_ptr<http::Loop::Timer> timer_;
};

class WatchStream final : public Stream {
 public:
  explicit WatchStream(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~WatchStream() override { watch_->close(); }

 private:
  std::shared_ptr<Watch> watch_;
};

}  // namespace

std::unique_ptr<Stream> watch_engine(const std::shared_ptr<DockerApi>& api,
                                     const std::map<std::string, std::string>& labels,
                                     EventSink sink) {
  auto watch = std::make_shared<Watch>(api, labels, std::move(sink));
  api->loop().post([weak = std::weak_ptr(watch)] {
    if (const auto self = weak.lock()) self->begin_round();
  });
  return std::make_unique<WatchStream>(std::move(watch));
}

}  // namespace cube::runtime
