#include "daemon/worker_daemon.h"

#include <fmt/format.h>

#include <atomic>
#include <future>

#include "api/codec.h"
#include "base/text.h"
#include "daemon/announcer.h"
#include "daemon/core_loop.h"
#include "daemon/engine_link.h"
#include "daemon/log_relay.h"
#include "daemon/metrics.h"
#include "daemon/records.h"
#include "daemon/replies.h"
#include "daemon/seed.h"
#include "daemon/usage_sampler.h"
#include "runtime/cgroup_stats.h"
#include "runtime/host_stats.h"

namespace cube::daemon {
namespace {

using http::Params;
using http::Request;
using ResponderPtr = std::shared_ptr<http::Responder>;

constexpr Duration host_sample_every = 5s;

struct WorkerTraits {
  using Core = worker::Worker;
  using Input = worker::Input;
  using Effects = worker::Effects;
  using Reply = worker::Reply;
  using Wake = worker::Wake;

  static std::string_view failpoint(Stage stage, const Effects& effects) {
    const bool answers = !effects.replies.empty();
    switch (stage) {
      case Stage::before_commit:
        return answers ? "wrk.before_commit" : "";
      case Stage::after_commit:
        return answers ? "wrk.after_commit_before_reply" : "";
      case Stage::before_send:
        return "";
    }
    CUBE_UNREACHABLE();
  }
};
using WorkerLoop = CoreLoop<WorkerTraits>;

class Shell final : public WorkerDaemon {
 public:
  Shell(WorkerDaemonOptions options, store::Store& store, runtime::Runtime& runtime,
        http::Loop& loop, Log& log)
      : options_(std::move(options)),
        store_(store),
        runtime_(runtime),
        loop_(loop),
        log_(log),
        client_(loop),
        engine_(loop, runtime, options_.config.mount_dirs),
        guard_(options_.guard, log,
               {[this](bool lives) { core_.post(worker::GuardChanged{lives}, generation_); },
                [this](std::function<void()> mark) {
                  // Through both threads, and not while the disk is full: without either thread, or
                  // the room to write that it does so, it stops no container.
                  loop_.post([this, mark = std::move(mark)] {
                    core_.read([this, mark](const worker::Worker&) {
                      if (core_.stores()) mark();
                    });
                  });
                }}),
        core_(store, log,
              {[this] { return load(); },
               [this](worker::Effects& effects, std::uint64_t generation) {
                 send(effects, generation);
               },
               [this](std::uint64_t generation) { begin(generation); }}) {}

  ~Shell() override {
    server_.reset();  // no more requests; then no more steps; then nothing more from the engine
    guard_.stop();
    core_.stop();
    engine_.stop();
    run_on_loop([this] {
      announcer_.reset();
      sampler_.reset();
    });
  }

  Result<void> start() {
    engine_.on_input([this](worker::Input input, std::uint64_t generation) {
      // What the engine says of the machine comes before the word that it can be used.
      if (std::holds_alternative<worker::EngineConnected>(input)) sample(generation);
      core_.post(std::move(input), generation);
    });
    CUBE_TRY(core_.start());
    register_routes(router_, api::Daemon::worker, handlers());
    auto server = http::Server::listen(loop_, server_options(),
                                       [this](Request request, ResponderPtr responder) {
                                         router_.handle(std::move(request), std::move(responder));
                                       });
    if (!server) return std::move(server).error();
    server_ = std::move(server).value();
    if (!options_.join.empty()) announce();
    return {};
  }

  std::uint16_t port() const override { return server_->port(); }

 private:
  Result<worker::Worker> load() {
    auto records = read_all(store_);
    if (!records) return std::move(records).error();
    auto config = options_.config;
    config.lease_until = guard_.lease_until();
    config.guard_lives = !guard_.is_kept() || guard_.lives();
    return worker::Worker::load(std::move(config), Rng(random_seed()), std::move(*records));
  }

  // A core is there: let it see the machine and the engine.
  void begin(std::uint64_t generation) {
    generation_ = generation;
    loop_.post([this, generation] { sample(generation); });
    engine_.watch(options_.config.cluster, options_.config.name, generation);
  }

  // On the core's thread, after the commit and the answers.
  void send(worker::Effects& effects, std::uint64_t generation) {
    if (effects.lease_until) guard_.renew(*effects.lease_until);
    if (effects.wants_guard) guard_.want();
    for (auto& operation : effects.operations) engine_.run(std::move(operation), generation);
    for (auto& probe : effects.probes) engine_.run(std::move(probe), generation);
    for (const auto& note : effects.notes) {
      note.error ? log_.error(note.kind, note.text) : log_.info(note.kind, note.text);
    }
  }

  // On the loop's thread.
  void sample(std::uint64_t generation) {
    core_.read([this, generation](const worker::Worker& core) {
      loop_.post(
          [this, generation, running = core.running()] { take_sample(running, generation); });
    });
    sampler_ = loop_.after(host_sample_every, [this, generation] { sample(generation); });
  }

  void take_sample(const std::vector<worker::RunningContainer>& running, std::uint64_t generation) {
    const auto stats = runtime::read_host_stats(engine_.data_dir());
    const auto cpus = engine_.cpus() > 0 ? engine_.cpus() : std::thread::hardware_concurrency();
    const Resources machine = runtime::machine_resources(stats, cpus);
    core_.post(worker::HostSampled{stats, machine, usage_.sample(running, machine.memory_bytes)},
               generation);
  }

  void announce() {
    std::promise<api::Join> promise;
    core_.read([&](const worker::Worker& core) {
      promise.set_value(
          {options_.config.cluster, core.info().name, core.info().worker,
           options_.advertise.empty() ? fmt::format(":{}", server_->port()) : options_.advertise});
    });
    loop_.post([this, join = promise.get_future().get()] {
      announcer_ = std::make_unique<Announcer>(loop_, client_, log_, options_.join, join);
    });
  }

  template <class F>
  void run_on_loop(F f) {
    std::promise<void> done;
    loop_.post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }

  http::ServerOptions server_options() const {
    http::ServerOptions server;
    server.host = options_.host;
    server.port = options_.port;
    server.body_bytes_max = limits::link_body_bytes_max;
    return server;
  }

  Handlers handlers() {
    Handlers all;
    add_common(all, api::Daemon::worker, options_.config.version);
    const auto add = [&](const char* operation, auto method) {
      all[operation] = [this, method](const Request& request, const Params& params,
                                      ResponderPtr responder) {
        (this->*method)(request, params, std::move(responder));
      };
    };
    add("listTasks", &Shell::list_tasks);
    add("submitTask", &Shell::post_task);
    add("getTask", &Shell::get_task);
    add("stopTask", &Shell::delete_task);
    add("getTaskLogs", &Shell::get_logs);
    add("getStats", &Shell::get_stats);
    add("putAssignment", &Shell::put_assignment);
    add("patchAssignment", &Shell::put_assignment);
    add("getReport", &Shell::get_report);
    add("getMetrics", &Shell::get_metrics);
    add("getHealth", &Shell::get_health);
    return all;
  }

  void list_tasks(const Request&, const Params&, ResponderPtr responder) {
    core_.read([responder = std::move(responder)](const worker::Worker& core) {
      const auto tasks = core.tasks();
      std::vector<const Task*> pointers;
      for (const auto& task : tasks) pointers.push_back(&task);
      responder->send(json_response(200, api::tasks_json(pointers)));
    });
  }

  void get_task(const Request&, const Params& params, ResponderPtr responder) {
    core_.read([responder = std::move(responder),
                ref = params.find("id")->second](const worker::Worker& core) {
      auto task = core.task(ref);
      if (!task) return responder->send(http::error_response(task.error()));
      responder->send(json_response(200, api::task_json(*task)));
    });
  }

  void post_task(const Request& request, const Params&, ResponderPtr responder) {
    if (store_.is_full()) return responder->send(http::error_response(store_full()));
    auto submission = api::parse_submission(request.body);
    if (!submission) return responder->send(http::error_response(submission.error()));
    core_.ask(
        [&](worker::Token token) -> worker::Input {
          return worker::PostTask{token, std::move(*submission)};
        },
        [responder = std::move(responder)](WorkerLoop::Body body) {
          respond(*responder, 201, body);
        });
  }

  void delete_task(const Request&, const Params& params, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder),
                ref = params.find("id")->second](const worker::Worker& core) {
      auto task = core.task(ref);
      if (!task) return responder->send(http::error_response(task.error()));
      core_.ask(
          [id = task->id](worker::Token token) -> worker::Input {
            return worker::DeleteTask{token, id};
          },
          [responder](WorkerLoop::Body body) { respond(*responder, 204, body); });
    });
  }

  void put_assignment(const Request& request, const Params&, ResponderPtr responder) {
    auto assignment = api::parse_assignment(request.body);
    if (!assignment) return responder->send(http::error_response(assignment.error()));
    // A worker that knows no changes must not take them for everything: hence the other method.
    if ((request.method == "PATCH") != (assignment->base != 0)) {
      return responder->send(
          http::error_response(400, "Base: belongs into a PATCH, and into no other request"));
    }
    core_.ask(
        [&](worker::Token token) -> worker::Input {
          return worker::PutAssignment{token, std::move(*assignment)};
        },
        [responder = std::move(responder)](WorkerLoop::Body body) {
          respond(*responder, 200, body);
        });
  }

  void get_report(const Request& request, const Params&, ResponderPtr responder) {
    worker::PollReport poll{};
    for (auto [parameter, value] :
         {std::pair{"epoch", &poll.epoch}, std::pair{"session", &poll.session},
          std::pair{"lease", &poll.lease.stamp}, std::pair{"incarnation", &poll.incarnation},
          std::pair{"change", &poll.change}}) {
      auto number = query_number(request, parameter, 0);
      if (!number) return responder->send(http::error_response(number.error()));
      *value = *number;
    }
    if (const auto text = request.query_value("manager")) {
      const auto manager = ManagerId::parse(*text);
      if (!manager) {
        return responder->send(http::error_response({Code::invalid, "manager: not an id"}));
      }
      poll.manager = *manager;
    }
    poll.cluster = request.query_value("cluster").value_or("");
    auto wait = parse_duration(request.query_value("wait").value_or("0s"));
    if (!wait) return responder->send(http::error_response(wait.error()));
    poll.wait = std::min(*wait, limits::report_wait_max);
    auto ttl = parse_duration(request.query_value("ttl").value_or("0s"));
    if (!ttl) return responder->send(http::error_response(ttl.error()));
    poll.lease.ttl = *ttl;
    core_.ask(
        [&](worker::Token token) -> worker::Input {
          poll.token = token;
          return poll;
        },
        [responder = std::move(responder)](WorkerLoop::Body body) {
          respond(*responder, 200, body);
        });
  }

  static void respond(http::Responder& responder, int status, const WorkerLoop::Body& body) {
    struct {
      http::Responder& to;
      int status;
      void operator()(const api::Report& report) const {
        to.send(json_response(status, api::report_json(report)));
      }
      void operator()(const Task& task) const {
        to.send(json_response(status, api::task_json(task)));
      }
      void operator()(const worker::Deleted&) const { to.send(json_response(status, "")); }
      void operator()(const Error& error) const { to.send(http::error_response(error)); }
    } visitor{responder, status};
    std::visit(visitor, body);
  }

  void get_logs(const Request& request, const Params& params, ResponderPtr responder) {
    auto options = log_options(request, read_clock().wall);
    if (!options) return responder->send(http::error_response(options.error()));
    core_.read([this, options = *options, responder = std::move(responder),
                ref = params.find("id")->second](const worker::Worker& core) {
      auto task = core.task(ref);
      if (!task) return responder->send(http::error_response(task.error()));
      auto container = core.log_container(task->id);
      if (!container) return responder->send(http::error_response(container.error()));
      loop_.post([this, responder, options, container = *container] {
        relay_logs(runtime_, container, options, responder);
      });
    });
  }

  // Read now, not when the last sample was taken.
  void get_stats(const Request&, const Params&, ResponderPtr responder) {
    core_.read([responder = std::move(responder),
                stats = runtime::read_host_stats(engine_.data_dir())](const worker::Worker& core) {
      responder->send(json_response(
          200, api::stats_json(stats, static_cast<std::uint32_t>(core.task_count()))));
    });
  }

  void get_metrics(const Request&, const Params&, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder)](const worker::Worker& core) {
      std::vector<MeasuredContainer> measured;
      for (auto& container : core.running()) {
        auto stats = runtime::read_container_stats(container.pid);
        if (stats.ok()) measured.push_back({std::move(container), *stats});
      }
      http::Response response;
      response.content_type = std::string(metrics_content_type);
      response.body = worker_metrics(core.counters(), core.info(), core.host_stats(),
                                     core.task_count(), measured, store_.usage());
      responder->send(std::move(response));
    });
  }

  // Goes through the core's thread: an answer says that it still steps.
  void get_health(const Request&, const Params&, ResponderPtr responder) {
    core_.read([this, responder = std::move(responder)](const worker::Worker& core) {
      if (store_.is_full()) return responder->send(http::error_response(503, store_full().message));
      const auto info = core.info();
      responder->send(json_response(
          200, fmt::format(R"({{"Status":"ok","EngineReady":{}}})", info.engine_ready)));
    });
  }

  WorkerDaemonOptions options_;
  store::Store& store_;
  runtime::Runtime& runtime_;
  http::Loop& loop_;
  Log& log_;
  http::Client client_;
  EngineLink engine_;
  GuardKeeper guard_;
  std::atomic<std::uint64_t> generation_ = 0;
  WorkerLoop core_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Loop::Timer> sampler_;  // on the loop's thread
  UsageSampler usage_;                          // on the loop's thread
  std::unique_ptr<Announcer> announcer_;        // on the loop's thread
};

}  // namespace

Result<std::unique_ptr<WorkerDaemon>> WorkerDaemon::start(WorkerDaemonOptions options,
                                                          store::Store& store,
                                                          runtime::Runtime& runtime,
                                                          http::Loop& loop, Log& log) {
  auto shell = std::make_unique<Shell>(std::move(options), store, runtime, loop, log);
  CUBE_TRY(shell->start());
  return std::unique_ptr<WorkerDaemon>(std::move(shell));
}

}  // namespace cube::daemon
