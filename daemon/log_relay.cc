#include "daemon/log_relay.h"

#include <utility>

namespace cube::daemon {
namespace {

// One log on its way. Until the reply begins the source's callbacks own it, from then on the reply:
// it goes when the client or the server does. The source ends with it.
template <class Source>
struct Relay {
  std::shared_ptr<http::Responder> to;
  std::shared_ptr<http::Responder::Body> body;
  std::unique_ptr<Source> source;

  static void begin(std::shared_ptr<Relay> self) {
    const auto body = self->to->stream({200, {}, "text/plain; charset=utf-8", {}});
    self->body = body;
    body->on_drained([weak = std::weak_ptr(self)] {
      if (auto relay = weak.lock(); relay && relay->source) relay->source->resume();
    });
    body->on_gone([self = std::move(self)] { self->end(false); });
  }
  // The source waits while the client is slow, so little is held here however long the log is.
  void pass_on(std::string_view bytes) {
    if (!body) return;
    if (!body->write(bytes)) return end(false);
    if (body->waiting_bytes() > limits::http_stream_high_water_bytes) source->pause();
  }
  // Not `whole`: the client can tell that there was more. REQUIRES: the caller owns the relay too.
  void end(bool whole) {
    if (auto last = std::exchange(body, nullptr)) whole ? last->close() : last->abort();
    auto ended = std::move(source);
  }
};

}  // namespace

void relay_logs(http::Client& client, const http::Endpoint& from, const std::string& target,
                const std::string& gone, std::shared_ptr<http::Responder> to) {
  auto relay = std::make_shared<Relay<http::CallHandle>>();
  relay->to = std::move(to);
  http::Call call;
  call.target = target;
  http::StreamHandlers handlers;
  auto refused = std::make_shared<http::Response>();  // an error reply is passed on whole
  handlers.on_head = [relay, refused](const http::Answer& head) mutable {
    refused->status = head.status;
    if (head.status == 200) Relay<http::CallHandle>::begin(std::move(relay));
  };
  handlers.on_data = [weak = std::weak_ptr(relay), refused](std::string_view bytes) {
    const auto held = weak.lock();
    if (!held) return;
    if (refused->status == 200) return held->pass_on(bytes);
    if (refused->body.size() < limits::http_body_bytes_max) refused->body += bytes;
  };
  handlers.on_end = [weak = std::weak_ptr(relay), refused, from, gone](Result<void> result) {
    const auto held = weak.lock();
    if (!held) return;
    if (refused->status == 404 && !gone.empty()) {
      held->to->send(http::error_response(404, gone));
    } else if (refused->status >= 400) {
      held->to->send(std::move(*refused));
    } else if (!held->body && !result.ok()) {
      held->to->send(http::error_response(
          503, "the worker at " + from.str() + " cannot be asked: " + result.error().message));
    }
    held->end(result.ok());
  };
  refused->status = 0;
  relay->source = client.stream(from, std::move(call), std::move(handlers));
}

void relay_logs(runtime::Runtime& runtime, const std::string& container,
                const runtime::LogOptions& options, std::shared_ptr<http::Responder> to) {
  auto relay = std::make_shared<Relay<runtime::Stream>>();
  relay->to = std::move(to);
  runtime::LogSink sink;
  // Also a silent log begins at once: only a reply that has begun sees its client go.
  sink.on_open = [relay]() mutable { Relay<runtime::Stream>::begin(std::move(relay)); };
  sink.on_data = [weak = std::weak_ptr(relay)](bool, std::string_view bytes) {
    if (const auto held = weak.lock()) held->pass_on(bytes);
  };
  sink.on_end = [weak = std::weak_ptr(relay)](std::optional<runtime::EngineError> error) {
    const auto held = weak.lock();
    if (!held) return;
    if (error && !held->body) {
      const bool gone = error->kind == runtime::EngineError::Kind::not_found;
      held->to->send(http::error_response(gone ? 404 : 503, "logs: " + error->message));
    }
    held->end(!error);
  };
  relay->source = runtime.logs(container, options, std::move(sink));
}

}  // namespace cube::daemon
