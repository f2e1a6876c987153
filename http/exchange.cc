#include "http/exchange.h"

#include <algorithm>
#include <array>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "http/wire.h"

namespace cube::http {

using Clock = std::chrono::steady_clock;

std::shared_ptr<Connection> Pool::take(const std::string& endpoint) {
  auto& idle = idle_[endpoint];
  std::shared_ptr<Connection> found;
  while (!found && !idle.empty()) {
    found = std::move(idle.back().connection);
    idle.pop_back();
    if (found->quiet()) continue;
    found->close();
    found = nullptr;
  }
  if (idle.empty()) idle_.erase(endpoint);
  return found;
}

void Pool::put(std::shared_ptr<Connection> connection) {
  connection->watch([weak = weak_from_this(), connection_weak = std::weak_ptr(connection)] {
    const auto pool = weak.lock();
    const auto closed = connection_weak.lock();
    if (pool && closed) pool->drop(closed);
  });
  auto& idle = idle_[connection->endpoint()];
  idle.push_back({std::move(connection), Clock::now()});
  if (idle.size() > limits::http_client_idle_max) {
    idle.front().connection->close();
    idle.erase(idle.begin());
  }
  if (!timer_runs_) retire_later();
}

// A pooled connection has something to say: the end, or what nobody asked for.
void Pool::drop(const std::shared_ptr<Connection>& connection) {
  connection->close();
  const auto found = idle_.find(connection->endpoint());
  if (found == idle_.end()) return;
  std::erase_if(found->second, [&](const Idle& i) { return i.connection == connection; });
  if (found->second.empty()) idle_.erase(found);
}

void Pool::retire_later() {
  timer_runs_ = true;
  timer_.expires_after(limits::http_client_idle_timeout);
  timer_.async_wait([weak = weak_from_this()](error_code ec) {
    const auto pool = weak.lock();
    if (ec || !pool) return;
    const auto oldest = Clock::now() - limits::http_client_idle_timeout;
    for (auto& [endpoint, idle] : pool->idle_) {
      std::erase_if(idle, [oldest](const Idle& i) {
        if (i.since > oldest) return false;
        i.connection->close();
        return true;
      });
    }
    std::erase_if(pool->idle_, [](const auto& entry) { return entry.second.empty(); });
    pool->timer_runs_ = false;
    if (!pool->idle_.empty()) pool->retire_later();
  });
}

void Pool::close() {
  timer_.cancel();
  for (auto& [endpoint, idle] : idle_) {
    for (auto& i : idle) i.connection->close();
  }
  idle_.clear();
}

Exchange::Exchange(Loop::Impl& loop, std::shared_ptr<Pool> pool, const Endpoint& endpoint,
                   Call call, bool endless, Handlers handlers)
    : loop_(loop),
      pool_(std::move(pool)),
      endpoint_(endpoint),
      call_(std::move(call)),
      endless_(endless),
      handlers_(std::move(handlers)),
      timer_(loop.context) {}

void Exchange::start() {
  auto head = request_head(endpoint_, call_);
  if (!head) {
    // Not at once: the caller has no handle yet.
    return loop_.mailbox->post([self = shared_from_this(), error = head.error()] {
      self->fail(error.code, error.message);
    });
  }
  head_ = std::move(*head);
  timer_.expires_after(call_.deadline);
  timer_.async_wait([weak = weak_from_this()](error_code ec) {
    const auto self = weak.lock();
    if (ec || !self || (self->endless_ && self->head_told_)) return;
    self->fail(Code::timeout, "no answer within " + format_duration(self->call_.deadline));
  });
  if (!call_.fresh_connection && !call_.hijack) {
    if (auto pooled = pool_->take(endpoint_.str())) {
      reused_ = true;
      return use(std::move(pooled));
    }
  }
  connect();
}

void Exchange::connect() {
  opening_ =
      Opening::begin(loop_.context, endpoint_,
                     [self = shared_from_this()](Result<std::shared_ptr<Connection>> connection) {
                       self->opening_ = nullptr;
                       if (connection) return self->use(std::move(*connection));
                       self->end(std::move(connection).error());  // it names the endpoint already
                     });
}

void Exchange::use(std::shared_ptr<Connection> connection) {
  connection_ = std::move(connection);
  const std::size_t body_max = endless_ ? 0 : call_.body_bytes_max;
  parser_ = std::make_unique<ReplyParser>(call_.method == "HEAD", body_max,
                                          [this](std::string_view bytes) {
                                            if (!ended_) handlers_.on_data(bytes);
                                          });
  write();
  watch();  // an answer may come before the whole request is out
}

void Exchange::write() {
  written_ = false;
  const std::array<asio::const_buffer, 2> all = {asio::buffer(head_), asio::buffer(call_.body)};
  asio::async_write(connection_->socket, all,
                    [self = shared_from_this(), used = connection_](error_code ec, std::size_t) {
                      // A failure shows on the reading side too, perhaps behind an early answer.
                      if (!ec && used == self->connection_) self->written_ = true;
                    });
}

void Exchange::resume() {
  if (std::exchange(paused_, false) && head_told_ && !ended_) watch();
}

void Exchange::watch() {
  if (!reads()) return;  // resume() goes on
  connection_->watch([self = shared_from_this()] { self->on_readable(); });
}

void Exchange::on_readable() {
  if (ended_ || !reads()) return;
  error_code ec;
  const std::size_t n = connection_->socket.read_some(asio::buffer(loop_.scratch), ec);
  if (ec == asio::error::would_block) return watch();
  if (ec) return on_closed(ec);
  got_bytes_ = true;
  consume({loop_.scratch.data(), n});
}

void Exchange::consume(std::string_view bytes) {
  const bool had_rest = !in_.empty();
  if (had_rest) in_ += bytes;
  std::string_view rest = had_rest ? std::string_view(in_) : bytes;
  while (!ended_ && consume_some(rest)) {
  }
  if (ended_) return;
  in_ = std::string(rest);
  watch();
}

// One step: the head, or as much of the body as is there. False: no more to do with these bytes.
bool Exchange::consume_some(std::string_view& bytes) {
  if (raw_) {
    if (!bytes.empty()) handlers_.on_data(bytes);
    bytes = {};
    return false;
  }
  const auto taken = parser_->feed(bytes);
  if (!taken) {
    fail(taken.error().code, taken.error().message);
    return false;
  }
  bytes.remove_prefix(*taken);
  if (parser_->head_done() && !head_told_) {
    head_told_ = true;
    parser_->head().peer_ip = connection_->peer_ip();
    if (endless_) timer_.cancel();
    raw_ = parser_->head().status == 101;
    if (raw_ && !call_.hijack) {
      fail(Code::corrupt, "the connection was switched to another protocol unasked");
      return false;
    }
    handlers_.on_head(parser_->head());
    if (raw_) return !ended_;
  }
  if (!ended_ && parser_->done()) {
    const bool reusable = bytes.empty() && written_ && parser_->keep_alive() &&
                          !call_.fresh_connection && !call_.hijack;
    if (reusable) pool_->put(std::exchange(connection_, nullptr));
    end({});
  }
  return *taken > 0 && !bytes.empty();
}

void Exchange::on_closed(const error_code& ec) {
  if (!got_bytes_ && may_retry()) {
    reused_ = false;
    connection_->close();
    connection_ = nullptr;
    return connect();
  }
  if (!got_bytes_) {
    return fail(Code::unavailable, ec == asio::error::eof ? "closed without an answer" : words(ec));
  }
  if (ec != asio::error::eof) return fail(Code::unavailable, words(ec));
  if (raw_) return end({});
  const auto ended = parser_->feed_eof();
  if (!ended) return fail(ended.error().code, ended.error().message);
  end({});
}

// The other side may close a kept-alive connection just when the next request is on its way. What
// can be said twice is then said again, once, on a fresh one.
bool Exchange::may_retry() const {
  static constexpr std::string_view repeatable[] = {"GET", "HEAD", "PUT", "DELETE", "PATCH"};
  return reused_ && std::find(std::begin(repeatable), std::end(repeatable), call_.method) !=
                        std::end(repeatable);
}

void Exchange::fail(Code code, const std::string& what) {
  end(Error{code, endpoint_.str() + ": " + what});
}

void Exchange::end(Result<void> result) {
  if (ended_) return;
  const auto call = std::move(handlers_.on_end);
  abandon();
  call(std::move(result));
}

void Exchange::abandon() {
  if (std::exchange(ended_, true)) return;
  timer_.cancel();
  if (opening_) opening_->cancel();
  if (connection_) connection_->close();
}

}  // namespace cube::http
