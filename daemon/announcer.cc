#include "daemon/announcer.h"

#include <fmt/format.h>

#include "api/codec.h"

namespace cube::daemon {
namespace {

constexpr Duration again_when_known = 10s;
constexpr Duration again_when_not = 1s;

}  // namespace

struct Announcer::State {
  http::Loop& loop;
  http::Client& client;
  Log& log;
  std::string message;
  struct Manager {
    http::Endpoint endpoint;
    std::unique_ptr<http::Loop::Timer> timer;
    std::string last_said;  // an unchanged state of affairs is logged once
  };
  std::vector<Manager> managers;
};

Announcer::Announcer(http::Loop& loop, http::Client& client, Log& log,
                     std::vector<std::string> managers, api::Join join)
    : state_(new State{loop, client, log, api::join_json(join), {}}) {
  for (const auto& address : managers) {
    auto endpoint = http::Endpoint::parse(address, 5555);
    if (!endpoint) {
      log.error("join.failed", endpoint.error().message);
      continue;
    }
    state_->managers.push_back({std::move(*endpoint), nullptr, {}});
  }
  for (std::size_t i = 0; i < state_->managers.size(); ++i) announce(state_, i);
}

void Announcer::announce(const std::shared_ptr<State>& state, std::size_t index) {
  http::Call call;
  call.method = "POST";
  call.target = "/nodes";
  call.body = state->message;
  call.deadline = 5s;
  const auto endpoint = state->managers[index].endpoint;
  state->client.call(
      endpoint, std::move(call), [weak = std::weak_ptr(state), index](Result<http::Answer> answer) {
        auto self = weak.lock();
        if (!self) return;
        auto& manager = self->managers[index];
        const bool known = answer.ok() && answer->status / 100 == 2;
        const std::string said =
            known
                ? fmt::format("joined the manager at {}", manager.endpoint.str())
                : fmt::format(
                      "the manager at {} does not take this worker in: {}", manager.endpoint.str(),
                      answer.ok() ? api::error_message(answer->body) : answer.error().message);
        if (said != manager.last_said) {
          known ? self->log.info("join.done", said) : self->log.warn("join.failed", said);
          manager.last_said = said;
        }
        manager.timer = self->loop.after(known ? again_when_known : again_when_not, [weak, index] {
          if (auto alive = weak.lock()) announce(alive, index);
        });
      });
}

}  // namespace cube::daemon
