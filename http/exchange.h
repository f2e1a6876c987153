#pragma once
// Internal to the client: `Pool`, the kept-alive connections, and `Exchange`, one request and its
// reply. All of it lives on the loop's thread.

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/asio.h"
#include "http/client.h"
#include "http/connector.h"
#include "http/parser.h"

namespace cube::http {

// Connections that wait for their next request, at most limits::http_client_idle_max to an
// endpoint and each for at most limits::http_client_idle_timeout. One that the other side closes
// leaves at once.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  explicit Pool(asio::io_context& context) : timer_(context) {}

  std::shared_ptr<Connection> take(const std::string& endpoint);  // null: none
  void put(std::shared_ptr<Connection> connection);
  void close();

 private:
  struct Idle {
    std::shared_ptr<Connection> connection;
    std::chrono::steady_clock::time_point since;
  };

  void drop(const std::shared_ptr<Connection>& connection);
  void retire_later();

  std::map<std::string, std::vector<Idle>> idle_;  // by endpoint; the longest idle first
  asio::steady_timer timer_;
  bool timer_runs_ = false;
};

// One request and its reply. `on_end` is called once, last, unless it is abandoned before.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  struct Handlers {
    std::function<void(Answer& head)> on_head;
    std::function<void(std::string_view bytes)> on_data;
    std::function<void(Result<void>)> on_end;
  };

  Exchange(Loop::Impl& loop, std::shared_ptr<Pool> pool, const Endpoint& endpoint, Call call,
           bool endless, Handlers handlers);

  void start();
  void abandon();                   // closes; no handler is called any more
  void pause() { paused_ = true; }  // the body is not read on
  void resume();

 private:
  bool reads() const { return !paused_ || !head_told_; }  // the head has a deadline
  void connect();
  void use(std::shared_ptr<Connection> connection);
  void write();
  void watch();
  void on_readable();
  void consume(std::string_view bytes);
  bool consume_some(std::string_view& bytes);
  void on_closed(const error_code& ec);
  bool may_retry() const;
  void fail(Code code, const std::string& what);
  void end(Result<void> result);

  Loop::Impl& loop_;
  std::shared_ptr<Pool> pool_;
  Endpoint endpoint_;
  Call call_;
  bool endless_;  // the deadline is for the head alone, the body has no limit
  Handlers handlers_;

  asio::steady_timer timer_;
  std::string head_;  // of the request
  std::shared_ptr<Opening> opening_;
  std::shared_ptr<Connection> connection_;
  std::unique_ptr<ReplyParser> parser_;
  std::string in_;          // read and not yet parsed
  bool reused_ = false;     // the connection came from the pool
  bool written_ = false;    // the whole request is out
  bool got_bytes_ = false;  // some of the reply has come
  bool head_told_ = false;
  bool paused_ = false;
  bool raw_ = false;  // 101: no HTTP from here on
  bool ended_ = false;
};

}  // namespace cube::http
