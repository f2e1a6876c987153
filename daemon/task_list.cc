#include "daemon/task_list.h"

#include <utility>

#include "api/codec.h"

namespace cube::daemon {
namespace {

// One list on its way. While a page is read the reader owns it, while the client is slow the reply.
class TaskList : public std::enable_shared_from_this<TaskList> {
 public:
  TaskList(http::Loop& loop, ReadTaskPage read, std::shared_ptr<http::Responder> to)
      : loop_(loop), read_(std::move(read)), to_(std::move(to)) {}

  void read_on() {
    read_(next_, [self = shared_from_this()](TaskPage page) {
      auto shared = std::make_shared<TaskPage>(std::move(page));
      self->loop_.post([self, shared] { self->pass_on(*shared); });
    });
  }

 private:
  static std::string json(const TaskPage& page) {
    std::vector<const Task*> pointers;
    for (const Task& task : page.tasks) pointers.push_back(&task);
    return api::tasks_json(pointers);
  }

  void pass_on(const TaskPage& page) {
    std::string text = json(page);
    if (!body_ && page.next == 0) {  // a short list goes out whole
      http::Response response;
      response.body = std::move(text);
      return to_->send(std::move(response));
    }
    if (!body_) begin();
    if (is_gone_) return;
    // The pages' lists become one.
    const bool is_last = page.next == 0;
    if (next_ != 0) text[0] = page.tasks.empty() ? ' ' : ',';
    if (!is_last) text.pop_back();
    next_ = page.next;
    if (!body_->write(text)) return end();
    if (is_last) {
      body_->close();
      return end();
    }
    waits_ = body_->waiting_bytes() > limits::http_stream_high_water_bytes;
    if (!waits_) read_on();
  }

  void begin() {
    body_ = to_->stream({});
    body_->on_drained([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && std::exchange(self->waits_, false)) self->read_on();
    });
    body_->on_gone([self = shared_from_this()] {
      self->is_gone_ = true;
      self->end();
    });
  }

  void end() {
    is_gone_ = true;
    body_ = nullptr;
  }

  http::Loop& loop_;
  const ReadTaskPage read_;
  const std::shared_ptr<http::Responder> to_;
  std::shared_ptr<http::Responder::Body> body_;
  std::uint64_t next_ = 0;
  bool waits_ = false, is_gone_ = false;
};

}  // namespace

void send_task_list(http::Loop& loop, ReadTaskPage read, std::shared_ptr<http::Responder> to) {
  std::make_shared<TaskList>(loop, std::move(read), std::move(to))->read_on();
}

}  // namespace cube::daemon
