// The log of one container as a stream.

#include "runtime/docker_api.h"
#include "runtime/docker_json.h"
#include "runtime/log_frames.h"

namespace cube::runtime {
namespace {

constexpr Duration head_deadline = 10s;
constexpr std::size_t error_body_bytes_max = 4096;

std::string log_target(const std::string& id, const LogOptions& options) {
  std::string target = "/containers/" + http::url_encode(id) + "/logs?stdout=1&stderr=1";
  if (options.follow) target += "&follow=1";
  if (options.timestamps) target += "&timestamps=1";
  if (options.tail) target += "&tail=" + std::to_string(*options.tail);
  if (!options.since.is_zero()) target += "&since=" + engine_time(options.since);
  return target;
}

// Alive as long as the caller's Stream; `sink_` is emptied when it is over.
class LogFollow : public std::enable_shared_from_this<LogFollow> {
 public:
  LogFollow(std::weak_ptr<DockerApi> api, std::string id, LogOptions options, LogSink sink)
      : api_(std::move(api)), id_(std::move(id)), options_(options), sink_(std::move(sink)) {}

  // Whether the stream has frames is the container's to say (a terminal has none), not the bytes'.
  void begin() {
    const auto api = api_.lock();
    if (!api) return;
    api->inspect(id_, [weak = weak_from_this()](Outcome<Inspected> outcome) {
      const auto self = weak.lock();
      if (!self || self->closed_) return;
      if (failed(outcome)) return self->end(std::get<EngineError>(std::move(outcome)));
      self->frames_ = LogFrames(std::get<Inspected>(outcome).tty);
      self->open();
    });
  }

  void close() {
    closed_ = true;
    if (const auto api = api_.lock()) api->retire(std::move(stream_));
  }

  void pause() {
    paused_ = true;
    if (stream_) stream_->pause();
  }
  void resume() {
    paused_ = false;
    if (stream_) stream_->resume();
  }

 private:
  void open() {
    const auto api = api_.lock();
    if (!api) return;
    http::Call call;
    call.target = log_target(id_, options_);
    call.deadline = head_deadline;
    http::StreamHandlers on;
    on.on_head = [weak = weak_from_this()](const http::Answer& head) {
      if (const auto self = weak.lock(); self && !self->closed_) self->answered(head.status);
    };
    on.on_data = [weak = weak_from_this()](std::string_view bytes) {
      if (const auto self = weak.lock(); self && !self->closed_) self->take(bytes);
    };
    on.on_end = [weak = weak_from_this()](Result<void> ended) {
      if (const auto self = weak.lock(); self && !self->closed_) self->ended(std::move(ended));
    };
    stream_ = api->stream(std::move(call), std::move(on));
    if (paused_) stream_->pause();
  }

  void answered(int status) {
    status_ = status;
    if (status == 200 && sink_.on_open) sink_.on_open();
  }

  void take(std::string_view bytes) {
    if (status_ != 200) {
      if (error_body_.size() < error_body_bytes_max) error_body_ += bytes;
      return;
    }
    const auto fed = frames_.feed(bytes, [this](bool is_stderr, std::string_view data) {
      if (!closed_) sink_.on_data(is_stderr, data);
    });
    if (!fed.ok() && !closed_) end(EngineError{EngineError::Kind::other, fed.error().message});
  }

  void ended(Result<void> result) {
    if (!result.ok()) return end(unavailable(result.error()));
    if (status_ != 200) {
      return end(classify(EngineCall::logs, status_, error_text(error_body_), id_));
    }
    end(std::nullopt);
  }

  void end(std::optional<EngineError> error) {
    close();
    sink_.on_end(std::move(error));
  }

  std::weak_ptr<DockerApi> api_;
  std::string id_;
  LogOptions options_;
  LogSink sink_;
  bool closed_ = false;
  bool paused_ = false;
  int status_ = 0;
  LogFrames frames_;
  std::string error_body_;
  std::unique_ptr<http::CallHandle> stream_;
};

class LogStream final : public Stream {
 public:
  explicit LogStream(std::shared_ptr<LogFollow> follow) : follow_(std::move(follow)) {}
  ~LogStream() override { follow_->close(); }
  void pause() override { follow_->pause(); }
  void resume() override { follow_->resume(); }

 private:
  std::shared_ptr<LogFollow> follow_;
};

}  // namespace

std::unique_ptr<Stream> follow_log(const std::shared_ptr<DockerApi>& api, const std::string& id,
                                   const LogOptions& options, LogSink sink) {
  auto follow = std::make_shared<LogFollow>(api, id, options, std::move(sink));
  // Later, so that no callback runs before the caller holds the stream.
  api->loop().post([weak = std::weak_ptr(follow)] {
    if (const auto self = weak.lock()) self->begin();
  });
  return std::make_unique<LogStream>(std::move(follow));
}

}  // namespace cube::runtime
