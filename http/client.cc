#include "http/client.h"

#include <set>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "http/connector.h"
#include "http/exchange.h"

namespace cube::http {

namespace {

// A TCP connection that is opened only to see whether it opens.
struct Knock {
  explicit Knock(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  std::shared_ptr<Opening> opening;
  std::function<void(Result<void>)> done;

  void cancel() {
    done = nullptr;
    timer.cancel();
    if (auto o = std::exchange(opening, nullptr)) o->cancel();
  }
  void finish(Result<void> result) {
    const auto call = std::exchange(done, nullptr);
    cancel();
    if (call) call(std::move(result));
  }
};

}  // namespace

struct Client::Impl : std::enable_shared_from_this<Client::Impl> {
  explicit Impl(Loop& l) : loop(l.impl()), pool(std::make_shared<Pool>(loop.context)) {}

  void start(const Endpoint& endpoint, Call call, OnAnswer on_answer);
  std::shared_ptr<Exchange> stream(const Endpoint& endpoint, Call call, StreamHandlers handlers);
  void knock(const Endpoint& endpoint, Duration deadline, std::function<void(Result<void>)> done);
  void close();

  Loop::Impl& loop;
  std::shared_ptr<Pool> pool;
  std::set<std::shared_ptr<Exchange>> exchanges;
  std::set<std::shared_ptr<Knock>> knocks;
  bool closed = false;
};

void Client::Impl::start(const Endpoint& endpoint, Call call, OnAnswer on_answer) {
  if (closed) return;
  auto answer = std::make_shared<Answer>();
  auto place = std::make_shared<std::weak_ptr<Exchange>>();
  Exchange::Handlers handlers;
  handlers.on_head = [answer](Answer& head) { *answer = std::move(head); };
  handlers.on_data = [answer](std::string_view bytes) { answer->body += bytes; };
  handlers.on_end = [self = weak_from_this(), answer, place,
                     on_answer = std::move(on_answer)](Result<void> result) {
    if (auto impl = self.lock()) impl->exchanges.erase(place->lock());
    if (!result) return on_answer(std::move(result).error());
    on_answer(std::move(*answer));
  };
  auto exchange =
      std::make_shared<Exchange>(loop, pool, endpoint, std::move(call), false, std::move(handlers));
  *place = exchange;
  exchanges.insert(exchange);
  exchange->start();
}

std::shared_ptr<Exchange> Client::Impl::stream(const Endpoint& endpoint, Call call,
                                               StreamHandlers user) {
  auto place = std::make_shared<std::weak_ptr<Exchange>>();
  Exchange::Handlers handlers;
  handlers.on_head = [on_head = std::move(user.on_head)](Answer& head) {
    if (on_head) on_head(head);
  };
  handlers.on_data = [on_data = std::move(user.on_data)](std::string_view bytes) {
    if (on_data) on_data(bytes);
  };
  handlers.on_end = [self = weak_from_this(), place,
                     on_end = std::move(user.on_end)](Result<void> result) {
    if (auto impl = self.lock()) impl->exchanges.erase(place->lock());
    if (on_end) on_end(std::move(result));
  };
  auto exchange =
      std::make_shared<Exchange>(loop, pool, endpoint, std::move(call), true, std::move(handlers));
  *place = exchange;
  exchanges.insert(exchange);
  exchange->start();
  return exchange;
}

void Client::Impl::knock(const Endpoint& endpoint, Duration deadline,
                         std::function<void(Result<void>)> done) {
  if (closed) return;
  auto knock = std::make_shared<Knock>(loop.context);
  knocks.insert(knock);
  knock->done = [self = weak_from_this(), weak = std::weak_ptr(knock),
                 done = std::move(done)](Result<void> result) {
    if (auto impl = self.lock()) impl->knocks.erase(weak.lock());
    done(std::move(result));
  };
  knock->timer.expires_after(deadline);
  knock->timer.async_wait([weak = std::weak_ptr(knock), endpoint, deadline](error_code ec) {
    auto alive = weak.lock();
    if (ec || !alive) return;
    alive->finish(Error{Code::timeout,
                        endpoint.str() + ": no connection within " + format_duration(deadline)});
  });
  knock->opening = Opening::begin(loop.context, endpoint,
                                  [knock](Result<std::shared_ptr<Connection>> connection) {
                                    if (!connection)
                                      return knock->finish(std::move(connection).error());
                                    (*connection)->close();
                                    knock->finish({});
                                  });
}

void Client::Impl::close() {
  closed = true;
  for (const auto& exchange : std::exchange(exchanges, {})) exchange->abandon();
  for (const auto& knock : std::exchange(knocks, {})) knock->cancel();
  pool->close();
}

Client::Client(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}

Client::~Client() {
  impl_->loop.run_sync([impl = impl_] { impl->close(); });
}

void Client::call(const Endpoint& endpoint, Call call, OnAnswer on_answer) {
  impl_->loop.mailbox->post([weak = std::weak_ptr(impl_), endpoint, call = std::move(call),
                             on_answer = std::move(on_answer)]() mutable {
    if (auto impl = weak.lock()) impl->start(endpoint, std::move(call), std::move(on_answer));
  });
}

void Client::connect(const Endpoint& endpoint, Duration deadline,
                     std::function<void(Result<void>)> done) {
  impl_->loop.mailbox->post(
      [weak = std::weak_ptr(impl_), endpoint, deadline, done = std::move(done)]() mutable {
        if (auto impl = weak.lock()) impl->knock(endpoint, deadline, std::move(done));
      });
}

namespace {

class ExchangeHandle : public CallHandle {
 public:
  ExchangeHandle(std::weak_ptr<Exchange> exchange, std::function<void(Exchange&)> abandon)
      : exchange_(std::move(exchange)), abandon_(std::move(abandon)) {}
  ~ExchangeHandle() override {
    if (auto exchange = exchange_.lock()) abandon_(*exchange);
  }
  void pause() override {
    if (auto exchange = exchange_.lock()) exchange->pause();
  }
  void resume() override {
    if (auto exchange = exchange_.lock()) exchange->resume();
  }

 private:
  std::weak_ptr<Exchange> exchange_;
  std::function<void(Exchange&)> abandon_;
};

}  // namespace

std::unique_ptr<CallHandle> Client::stream(const Endpoint& endpoint, Call call,
                                           StreamHandlers handlers) {
  CUBE_ASSERT(impl_->loop.owns_state());
  auto exchange = impl_->stream(endpoint, std::move(call), std::move(handlers));
  return std::make_unique<ExchangeHandle>(exchange,
                                          [weak = std::weak_ptr(impl_)](Exchange& abandoned) {
                                            const auto impl = weak.lock();
                                            if (!impl) return;  // the client has ended it already
                                            CUBE_ASSERT(impl->loop.owns_state());
                                            abandoned.abandon();
                                            impl->exchanges.erase(abandoned.shared_from_this());
                                          });
}

}  // namespace cube::http
