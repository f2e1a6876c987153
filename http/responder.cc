#include "http/responder.h"

#include <atomic>
#include <utility>

#include "base/limits.h"
#include "http/session.h"

namespace cube::http {

bool StreamState::write(std::string_view bytes, const std::weak_ptr<Session>& session) {
  const std::lock_guard lock(mutex_);
  if (gone_ || closed_ || overflowed_) return false;
  if (bytes.empty()) return true;
  const std::size_t before = waiting_.size() + in_flight_bytes_;
  if (before > 0 && before + bytes.size() > limits::http_stream_waiting_bytes_max) {
    overflowed_ = true;
    waiting_.clear();
    flush_scheduled_ = false;  // one may be held up behind the write that does not progress
  } else {
    waiting_ += bytes;
    if (before + bytes.size() > limits::http_stream_high_water_bytes) filled_ = true;
  }
  schedule_flush(session);
  return !overflowed_;
}

void StreamState::close(const std::weak_ptr<Session>& session, bool whole) {
  Callbacks dropped;
  const std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) return;
  whole_ = whole;
  std::swap(dropped, callbacks_);
  schedule_flush(session);
}

// REQUIRES: mutex_ is held.
void StreamState::schedule_flush(const std::weak_ptr<Session>& session) {
  if (std::exchange(flush_scheduled_, true)) return;
  mailbox_->post([session] {
    if (auto alive = session.lock()) alive->flush_stream();
  });
}

void StreamState::on_gone(std::function<void()> f) {
  const std::lock_guard lock(mutex_);
  if (gone_) return mailbox_->post(std::move(f));
  callbacks_.on_gone = std::move(f);
}

void StreamState::on_drained(std::function<void()> f) {
  const std::lock_guard lock(mutex_);
  if (!gone_ && !closed_) callbacks_.on_drained.swap(f);
}

void StreamState::forget_callbacks() {
  Callbacks dropped;
  const std::lock_guard lock(mutex_);
  std::swap(dropped, callbacks_);
}

std::size_t StreamState::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() + in_flight_bytes_;
}

StreamState::Batch StreamState::take() {
  const std::lock_guard lock(mutex_);
  flush_scheduled_ = false;
  in_flight_bytes_ = waiting_.size();
  return {std::exchange(waiting_, {}), closed_, whole_};
}

void StreamState::sent() {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ = 0;
    if (!filled_ || waiting_.size() > limits::http_stream_low_water_bytes) return;
    filled_ = false;
    call = callbacks_.on_drained;
  }
  if (call) call();
}

bool StreamState::overflowed() const {
  const std::lock_guard lock(mutex_);
  return overflowed_;
}

void StreamState::set_gone() {
  Callbacks last;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(gone_, true)) return;
    waiting_ = {};
    in_flight_bytes_ = 0;
    std::swap(last, callbacks_);
  }
  if (last.on_gone) last.on_gone();
}

namespace {

class BodyWriter : public Responder::Body {
 public:
  BodyWriter(std::shared_ptr<StreamState> state, std::weak_ptr<Session> session)
      : state_(std::move(state)), session_(std::move(session)) {}
  ~BodyWriter() override { state_->close(session_, true); }
  bool write(std::string_view bytes) override { return state_->write(bytes, session_); }
  void close() override { state_->close(session_, true); }
  void abort() override { state_->close(session_, false); }
  void on_gone(std::function<void()> f) override { state_->on_gone(std::move(f)); }
  void on_drained(std::function<void()> f) override { state_->on_drained(std::move(f)); }
  std::size_t waiting_bytes() const override { return state_->waiting_bytes(); }

 private:
  std::shared_ptr<StreamState> state_;
  std::weak_ptr<Session> session_;
};

class SessionResponder : public Responder {
 public:
  SessionResponder(std::weak_ptr<Session> session, std::shared_ptr<Mailbox> mailbox)
      : session_(std::move(session)), mailbox_(std::move(mailbox)) {}

  ~SessionResponder() override {
    if (!used_) send(error_response(500, "the request was dropped without an answer"));
  }

  void send(Response response) override {
    if (used_.exchange(true)) return;
    on_loop([response = std::move(response), session = session_]() mutable {
      if (auto alive = session.lock()) alive->reply(std::move(response));
    });
  }

  std::shared_ptr<Body> stream(Response head) override {
    auto state = std::make_shared<StreamState>(mailbox_);
    auto body = std::make_shared<BodyWriter>(state, session_);
    if (used_.exchange(true)) {
      state->set_gone();  // the request has had its reply
      return body;
    }
    on_loop([head = std::move(head), session = session_, state]() mutable {
      if (auto alive = session.lock()) return alive->begin_stream(std::move(head), state);
      state->set_gone();
    });
    return body;
  }

 private:
  // Runs `f` on the loop's thread; at once if this is it.
  template <class F>
  void on_loop(F f) {
    if (mailbox_->on_loop_thread()) return f();
    mailbox_->post(std::move(f));
  }

  const std::weak_ptr<Session> session_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::atomic<bool> used_ = false;
};

}  // namespace

std::shared_ptr<Responder> make_responder(std::weak_ptr<Session> session,
                                          std::shared_ptr<Mailbox> mailbox) {
  return std::make_shared<SessionResponder>(std::move(session), std::move(mailbox));
}

}  // namespace cube::http
