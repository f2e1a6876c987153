#include "daemon/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "base/rng.h"
#include "daemon/clock.h"
#include "daemon/seed.h"

namespace cube::daemon {
namespace {

using http::Params;
using http::Request;

constexpr Duration look_every = 50ms;
constexpr Duration spawn_within = 2min;

http::Response gateway_error(int status, std::string_view message) {
  return json_response(status, api::gateway_error_json(message));
}

std::string new_name() {
  return fmt::format("app-{:012x}", Rng(random_seed()).next() & 0xffffffffffff);
}

// The first replica that serves, as the answer; nothing: none yet.
std::optional<http::Response> answer_of(const manager::Manager& core, const std::string& name) {
  const auto view = core.service(name);
  if (!view) return gateway_error(500, view.error().message);
  if (view->status.state == "paused") return gateway_error(500, view->status.message);
  if (view->status.ready == 0) return std::nullopt;
  const auto tasks = core.service_tasks(name);
  for (const Task* task : *tasks) {
    if (task->status.observed != Observed::running) continue;
    const auto is_tcp = [](const HostPort& p) { return p.container.protocol == "tcp"; };
    if (std::ranges::none_of(task->status.host_ports, is_tcp)) {
      return gateway_error(500, fmt::format("{}: the image {} exposes no tcp port, so no request "
                                            "could reach it",
                                            task->spec->name, task->spec->image));
    }
    return json_response(200, api::spawned_json(*task, view->alias));
  }
  return std::nullopt;
}

}  // namespace

// Somebody who has spawned a service and waits until it serves.
struct Gateway::Waiting {
  Responder responder;
  std::string name;
  Instant until{};
  std::unique_ptr<http::Loop::Timer> timer;
};

Gateway::Gateway(ManagerLoop& core, store::Store& store, http::Loop& loop)
    : core_(core), store_(store), loop_(loop) {}
Gateway::~Gateway() = default;

void Gateway::stop() {
  std::promise<void> done;  // what the loop still has of us is run by then
  loop_.post([&] {
    waiting_.clear();
    done.set_value();
  });
  done.get_future().wait();
}

void Gateway::add(Handlers& all) {
  all["spawn"] = [this](const Request& request, const Params&, Responder responder) {
    spawn(request, std::move(responder));
  };
  all["kill"] = [this](const Request& request, const Params&, Responder responder) {
    kill(request, std::move(responder));
  };
}

void Gateway::say_errors(http::Router& router) {
  for (const char* path : {"/spawn", "/kill"}) router.say_by(path, gateway_error);
}

void Gateway::spawn(const Request& request, Responder responder) {
  if (store_.is_full()) return responder->send(gateway_error(500, store_full().message));
  auto asked = api::parse_spawn(request.body);
  if (!asked) return responder->send(gateway_error(400, asked.error().message));
  auto spec = api::service_of(*asked, new_name());
  if (auto valid = service::validate(spec); !valid.ok()) {
    return responder->send(gateway_error(400, valid.error().message));
  }
  auto waiting = std::make_shared<Waiting>();
  waiting->responder = std::move(responder);
  waiting->name = spec.name;
  waiting->until = read_clock().mono + spawn_within;
  waiting_[waiting.get()] = waiting;
  core_.ask(
      [&](manager::Token token) -> manager::Input {
        return manager::ServiceInput(manager::CreateService{token, std::move(spec)});
      },
      [this, waiting](ManagerLoop::Body body) {
        loop_.post([this, waiting, body = std::make_shared<ManagerLoop::Body>(std::move(body))] {
          if (const auto* error = std::get_if<Error>(body.get())) {
            waiting->responder->send(gateway_error(500, error->message));
            waiting_.erase(waiting.get());
            return;
          }
          look(waiting);
        });
      });
}

// On the loop's thread, until it serves, has failed, or took too long; then nothing of it is left.
void Gateway::look(std::shared_ptr<Waiting> waiting) {
  core_.read([this, waiting](const manager::Manager& core) {
    auto answer = answer_of(core, waiting->name);
    if (!answer && read_clock().mono >= waiting->until) {
      answer = gateway_error(
          500, fmt::format("{} does not serve within {} s", waiting->name, spawn_within / 1s));
    }
    if (answer && answer->status != 200) {
      core_.ask(
          [&](manager::Token token) -> manager::Input {
            return manager::ServiceInput(manager::RemoveService{token, waiting->name});
          },
          [](const ManagerLoop::Body&) {});
    }
    loop_.post([this, waiting, answer = std::move(answer)] {
      if (answer) {
        waiting->responder->send(*answer);
        waiting_.erase(waiting.get());
        return;
      }
      if (!waiting_.contains(waiting.get())) return;  // stopped
      waiting->timer = loop_.after(look_every, [this, weak = std::weak_ptr(waiting)] {
        if (auto still = weak.lock()) look(std::move(still));
      });
    });
  });
}

// An alias that nobody has is a success too, as there.
void Gateway::kill(const Request& request, Responder responder) {
  auto alias = api::parse_kill(request.body);
  if (!alias) return responder->send(gateway_error(400, alias.error().message));
  core_.read(
      [this, alias = *alias, responder = std::move(responder)](const manager::Manager& core) {
        for (const auto& view : core.services()) {
          if (view.alias != alias) continue;
          core_.ask(
              [&](manager::Token token) -> manager::Input {
                return manager::ServiceInput(manager::RemoveService{token, view.spec.name});
              },
              [responder](const ManagerLoop::Body& body) {
                const auto* error = std::get_if<Error>(&body);
                if (error != nullptr && error->code != Code::not_found) {
                  return responder->send(gateway_error(500, error->message));
                }
                responder->send(json_response(200, api::killed_json()));
              });
          return;
        }
        responder->send(json_response(200, api::killed_json()));
      });
}

}  // namespace cube::daemon
