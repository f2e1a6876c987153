#include "runtime/docker_api.h"

#include <fmt/format.h>

#include <algorithm>

namespace cube::runtime {
namespace {

constexpr Duration ping_deadline = 2s;
constexpr Duration inspect_deadline = 10s;

http::Call get(std::string target, Duration deadline) {
  http::Call call;
  call.target = std::move(target);
  call.deadline = deadline;
  return call;
}

}  // namespace

Result<http::Endpoint> docker_endpoint(std::string_view docker_host) {
  if (docker_host.empty()) docker_host = "unix:///var/run/docker.sock";
  constexpr std::string_view tcp = "tcp://";
  if (docker_host.starts_with(tcp)) docker_host.remove_prefix(tcp.size());
  if (docker_host.find("://") != std::string_view::npos && !docker_host.starts_with("unix://")) {
    return Error{Code::invalid, "DOCKER_HOST must be unix:///path or tcp://host:port, not \"" +
                                    std::string(docker_host) + "\""};
  }
  return http::Endpoint::parse(docker_host, 2375);
}

EngineError error_of(const http::Answer& answer, EngineCall call, std::string_view object) {
  return classify(call, answer.status, error_text(answer.body), object);
}

std::string engine_time(WallTime t) {
  return fmt::format("{}.{:06}000", t.us / 1'000'000, t.us % 1'000'000);
}

void DockerApi::run(std::function<void()> f) {
  if (loop_.on_loop_thread()) {
    f();
    return;
  }
  loop_.post([weak = weak_from_this(), f = std::move(f)] {
    if (const auto self = weak.lock()) f();
  });
}

void DockerApi::let_go(const std::shared_ptr<void>& operation) {
  // Later: the operation may be on the stack right now.
  loop_.post([weak = weak_from_this(), operation] {
    if (const auto self = weak.lock()) self->kept_.erase(operation);
  });
}

void DockerApi::after(Duration wait, std::function<void(const std::shared_ptr<DockerApi>&)> f) {
  auto timer = std::make_shared<std::unique_ptr<http::Loop::Timer>>();
  keep(timer);
  *timer =
      loop_.after(wait, [weak = weak_from_this(), timer = std::weak_ptr(timer), f = std::move(f)] {
        const auto self = weak.lock();
        if (!self) return;
        if (const auto mine = timer.lock()) self->let_go(mine);
        f(self);
      });
}

void DockerApi::send(http::Call call, OnReply on_reply) {
  client_.call(
      options_.endpoint, std::move(call),
      [weak = weak_from_this(), on_reply = std::move(on_reply)](Result<http::Answer> answer) {
        const auto self = weak.lock();
        if (!self) return;
        if (answer.ok()) return on_reply(std::move(answer).value());
        // Whatever comes back may be another engine: ask for its version again.
        if (answer.error().code == Code::unavailable) self->minor_ = 0;
        on_reply(unavailable(answer.error()));
      });
}

void DockerApi::call(http::Call call, OnReply on_reply) {
  ready([this, call = std::move(call), on_reply = std::move(on_reply)](Outcome<Done> is) mutable {
    if (failed(is)) return on_reply(std::get<EngineError>(std::move(is)));
    call.target = fmt::format("/v1.{}{}", minor_, call.target);
    call.body_bytes_max = limits::engine_reply_bytes_max;
    send(std::move(call), std::move(on_reply));
  });
}

std::unique_ptr<http::CallHandle> DockerApi::stream(http::Call call,
                                                    http::StreamHandlers handlers) {
  CUBE_ASSERT(minor_ != 0);
  call.target = fmt::format("/v1.{}{}", minor_, call.target);
  call.fresh_connection = true;
  return client_.stream(options_.endpoint, std::move(call), std::move(handlers));
}

void DockerApi::ping(OnReply on_reply) {
  send(get("/_ping", ping_deadline), std::move(on_reply));
}

void DockerApi::ready(std::function<void(Outcome<Done>)> on_done) {
  if (minor_ != 0) return on_done(Done{});
  connect(std::move(on_done));
}

void DockerApi::connect(std::function<void(Outcome<Done>)> on_done) {
  waiting_.push_back(std::move(on_done));
  if (connecting_) return;  // the answer under way serves this caller too
  connecting_ = true;
  ping([this](Reply reply) {
    if (failed(reply)) return finish(std::get<EngineError>(std::move(reply)));
    on_ping(std::get<http::Answer>(std::move(reply)));
  });
}

void DockerApi::on_ping(http::Answer answer) {
  if (answer.status != 200) {
    return finish(EngineError{EngineError::Kind::unavailable,
                              "the container engine is not well: " + error_text(answer.body)});
  }
  is_podman_ = answer.header("libpod-api-version").has_value();
  const int engine_max = api_minor(answer.header("api-version").value_or(""));
  // The oldest version it speaks matters only when its newest is beyond ours.
  if (engine_max <= api_minor_max) return agree(engine_max, engine_max);
  send(get("/version", inspect_deadline), [this, engine_max](Reply reply) {
    if (failed(reply)) return finish(std::get<EngineError>(std::move(reply)));
    const auto oldest = parse_min_api_version(std::get<http::Answer>(reply).body);
    agree(oldest.ok() ? api_minor(*oldest) : -1, engine_max);
  });
}

void DockerApi::agree(int engine_min, int engine_max) {
  const auto agreed = negotiate(engine_min, engine_max);
  if (!agreed.ok()) {
    return finish(EngineError{EngineError::Kind::unavailable, agreed.error().message});
  }
  minor_ = *agreed;
  finish(Done{});
}

void DockerApi::finish(Outcome<Done> outcome) {
  connecting_ = false;
  if (failed(outcome)) minor_ = 0;
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& on_done : waiting) on_done(outcome);
}

void DockerApi::inspect(const std::string& id_or_name,
                        std::function<void(Outcome<Inspected>)> on_done) {
  call(get("/containers/" + http::url_encode(id_or_name) + "/json", inspect_deadline),
       [id_or_name, on_done = std::move(on_done)](Reply reply) {
         if (failed(reply)) return on_done(std::get<EngineError>(std::move(reply)));
         const http::Answer& answer = std::get<http::Answer>(reply);
         if (answer.status != 200) {
           return on_done(error_of(answer, EngineCall::inspect, id_or_name));
         }
         auto parsed = parse_inspect(answer.body);
         if (!parsed.ok()) {
           return on_done(EngineError{EngineError::Kind::other, parsed.error().message});
         }
         on_done(std::move(parsed).value());
       });
}

}  // namespace cube::runtime
