#include "daemon/manager_daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "api/codec.h"
#include "daemon/event_feed.h"
#include "daemon/gateway.h"
#include "daemon/log_relay.h"
#include "daemon/manager_links.h"
#include "daemon/manager_loop.h"
#include "daemon/metrics.h"
#include "daemon/replies.h"
#include "daemon/seed.h"
#include "daemon/service_handlers.h"
#include "daemon/task_list.h"

namespace cube::daemon {
namespace {

using http::Params;
using http::Request;
using ResponderPtr = std::shared_ptr<http::Responder>;

api::NodeView view_of(const manager::Node& node, const ManagerLinks& links) {
  api::NodeView view;
  view.name = node.name;
  view.ip = links.ip_of(node.address);
  view.api = "http://" + node.address;
  view.state = name(node.state);
  view.availability = name(node.availability);
  view.reason = node.reason;
  view.info = node.info;
  view.stats = node.stats;
  view.reserved = node.reserved;
  view.task_count = node.task_count;
  view.last_heard = node.last_heard;
  return view;
}

// "web (1a2b3c4d): on n1"
std::string in_words(const Event& event) {
  if (event.task.is_nil()) return event.text;
  return fmt::format("{} ({}): {}", event.name, event.task.str().substr(0, 8), event.text);
}

class Shell final : public ManagerDaemon {
 public:
  Shell(ManagerDaemonOptions options, store::Store& store, http::Loop& loop, Log& log)
      : options_(std::move(options)),
        store_(store),
        loop_(loop),
        log_(log),
        feed_(loop),
        client_(loop),
        links_client_(links_loop_),
        links_(links_loop_, links_client_),
        core_(store, log,
              {[this] { return load(); },
               [this](manager::Effects& effects, std::uint64_t generation) {
                 send(effects, generation);
               },
               [this](std::uint64_t generation) { core_.post(manager::Wake{}, generation); }}),
        services_(core_, store, loop),
        gateway_(core_, store, loop) {
    links_loop_.start();
  }

  ~Shell() override {
    server_.reset();  // no more requests; then no more steps; then no more answers to calls
    core_.stop();
    services_.stop();
    gateway_.stop();
    links_.stop();
  }

  Result<void> start() {
    links_.on_outcome([this](manager::Input input, std::uint64_t generation) {
      core_.post(std::move(input), generation);
    });
    CUBE_TRY(core_.start());
    register_routes(router_, api::Daemon::manager, handlers());
    Gateway::say_errors(router_);
    auto server = http::Server::listen(loop_, server_options(),
                                       [this](Request request, ResponderPtr responder) {
                                         router_.handle(std::move(request), std::move(responder));
                                       });
    if (!server) return std::move(server).error();
    server_ = std::move(server).value();
    return {};
  }

  std::uint16_t port() const override { return server_->port(); }
  void also_measure(MetricsSource source) override {
    const std::lock_guard lock(more_metrics_mutex_);
    more_metrics_ = std::move(source);
  }

 private:
  Result<manager::Manager> load() {
    return manager::Manager::load_from(
        options_.config, Rng(random_seed()),
        [this](const manager::Visit& visit) { return store_.scan("", visit); });
  }

  // On the core's thread, after the commit and the answers.
  void send(manager::Effects& effects, std::uint64_t generation) {
    for (auto& call : effects.sends) links_.make(std::move(call), generation);
    std::vector<Log::Line> lines;
    for (const auto& event : effects.events) lines.push_back({event.kind, in_words(event)});
    log_.info(lines);
    if (effects.routes_changed) services_.routes_changed();
    feed_.publish(std::move(effects.events));
  }

  http::ServerOptions server_options() const {
    http::ServerOptions server;
    server.host = options_.host;
    server.port = options_.port;
    return server;
  }

  Handlers handlers() {
    Handlers all;
    add_common(all, api::Daemon::manager, options_.config.version);
    const auto add = [&](const char* operation, auto method) {
      all[operation] = [this, method](const Request& request, const Params& params,
                                      ResponderPtr responder) {
        (this->*method)(request, params, std::move(responder));
      };
    };
    add("listTasks", &Shell::list_tasks);
    add("submitTask", &Shell::submit_task);
    add("getTask", &Shell::get_task);
    add("stopTask", &Shell::stop_task);
    add("getTaskLogs", &Shell::get_logs);
    add("listNodes", &Shell::list_nodes);
    add("joinNode", &Shell::join_node);
    add("getNode", &Shell::get_node);
    add("forgetNode", &Shell::forget_node);
    add("listEvents", &Shell::list_events);
    add("getMetrics", &Shell::get_metrics);
    add("getHealth", &Shell::get_health);
    add_availability(all, "drainNode", manager::Availability::drain);
    add_availability(all, "pauseNode", manager::Availability::pause);
    add_availability(all, "activateNode", manager::Availability::active);
    services_.add(all);
    gateway_.add(all);
    return all;
  }

  void list_tasks(const Request&, const Params&, ResponderPtr responder) {
    const auto read = [this](std::uint64_t next, std::function<void(TaskPage)> take) {
      core_.read([next, take = std::move(take)](const manager::Manager& core) {
        TaskPage page;
        page.next = next;
        for (const Task* task : core.tasks(page.next, task_list_page)) page.tasks.push_back(*task);
        take(std::move(page));
      });
    };
    send_task_list(loop_, read, std::move(responder));
  }

  void submit_task(const Request& request, const Params&, ResponderPtr responder) {
    if (store_.is_full()) return responder->send(http::error_response(store_full()));
    bool was_array = false;
    auto items = api::parse_submissions(request.body, was_array);
    if (!items) return responder->send(http::error_response(items.error()));
    const std::string key = request.header("idempotency-key").value_or("");
    const std::string prefer = request.header("prefer").value_or("");
    const bool is_minimal = prefer.find("return=minimal") != std::string::npos;
    core_.ask(
        [&](manager::Token token) -> manager::Input {
          return manager::Submit{token, std::move(*items), key};
        },
        [this, responder = std::move(responder), was_array,
         is_minimal](ManagerLoop::Body body) mutable {
          on_loop(
              [responder = std::move(responder), was_array, is_minimal, body = std::move(body)] {
                responder->send(submitted(body, was_array, is_minimal));
              });
        });
  }

  // Long answers are put into words on the loop's thread: the core's has others waiting.
  template <class F>
  void on_loop(F f) {
    loop_.post([shared = std::make_shared<F>(std::move(f))] { (*shared)(); });
  }

  static http::Response submitted(const ManagerLoop::Body& body, bool was_array, bool is_minimal) {
    if (const auto* error = std::get_if<Error>(&body)) return http::error_response(*error);
    const auto& tasks = std::get<std::vector<Task>>(body);
    if (is_minimal) {
      auto response = json_response(201, api::task_ids_json(tasks, was_array));
      response.headers.emplace_back("Preference-Applied", "return=minimal");
      return response;
    }
    if (!was_array) return json_response(201, api::task_json(tasks.at(0)));
    std::vector<const Task*> pointers;
    for (const auto& task : tasks) pointers.push_back(&task);
    return json_response(201, api::tasks_json(pointers));
  }

  void get_task(const Request&, const Params& params, ResponderPtr responder) {
    core_.read([responder = std::move(responder),
                ref = params.find("id")->second](const manager::Manager& core) {
      auto task = core.task(ref);
      if (!task) return responder->send(http::error_response(task.error()));
      responder->send(json_response(200, api::task_json(**task)));
    });
  }

  void stop_task(const Request&, const Params& params, ResponderPtr responder) {
    ask_accepted(std::move(responder), [&](manager::Token token) -> manager::Input {
      return manager::Stop{token, params.find("id")->second};
    });
  }

  void forget_node(const Request&, const Params& params, ResponderPtr responder) {
    ask_accepted(std::move(responder), [&](manager::Token token) -> manager::Input {
      return manager::ForgetNode{token, params.find("name")->second};
    });
  }

  void add_availability(Handlers& all, const char* operation, manager::Availability availability) {
    all[operation] = [this, availability](const Request&, const Params& params,
                                          ResponderPtr responder) {
      ask_accepted(std::move(responder), [&](manager::Token token) -> manager::Input {
        return manager::SetAvailability{token, params.find("name")->second, availability};
      });
    };
  }

  void join_node(const Request& request, const Params&, ResponderPtr responder) {
    auto join = api::parse_join(request.body);
    if (!join) return responder->send(http::error_response(join.error()));
    if (join->address.starts_with(':')) {  // the worker leaves it to us to see where it is
      join->address =
          (request.peer.find(':') == std::string::npos ? request.peer : "[" + request.peer + "]") +
          join->address;
    }
    ask_accepted(std::move(responder), [&](manager::Token token) -> manager::Input {
      return manager::JoinNode{token, std::move(*join)};
    });
  }

  template <class Make>
  void ask_accepted(ResponderPtr responder, Make make) {
    core_.ask(make, [responder = std::move(responder)](ManagerLoop::Body body) {
      if (const auto* error = std::get_if<Error>(&body)) {
        return responder->send(http::error_response(*error));
      }
      responder->send(json_response(204, ""));
    });
  }

  void list_nodes(const Request&, const Params&, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder)](const manager::Manager& core) {
      std::vector<api::NodeView> views;
      for (const auto& node : core.nodes()) views.push_back(view_of(node, links_));
      on_loop([responder, views = std::move(views)] {
        responder->send(json_response(200, api::nodes_json(views)));
      });
    });
  }

  void get_node(const Request&, const Params& params, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder),
                ref = params.find("name")->second](const manager::Manager& core) {
      auto node = core.node(ref);
      if (!node) return responder->send(http::error_response(node.error()));
      responder->send(json_response(200, api::node_json(view_of(*node, links_))));
    });
  }

  // Without `since`: followers get what comes from now on, others everything that is kept.
  void list_events(const Request& request, const Params&, ResponderPtr responder) {
    const auto accept = request.header("accept").value_or("");
    const bool follow = accept.find("text/event-stream") != std::string::npos;
    auto since = query_number(request, "since", follow ? UINT64_MAX : 0);
    if (!since) return responder->send(http::error_response(since.error()));
    if (const auto last = request.header("last-event-id"); last && follow) {
      Request resumed;
      resumed.query.emplace_back("since", *last);
      since = query_number(resumed, "since", 0);
      if (!since)
        return responder->send(http::error_response(400, "Last-Event-ID: not a revision"));
    }
    core_.read([this, follow, since = *since,
                responder = std::move(responder)](const manager::Manager& core) {
      auto events = core.events_after(since);
      if (follow) return feed_.follow(responder, std::move(events));
      on_loop([responder, events = std::move(events)] {
        responder->send(json_response(200, api::events_json(events)));
      });
    });
  }

  // Logs come from the worker that holds the task, byte for byte.
  void get_logs(const Request& request, const Params& params, ResponderPtr responder) {
    auto options =
        log_options(request, read_clock().wall);  // refused here, before any node is asked
    if (!options) return responder->send(http::error_response(options.error()));
    std::string query;
    for (const auto& [key, value] : request.query) {
      query += (query.empty() ? "?" : "&") + http::url_encode(key) + "=" + http::url_encode(value);
    }
    core_.read([this, query, responder = std::move(responder),
                ref = params.find("id")->second](const manager::Manager& core) {
      auto task = core.task(ref);
      if (!task) return responder->send(http::error_response(task.error()));
      const auto address = address_of(core, **task);
      if (!address) return responder->send(http::error_response(address.error()));
      const std::string target = "/tasks/" + (*task)->id.str() + "/logs" + query;
      loop_.post([this, responder, address = *address, target, gone = logs_gone(**task)] {
        relay_logs(client_, address, target, gone, responder);
      });
    });
  }

  // What to say when the node knows nothing of a task that is over; empty for one that is not.
  static std::string logs_gone(const Task& task) {
    const auto state = task.wire_state();
    if (state != WireState::completed && state != WireState::failed) return {};
    return fmt::format(
        "task {} is over; its container was removed from node {}, and its logs with it",
        task.id.str(), task.node);
  }

  static Result<http::Endpoint> address_of(const manager::Manager& core, const Task& task) {
    if (!task.node.empty()) {
      const auto node = core.node(task.node);
      if (node && node->name == task.node) return http::Endpoint::parse(node->address, 5556);
    }
    return Error{Code::not_found, fmt::format("task {} is on no node, so it has no logs: {}",
                                              task.id.str(), std::string(task.reason()))};
  }

  void get_metrics(const Request&, const Params&, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder)](const manager::Manager& core) {
      on_loop([this, responder, figures = figures_of(core, store_.usage())] {
        tell_metrics(manager_metrics(figures), responder);
      });
    });
  }

  void tell_metrics(std::string page, const ResponderPtr& responder) {
    const auto tell = [responder, page = std::move(page)](const std::string& more) {
      responder->send({200, page + more, std::string(metrics_content_type), {}});
    };
    const std::lock_guard lock(more_metrics_mutex_);  // while it is held the source is there
    more_metrics_ ? more_metrics_(tell) : tell("");
  }

  // Goes through the core's thread: an answer says that it still steps.
  void get_health(const Request&, const Params&, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder)](const manager::Manager&) {
      if (store_.is_full()) return responder->send(http::error_response(503, store_full().message));
      responder->send(json_response(200, R"({"Status":"ok"})"));
    });
  }

  ManagerDaemonOptions options_;
  store::Store& store_;
  http::Loop& loop_;
  Log& log_;
  EventFeed feed_;
  http::Client client_;
  // The calls to thousands of workers have a thread of their own, so that requests need not wait
  // behind them.
  http::Loop links_loop_;
  http::Client links_client_;
  ManagerLinks links_;
  ManagerLoop core_;
  ServiceHandlers services_;
  Gateway gateway_;
  http::Router router_;
  std::mutex more_metrics_mutex_;
  MetricsSource more_metrics_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Result<std::unique_ptr<ManagerDaemon>> ManagerDaemon::start(ManagerDaemonOptions options,
                                                            store::Store& store, http::Loop& loop,
                                                            Log& log) {
  auto shell = std::make_unique<Shell>(std::move(options), store, loop, log);
  CUBE_TRY(shell->start());
  return std::unique_ptr<ManagerDaemon>(std::move(shell));
}

}  // namespace cube::daemon
