#include "daemon/log_relay.h"

#include <utility>

namespace cube::daemon {
namespace {

// One log on its way. Whatever holds the source is let go as soon as either side ends, which also
// ends the ring of ownership between the source and its callbacks.
template <class Source>
struct Relay {
  std::shared_ptr<http::Responder> to;
  std::shared_ptr<http::Responder::Body> body;
  std::unique_ptr<Source> source;

  void begin(const std::shared_ptr<Relay>& self) {
    body = to->stream({200, {}, "text/plain; charset=utf-8", {}});
    body->on_gone([weak = std::weak_ptr(self)] {
      if (auto relay = weak.lock()) relay->end();
    });
  }
  void pass_on(std::string_view bytes) {
    if (body && !body->write(bytes)) end();
  }
  void end() {
    if (body) std::exchange(body, nullptr)->close();
    auto ended = std::move(source);
  }
};

}  // namespace

void relay_logs(http::Client& client, const http::Endpoint& from, const std::string& target,
                std::shared_ptr<http::Responder> to) {
  auto relay = std::make_shared<Relay<http::CallHandle>>();
  relay->to = std::move(to);
  http::Call call;
  call.target = target;
  http::StreamHandlers handlers;
  auto refused = std::make_shared<http::Response>();  // an error reply is passed on whole
  handlers.on_head = [relay, refused](const http::Answer& head) {
    refused->status = head.status;
    if (head.status == 200) relay->begin(relay);
  };
  handlers.on_data = [relay, refused](std::string_view bytes) {
    if (refused->status == 200) return relay->pass_on(bytes);
    if (refused->body.size() < limits::http_body_bytes_max) refused->body += bytes;
  };
  handlers.on_end = [relay, refused, from](Result<void> result) {
    if (refused->status >= 400) {
      relay->to->send(std::move(*refused));
    } else if (!relay->body && !result.ok()) {
      relay->to->send(http::error_response(
          503, "the worker at " + from.str() + " cannot be asked: " + result.error().message));
    }
    relay->end();
  };
  refused->status = 0;
  relay->source = client.stream(from, std::move(call), std::move(handlers));
}

void relay_logs(runtime::Runtime& runtime, const std::string& container,
                const runtime::LogOptions& options, std::shared_ptr<http::Responder> to) {
  auto relay = std::make_shared<Relay<runtime::Stream>>();
  relay->to = std::move(to);
  runtime::LogSink sink;
  sink.on_data = [relay](bool, std::string_view bytes) {
    if (!relay->body) relay->begin(relay);
    relay->pass_on(bytes);
  };
  sink.on_end = [relay](std::optional<runtime::EngineError> error) {
    if (!relay->body && error) {
      const bool gone = error->kind == runtime::EngineError::Kind::not_found;
      relay->to->send(http::error_response(gone ? 404 : 503, "logs: " + error->message));
    } else if (!relay->body) {
      relay->begin(relay);  // an empty log
    }
    relay->end();
  };
  relay->source = runtime.logs(container, options, std::move(sink));
}

}  // namespace cube::daemon
