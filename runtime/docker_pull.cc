// Pulling an image: one call whose reply is its progress.

#include "runtime/docker_api.h"
#include "runtime/image_pull.h"
#include "runtime/log_frames.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;

// The engine sends the head only once the registry has said something.
constexpr std::size_t error_body_bytes_max = 4096;

// Kept by the api from begin() to finish(). Ending it closes the connection, which is how the
// engine is told to give up.
class Pull : public std::enable_shared_from_this<Pull> {
 public:
  Pull(DockerApi& api, std::string image, std::function<void(std::string)> progress,
       Runtime::Callback<Done> done)
      : api_(api),
        image_(std::move(image)),
        progress_(std::move(progress)),
        done_(std::move(done)) {}

  void begin(const std::string& platform) {
    const ImageReference reference = split_image(image_);
    http::Call call;
    call.method = "POST";
    call.target = "/images/create?fromImage=" + http::url_encode(reference.repository) +
                  "&tag=" + http::url_encode(reference.tag);
    if (!platform.empty()) call.target += "&platform=" + http::url_encode(platform);
    call.deadline = api_.options().pull_stall_max;
    total_ = api_.loop().after(api_.options().pull_total_max, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->give_up("takes too long to pull");
    });
    api_.ready([weak = weak_from_this(), call](Outcome<Done> ready) {
      const auto self = weak.lock();
      if (!self || !self->done_) return;
      if (failed(ready)) return self->finish(std::get<EngineError>(std::move(ready)));
      self->open(call);
    });
  }

 private:
  void open(http::Call call) {
    http::StreamHandlers on;
    on.on_head = [weak = weak_from_this()](const http::Answer& head) {
      if (const auto self = weak.lock()) self->status_ = head.status;
    };
    on.on_data = [weak = weak_from_this()](std::string_view bytes) {
      if (const auto self = weak.lock(); self && self->done_) self->take(bytes);
    };
    on.on_end = [weak = weak_from_this()](Result<void> end) {
      if (const auto self = weak.lock(); self && self->done_) self->ended(std::move(end));
    };
    stream_ = api_.stream(std::move(call), std::move(on));
    arm_stall();
  }

  void arm_stall() {
    api_.retire(std::move(stall_));
    stall_ = api_.loop().after(api_.options().pull_stall_max, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->give_up("cannot be pulled: no progress any more");
    });
  }

  void take(std::string_view bytes) {
    arm_stall();
    if (status_ != 200) {
      if (error_body_.size() < error_body_bytes_max) error_body_ += bytes;
      return;
    }
    lines_.feed(bytes, [this](std::string_view line) { take_line(line); });
  }

  void take_line(std::string_view text) {
    const auto line = parse_pull_line(text);
    if (!line) return;
    if (!line->error.empty()) error_ = line->error;  // the last one tells, with a status of 200
    const std::string words = counter_.take(*line);
    if (!words.empty() && progress_) progress_(words);
  }

  void ended(Result<void> end) {
    lines_.finish([this](std::string_view line) { take_line(line); });
    if (status_ != 200 && status_ != 0) error_ = error_text(error_body_);
    if (!error_.empty()) return finish(classify_pull(error_, image_));
    if (!end.ok()) return finish(unavailable(end.error()));
    finish(Done{});
  }

  void give_up(const char* why) {
    if (!done_) return;
    finish(EngineError{Kind::other, "image \"" + image_ + "\" " + why});
  }

  void finish(Outcome<Done> outcome) {
    const auto done = std::exchange(done_, nullptr);
    api_.retire(std::move(stream_));
    api_.retire(std::move(stall_));
    api_.retire(std::move(total_));
    api_.let_go(shared_from_this());
    done(std::move(outcome));
  }

  DockerApi& api_;
  std::string image_;
  std::function<void(std::string)> progress_;
  Runtime::Callback<Done> done_;  // empty: over
  int status_ = 0;
  LineSplitter lines_;
  PullProgress counter_;
  std::string error_, error_body_;
  std::unique_ptr<http::CallHandle> stream_;
  std::unique_ptr<http::Loop::Timer> stall_, total_;
};

}  // namespace

void pull_image(const std::shared_ptr<DockerApi>& api, const std::string& image,
                const std::string& platform, std::function<void(std::string)> progress,
                Runtime::Callback<Done> done) {
  auto pull = std::make_shared<Pull>(*api, image, std::move(progress), std::move(done));
  api->keep(pull);
  pull->begin(platform);
}

}  // namespace cube::runtime
