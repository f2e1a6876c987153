#pragma once
// Internal to the server: the thread-safe ends that handlers hold (`Responder`, `Body`), and what a
// streamed reply shares between its writer's thread and the loop's.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "http/asio.h"
#include "http/server.h"

namespace cube::http {

class Session;

// The bytes of a streamed reply on their way from any thread to the loop's.
class StreamState {
 public:
  explicit StreamState(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  // Of the writer, from any thread.
  bool write(std::string_view bytes, const std::weak_ptr<Session>& session);
  void close(const std::weak_ptr<Session>& session, bool whole);
  void on_gone(std::function<void()> f);
  void on_drained(std::function<void()> f);
  void forget_callbacks();
  std::size_t waiting_bytes() const;

  // Of the session, on the loop's thread.
  struct Batch {
    std::string bytes;
    bool last = false;
    bool whole = true;  // of the last: else the reply is cut off behind it
  };
  Batch take();  // all that waits; counts as waiting until sent()
  void sent();   // the batch taken last is out; calls on_drained when it is time
  bool overflowed() const;
  void set_gone();  // the client is gone; calls on_gone once

 private:
  void schedule_flush(const std::weak_ptr<Session>& session);

  // What the writer wants to be told. They may hold the writer itself, so they are called and
  // destroyed without the mutex.
  struct Callbacks {
    std::function<void()> on_gone, on_drained;
  };

  const std::shared_ptr<Mailbox> mailbox_;
  mutable std::mutex mutex_;
  std::string waiting_;
  std::size_t in_flight_bytes_ = 0;
  bool flush_scheduled_ = false;
  bool overflowed_ = false;
  bool closed_ = false;
  bool whole_ = true;
  bool gone_ = false;
  bool filled_ = false;  // above the high water mark, and not at the low one since
  Callbacks callbacks_;
};

std::shared_ptr<Responder> make_responder(std::weak_ptr<Session> session,
                                          std::shared_ptr<Mailbox> mailbox);

}  // namespace cube::http
