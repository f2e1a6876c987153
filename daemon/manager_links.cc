#include "daemon/manager_links.h"

#include <fmt/format.h>

#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <utility>

#include "api/codec.h"
#include "daemon/failpoint.h"

namespace cube::daemon {
namespace {

using Kind = manager::LinkFailed::Kind;

Kind kind_of(Code code) {
  switch (code) {
    case Code::unavailable:
      return Kind::refused;
    case Code::timeout:
      return Kind::timeout;
    case Code::invalid:
    case Code::not_found:
    case Code::conflict:
    case Code::stale:
    case Code::too_large:
    case Code::no_space:
    case Code::corrupt:
    case Code::internal:
      return Kind::broken;
  }
  CUBE_UNREACHABLE();
}

manager::Input outcome(manager::NodeNo node, std::uint64_t call, Result<http::Answer> answer) {
  const auto failed = [&](Kind kind, std::string message) -> manager::Input {
    return manager::LinkFailed{node, call, kind, std::move(message)};
  };
  if (!answer) return failed(kind_of(answer.error().code), answer.error().message);
  if (answer->status >= 400 && answer->status < 500) {
    return failed(Kind::rejected, api::error_message(answer->body));
  }
  if (answer->status != 200) {
    return failed(Kind::broken,
                  fmt::format("answered {}: {}", answer->status, api::error_message(answer->body)));
  }
  auto report = api::parse_report(answer->body);
  if (!report) return failed(Kind::broken, report.error().message);
  return manager::LinkAnswered{node, call, std::move(*report)};
}

http::Call http_call(const manager::PutTo& put) {
  http::Call call;
  call.method = put.assignment.base == 0 ? "PUT" : "PATCH";
  call.target = "/assignment";
  call.body = api::assignment_json(put.assignment);
  call.deadline = put.deadline;
  call.body_bytes_max = limits::link_body_bytes_max;
  return call;
}

http::Call http_call(const manager::PollFrom& poll) {
  http::Call call;
  call.target = fmt::format(
      "/report?manager={}&cluster={}&epoch={}&session={}&incarnation={}&change={}"
      "&wait={}ms",
      poll.manager.str(), http::url_encode(poll.cluster), poll.epoch, poll.session,
      poll.incarnation, poll.change, poll.wait.count() / 1000);
  if (poll.lease.stamp != 0) {
    call.target +=
        fmt::format("&lease={}&ttl={}ms", poll.lease.stamp, poll.lease.ttl.count() / 1000);
  }
  call.deadline = poll.deadline;
  call.body_bytes_max = limits::link_body_bytes_max;
  return call;
}

[[maybe_unused]] bool carries_tasks(const manager::PutTo& put) {
  return !put.assignment.tasks.empty();
}
[[maybe_unused]] bool carries_tasks(const manager::PollFrom&) {
  return false;
}

}  // namespace

// The calls under way and those that wait. On the loop's thread, where nothing else is said.
class ManagerLinks::Traffic : public std::enable_shared_from_this<Traffic> {
 public:
  Traffic(http::Client& client, std::size_t bytes_max) : client_(client), bytes_max_(bytes_max) {}

  OnOutcome on_outcome;

  void make(manager::Send send, std::uint64_t generation) {
    const auto* put = std::get_if<manager::PutTo>(&send);
    if (put != nullptr && bytes_ >= bytes_max_) {
      waiting_.emplace_back(*put, generation);
    } else {
      std::visit([&](const auto& to) { call(to, generation); }, send);
    }
  }

  // From any thread.
  std::string ip_of(const std::string& address) const {
    std::lock_guard lock(mutex_);
    const auto known = ips_.find(address);
    return known != ips_.end() ? known->second : address.substr(0, address.rfind(':'));
  }

  void stop() {
    on_outcome = nullptr;
    waiting_.clear();
  }

 private:
  template <class To>
  void call(const To& to, std::uint64_t generation) {
    auto endpoint = http::Endpoint::parse(to.address, 5556);
    http::Call call = http_call(to);
    const std::size_t bytes = call.body.size();
    bytes_ += bytes;
    auto deliver = [self = this->shared_from_this(), node = to.node, id = to.call,
                    address = to.address, generation, bytes,
                    tasks = carries_tasks(to)](Result<http::Answer> answer) {
      if (tasks && CUBE_FAILPOINT("mgr.after_send")) {
        answer = Error{Code::unavailable, "the answer was lost"};
      }
      self->bytes_ -= bytes;
      if (answer.ok()) self->note_ip(address, answer->peer_ip);
      if (self->on_outcome) self->on_outcome(outcome(node, id, std::move(answer)), generation);
      self->go_on();
    };
    if (!endpoint) return deliver(std::move(endpoint).error());
    client_.call(*endpoint, std::move(call), std::move(deliver));
  }

  void go_on() {
    while (!waiting_.empty() && bytes_ < bytes_max_) {
      const auto [put, generation] = std::move(waiting_.front());
      waiting_.pop_front();
      call(put, generation);
    }
  }

  void note_ip(const std::string& address, const std::string& ip) {
    std::lock_guard lock(mutex_);
    ips_[address] = ip;
  }

  http::Client& client_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;  // of the bodies under way
  std::deque<std::pair<manager::PutTo, std::uint64_t>> waiting_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> ips_;  // by address
};

ManagerLinks::ManagerLinks(http::Loop& loop, http::Client& client, std::size_t bytes_max)
    : loop_(loop), traffic_(std::make_shared<Traffic>(client, bytes_max)) {}
ManagerLinks::~ManagerLinks() = default;

void ManagerLinks::on_outcome(OnOutcome on_outcome) {
  traffic_->on_outcome = std::move(on_outcome);
}

void ManagerLinks::make(manager::Send send, std::uint64_t generation) {
  // The JSON is made on the loop's thread: the core's has better things to do.
  loop_.post([traffic = traffic_, send = std::move(send), generation]() mutable {
    traffic->make(std::move(send), generation);
  });
}

std::string ManagerLinks::ip_of(const std::string& address) const {
  return traffic_->ip_of(address);
}

void ManagerLinks::stop() {
  std::promise<void> done;
  loop_.post([this, &done] {
    traffic_->stop();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace cube::daemon
