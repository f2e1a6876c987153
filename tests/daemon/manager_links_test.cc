// The manager's calls to its workers: how much of them is under way at once.

#include "daemon/manager_links.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

#include "http/server.h"

namespace cube::daemon {
namespace {

// Workers that keep every PUT waiting until they are told to answer; a poll is answered at once.
class Workers {
 public:
  Workers() : client_(loop_) {
    loop_.start();
    auto server = http::Server::listen(
        loop_, {}, [this](http::Request request, std::shared_ptr<http::Responder> responder) {
          const std::lock_guard lock(mutex_);
          if (request.method == "GET") return responder->send({});
          held_.push_back(std::move(responder));
          changed_.notify_all();
        });
    REQUIRE(server.ok());
    server_ = std::move(server).value();
    links_ = std::make_unique<ManagerLinks>(loop_, client_, 1);
    links_->on_outcome([this](manager::Input, std::uint64_t) {
      const std::lock_guard lock(mutex_);
      ++outcomes_;
      changed_.notify_all();
    });
  }
  ~Workers() { links_->stop(); }

  void put() { links_->make(addressed(manager::PutTo{}), 1); }
  void poll() { links_->make(addressed(manager::PollFrom{}), 1); }
  // False if that does not come to be in time.
  bool wait_for(std::size_t held, std::size_t outcomes) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s,
                             [&] { return held_.size() == held && outcomes_ == outcomes; });
  }
  void answer() {
    std::vector<std::shared_ptr<http::Responder>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (auto& responder : held) responder->send({});
  }

 private:
  template <class To>
  To addressed(To to) {
    to.address = "127.0.0.1:" + std::to_string(server_->port());
    to.deadline = 20s;
    return to;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<http::Responder>> held_;
  std::size_t outcomes_ = 0;
  http::Loop loop_;
  http::Client client_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<ManagerLinks> links_;
};

}  // namespace

TEST_CASE("assignments wait while as much is under way as may be; polls do not") {
  Workers workers;
  for (int i = 0; i < 3; ++i) workers.put();
  CHECK(workers.wait_for(1, 0));
  workers.poll();  // after all of them
  CHECK(workers.wait_for(1, 1));
  workers.answer();
  CHECK(workers.wait_for(1, 2));
  workers.answer();
  CHECK(workers.wait_for(1, 3));
  workers.answer();
  CHECK(workers.wait_for(0, 4));
}

}  // namespace cube::daemon
