#include "daemon/manager_links.h"

#include <fmt/format.h>

#include <future>

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

void ManagerLinks::make(manager::Send send, std::uint64_t generation) {
  // The JSON is made on the loop's thread: the core's has better things to do.
  loop_.post([send = std::move(send), generation, on_outcome = on_outcome_, peers = peers_,
              &client = client_] {
    std::visit(
        [&](const auto& to) {
          const auto deliver = [node = to.node, id = to.call, address = to.address, generation,
                                on_outcome, peers,
                                tasks = carries_tasks(to)](Result<http::Answer> answer) {
            if (tasks && CUBE_FAILPOINT("mgr.after_send")) {
              answer = Error{Code::unavailable, "the answer was lost"};
            }
            if (answer.ok()) {
              std::lock_guard lock(peers->mutex);
              peers->ips[address] = answer->peer_ip;
            }
            if (*on_outcome) (*on_outcome)(outcome(node, id, std::move(answer)), generation);
          };
          auto endpoint = http::Endpoint::parse(to.address, 5556);
          if (!endpoint) return deliver(std::move(endpoint).error());
          client.call(*endpoint, http_call(to), deliver);
        },
        send);
  });
}

std::string ManagerLinks::ip_of(const std::string& address) const {
  std::lock_guard lock(peers_->mutex);
  const auto known = peers_->ips.find(address);
  return known != peers_->ips.end() ? known->second : address.substr(0, address.rfind(':'));
}

void ManagerLinks::stop() {
  std::promise<void> done;
  loop_.post([this, &done] {
    *on_outcome_ = nullptr;
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace cube::daemon
