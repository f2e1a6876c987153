#include "daemon/service_handlers.h"

#include <algorithm>
#include <future>
#include <map>
#include <mutex>

#include "api/codec.h"
#include "api/service.h"

namespace cube::daemon {
namespace {

using http::Params;
using http::Request;

constexpr std::uint64_t wait_seconds_max = 30;
constexpr std::size_t ingress_name_bytes_max = 64;
constexpr std::size_t busy_max = 1000;

http::Response service_response(int status, const api::ServiceView& view) {
  http::Response response = json_response(status, api::service_json(view));
  response.headers.emplace_back("ETag", "\"" + std::to_string(view.version) + "\"");
  return response;
}

std::string ref_of(const Params& params) {
  return params.find("ref")->second;
}

Result<std::vector<TaskId>> read_busy(const std::string& text) {
  std::vector<TaskId> out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const auto id = TaskId::parse(one);
    if (!id || out.size() == busy_max) return Error{Code::invalid, "busy: is no list of task IDs"};
    out.push_back(*id);
  }
  return out;
}

}  // namespace

// Those who wait for the next table. Added and released on the core's thread, so that none misses a
// change; timed out on the loop's.
struct ServiceHandlers::Waiting {
  std::mutex mutex;
  std::uint64_t next = 1;
  std::map<std::uint64_t, Responder> responders;
  std::map<std::uint64_t, std::unique_ptr<http::Loop::Timer>> timers;  // the loop's thread only

  Responder take(std::uint64_t number) {
    std::lock_guard lock(mutex);
    auto node = responders.extract(number);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
};

ServiceHandlers::ServiceHandlers(ManagerLoop& core, store::Store& store, http::Loop& loop)
    : core_(core), store_(store), loop_(loop), waiting_(std::make_shared<Waiting>()) {}
ServiceHandlers::~ServiceHandlers() = default;

void ServiceHandlers::stop() {
  std::map<std::uint64_t, Responder> gone;
  {
    std::lock_guard lock(waiting_->mutex);
    gone.swap(waiting_->responders);
  }
  std::promise<void> done;  // what the loop still has of us is run by then
  loop_.post([&] {
    waiting_->timers.clear();
    done.set_value();
  });
  done.get_future().wait();
}

void ServiceHandlers::add(Handlers& all) {
  all["listServices"] = [this](const Request&, const Params&, Responder responder) {
    core_.read([responder = std::move(responder)](const manager::Manager& core) {
      responder->send(json_response(200, api::services_json(core.services())));
    });
  };
  all["getService"] = [this](const Request&, const Params& params, Responder responder) {
    core_.read(
        [responder = std::move(responder), ref = ref_of(params)](const manager::Manager& core) {
          auto view = core.service(ref);
          if (!view) return responder->send(http::error_response(view.error()));
          responder->send(service_response(200, *view));
        });
  };
  all["listServiceTasks"] = [this](const Request&, const Params& params, Responder responder) {
    core_.read(
        [responder = std::move(responder), ref = ref_of(params)](const manager::Manager& core) {
          auto tasks = core.service_tasks(ref);
          if (!tasks) return responder->send(http::error_response(tasks.error()));
          responder->send(json_response(200, api::tasks_json(*tasks)));
        });
  };
  all["listServiceHistory"] = [this](const Request&, const Params& params, Responder responder) {
    core_.read(
        [responder = std::move(responder), ref = ref_of(params)](const manager::Manager& core) {
          auto history = core.service_history(ref);
          if (!history) return responder->send(http::error_response(history.error()));
          responder->send(json_response(200, api::history_json(*history)));
        });
  };
  all["createService"] = [this](const Request& request, const Params&, Responder responder) {
    create(request, std::move(responder));
  };
  all["updateService"] = [this](const Request& request, const Params& params, Responder responder) {
    update(request, ref_of(params), std::move(responder));
  };
  all["scaleService"] = [this](const Request& request, const Params& params, Responder responder) {
    scale(request, ref_of(params), std::move(responder));
  };
  all["rollbackService"] = [this](const Request& request, const Params& params,
                                  Responder responder) {
    roll_back(request, ref_of(params), std::move(responder));
  };
  all["removeService"] = [this](const Request& request, const Params& params, Responder responder) {
    remove(request, ref_of(params), std::move(responder));
  };
  all["getRoutes"] = [this](const Request& request, const Params&, Responder responder) {
    get_routes(request, std::move(responder));
  };
  all["reportRoutes"] = [this](const Request& request, const Params&, Responder responder) {
    report_routes(request, std::move(responder));
  };
}

void ServiceHandlers::ask(Responder responder, int status,
                          const std::function<manager::ServiceInput(manager::Token)>& make) {
  core_.ask([&](manager::Token token) -> manager::Input { return make(token); },
            [responder = std::move(responder), status](ManagerLoop::Body body) {
              if (const auto* error = std::get_if<Error>(&body)) {
                return responder->send(http::error_response(*error));
              }
              if (const auto* view = std::get_if<api::ServiceView>(&body)) {
                return responder->send(service_response(status, *view));
              }
              responder->send(json_response(status, ""));
            });
}

void ServiceHandlers::create(const Request& request, Responder responder) {
  if (store_.is_full()) return responder->send(http::error_response(store_full()));
  auto spec = api::parse_service_spec(request.body);
  if (!spec) return responder->send(http::error_response(spec.error()));
  ask(std::move(responder), 201, [&](manager::Token token) -> manager::ServiceInput {
    return manager::CreateService{token, std::move(*spec)};
  });
}

void ServiceHandlers::update(const Request& request, std::string ref, Responder responder) {
  if (store_.is_full()) return responder->send(http::error_response(store_full()));
  auto if_match = api::parse_if_match(request.header("if-match").value_or(""));
  if (!if_match) return responder->send(http::error_response(if_match.error()));
  auto spec = api::parse_service_spec(request.body);
  if (!spec) return responder->send(http::error_response(spec.error()));
  ask(std::move(responder), 200, [&](manager::Token token) -> manager::ServiceInput {
    return manager::UpdateService{token, std::move(ref), std::move(*spec), *if_match};
  });
}

void ServiceHandlers::scale(const Request& request, std::string ref, Responder responder) {
  auto if_match = api::parse_if_match(request.header("if-match").value_or(""));
  if (!if_match) return responder->send(http::error_response(if_match.error()));
  auto replicas = api::parse_scale(request.body);
  if (!replicas) return responder->send(http::error_response(replicas.error()));
  ask(std::move(responder), 200, [&](manager::Token token) -> manager::ServiceInput {
    return manager::ScaleService{token, std::move(ref), *replicas, *if_match};
  });
}

void ServiceHandlers::roll_back(const Request& request, std::string ref, Responder responder) {
  auto if_match = api::parse_if_match(request.header("if-match").value_or(""));
  if (!if_match) return responder->send(http::error_response(if_match.error()));
  ask(std::move(responder), 200, [&](manager::Token token) -> manager::ServiceInput {
    return manager::RollBackService{token, std::move(ref), *if_match};
  });
}

void ServiceHandlers::remove(const Request& request, std::string ref, Responder responder) {
  auto if_match = api::parse_if_match(request.header("if-match").value_or(""));
  if (!if_match) return responder->send(http::error_response(if_match.error()));
  ask(std::move(responder), 202, [&](manager::Token token) -> manager::ServiceInput {
    return manager::RemoveService{token, std::move(ref), *if_match};
  });
}

// --- Ingresses ----------------------------------------------------------------------------------

void ServiceHandlers::get_routes(const Request& request, Responder responder) {
  auto wait = query_number(request, "wait", 0);
  if (!wait) return responder->send(http::error_response(wait.error()));
  const std::string ingress = request.query_value("ingress").value_or("");
  if (ingress.size() > ingress_name_bytes_max) {
    return responder->send(http::error_response(400, "ingress: longer than 64 bytes"));
  }
  auto busy = read_busy(request.query_value("busy").value_or(""));
  if (!busy) return responder->send(http::error_response(busy.error()));
  const std::string after = request.query_value("after").value_or("");
  if (!ingress.empty()) {
    core_.post(manager::ServiceInput(manager::IngressAsked{ingress, after, std::move(*busy)}));
  }
  const Duration span = std::chrono::seconds(std::min(*wait, wait_seconds_max));
  core_.read([this, responder = std::move(responder), after, span,
              waiting = waiting_](const manager::Manager& core) {
    if (span == Duration{} || core.routes_version() != after) {
      return responder->send(json_response(200, api::route_table_json(core.routes())));
    }
    std::uint64_t number = 0;
    {
      std::lock_guard lock(waiting->mutex);
      number = waiting->next++;
      waiting->responders[number] = responder;
    }
    loop_.post([this, waiting, number, span] {
      waiting->timers[number] = loop_.after(span, [this, waiting, number] {
        auto late = waiting->take(number);
        if (late != nullptr) {
          core_.read([late = std::move(late)](const manager::Manager& now) {
            late->send(json_response(200, api::route_table_json(now.routes())));
          });
        }
        waiting->timers.erase(number);  // and this function with it
      });
    });
  });
}

void ServiceHandlers::routes_changed() {
  core_.read([this, waiting = waiting_](const manager::Manager& core) {
    std::map<std::uint64_t, Responder> all;
    {
      std::lock_guard lock(waiting->mutex);
      all.swap(waiting->responders);
    }
    if (all.empty()) return;
    const std::string table = api::route_table_json(core.routes());
    for (const auto& [number, responder] : all) responder->send(json_response(200, table));
    loop_.post([waiting, all = std::move(all)] {
      for (const auto& [number, responder] : all) waiting->timers.erase(number);
    });
  });
}

void ServiceHandlers::report_routes(const Request& request, Responder responder) {
  const std::string ingress = request.query_value("ingress").value_or("");
  if (ingress.empty() || ingress.size() > ingress_name_bytes_max) {
    return responder->send(http::error_response(400, "ingress: is missing, or over 64 bytes"));
  }
  auto report = api::parse_route_report(request.body);
  if (!report) return responder->send(http::error_response(report.error()));
  core_.post(manager::ServiceInput(manager::IngressReported{ingress, std::move(*report)}));
  responder->send(json_response(204, ""));
}

}  // namespace cube::daemon
