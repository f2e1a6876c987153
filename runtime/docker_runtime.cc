#include "runtime/docker_runtime.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "runtime/docker_api.h"
#include "runtime/docker_errors.h"
#include "runtime/docker_json.h"

namespace cube::runtime {
namespace {

using Kind = EngineError::Kind;
using Api = std::shared_ptr<DockerApi>;
using Reply = DockerApi::Reply;

constexpr Duration list_deadline = 10s;
constexpr Duration change_deadline = 60s;  // create, start, delete: storage and network may be slow
constexpr Duration stop_margin = 30s;
// While another call makes or removes the container: look again after a while, doubling.
constexpr Duration poll_first = 10ms;
constexpr Duration poll_max = 1s;

// What makes a container ours and this very one, for create() on a name that is taken.
constexpr std::array identity_labels = {"cube.cluster", "cube.node", "cube.task", "cube.attempt",
                                        "cube.restart"};

http::Call make_call(std::string method, std::string target, Duration deadline) {
  http::Call call;
  call.method = std::move(method);
  call.target = std::move(target);
  call.deadline = deadline;
  return call;
}

std::string container_path(const std::string& id, std::string_view rest) {
  return "/containers/" + http::url_encode(id) + std::string(rest);
}

bool same_identity(const std::map<std::string, std::string>& a,
                   const std::map<std::string, std::string>& b) {
  return std::all_of(identity_labels.begin(), identity_labels.end(), [&](const char* key) {
    const auto in_a = a.find(key), in_b = b.find(key);
    return in_a != a.end() && in_b != b.end() && in_a->second == in_b->second;
  });
}

EngineError taken_by(const std::string& name, const Inspected& holder) {
  return {Kind::name_in_use, "the container name \"" + printable(name) +
                                 "\" is taken by container " +
                                 printable(holder.container.id.substr(0, 12)) + " of image \"" +
                                 printable(holder.image) + "\", which is not this task's"};
}

// `wait`: before the next try, when the name is taken by one that cannot be looked at yet.
void create(const Api& api, const ContainerConfig& config, Duration wait,
            Runtime::Callback<std::string> done);

// The name is taken: by the container that an earlier call made (a lost answer), or by a stranger.
void adopt(const Api& api, const ContainerConfig& config, Duration wait,
           Runtime::Callback<std::string> done) {
  api->inspect(config.name, [weak = std::weak_ptr(api), config, wait,
                             done = std::move(done)](Outcome<Inspected> outcome) {
    const Api held = weak.lock();
    if (!held) return;
    if (const auto* error = std::get_if<EngineError>(&outcome)) {
      if (error->kind != Kind::not_found) return done(*error);
      if (wait > poll_max) {
        return done(EngineError{Kind::unavailable, "the container name \"" +
                                                       printable(config.name) +
                                                       "\" is taken by one that is being made or "
                                                       "removed"});
      }
      // Its holder is being made by an earlier call, or has just gone.
      return held->after(
          wait, [config, wait, done](const Api& later) { create(later, config, wait * 2, done); });
    }
    const Inspected& holder = std::get<Inspected>(outcome);
    if (!same_identity(holder.container.labels, config.labels)) {
      return done(taken_by(config.name, holder));
    }
    done(holder.container.id);
  });
}

void create(const Api& api, const ContainerConfig& config, Duration wait,
            Runtime::Callback<std::string> done) {
  std::string target = "/containers/create?name=" + http::url_encode(config.name);
  if (!config.spec.platform.empty()) {
    target += "&platform=" + http::url_encode(config.spec.platform);
  }
  http::Call call = make_call("POST", std::move(target), change_deadline);
  call.body = create_body(config);
  api->call(std::move(call),
            [weak = std::weak_ptr(api), config, wait, done = std::move(done)](Reply reply) {
              const Api held = weak.lock();
              if (!held) return;
              if (failed(reply)) return done(std::get<EngineError>(std::move(reply)));
              const http::Answer& answer = std::get<http::Answer>(reply);
              if (answer.status == 409) return adopt(held, config, wait, done);
              if (answer.status != 201)
                return done(error_of(answer, EngineCall::create, config.spec.image));
              auto id = parse_id(answer.body);
              if (!id.ok()) return done(EngineError{Kind::other, id.error().message});
              done(std::move(id).value());
            });
}

void inspect(const Api& api, const std::string& id_or_name, Runtime::Callback<Container> done) {
  api->inspect(id_or_name, [done = std::move(done)](Outcome<Inspected> outcome) {
    if (failed(outcome)) return done(std::get<EngineError>(std::move(outcome)));
    done(std::get<Inspected>(std::move(outcome)).container);
  });
}

// Asks until the container is gone. Another hand removes it already.
void await_removal(const Api& api, const std::string& id, Duration wait, Duration left,
                   Runtime::Callback<Done> done) {
  if (left <= 0s) {
    return done(EngineError{
        Kind::other,
        "the container engine does not finish removing container " + printable(id.substr(0, 12))});
  }
  api->after(wait, [id, wait, left, done = std::move(done)](const Api& later) {
    inspect(later, id,
            [weak = std::weak_ptr(later), id, wait, left, done](Outcome<Container> outcome) {
              if (const auto* error = std::get_if<EngineError>(&outcome)) {
                if (error->kind == Kind::not_found) return done(Done{});
                return done(*error);
              }
              const Api held = weak.lock();
              if (held) await_removal(held, id, std::min(wait * 2, poll_max), left - wait, done);
            });
  });
}

}  // namespace

DockerRuntime::DockerRuntime(http::Loop& loop, DockerOptions options)
    : api_(std::make_shared<DockerApi>(loop, std::move(options))) {}

DockerRuntime::~DockerRuntime() = default;

void DockerRuntime::list(const std::map<std::string, std::string>& labels,
                         Callback<std::vector<Container>> done) {
  http::Call call =
      make_call("GET", "/containers/json?all=1&filters=" + http::url_encode(list_filters(labels)),
                list_deadline);
  api_->run([api = api_.get(), call = std::move(call), done = std::move(done)]() mutable {
    api->call(std::move(call), [done = std::move(done)](Reply reply) {
      if (failed(reply)) return done(std::get<EngineError>(std::move(reply)));
      const http::Answer& answer = std::get<http::Answer>(reply);
      if (answer.status != 200) return done(error_of(answer, EngineCall::list, ""));
      auto parsed = parse_list(answer.body);
      if (!parsed.ok()) return done(EngineError{Kind::other, parsed.error().message});
      done(std::move(parsed).value());
    });
  });
}

void DockerRuntime::inspect(const std::string& id_or_name, Callback<Container> done) {
  api_->run([weak = std::weak_ptr(api_), id_or_name, done = std::move(done)]() mutable {
    if (const Api api = weak.lock()) runtime::inspect(api, id_or_name, std::move(done));
  });
}

void DockerRuntime::pull(const std::string& image, const std::string& platform,
                         std::function<void(std::string)> progress, Callback<Done> done) {
  api_->run([weak = std::weak_ptr(api_), image, platform, progress = std::move(progress),
             done = std::move(done)]() mutable {
    if (const Api api = weak.lock()) {
      pull_image(api, image, platform, std::move(progress), std::move(done));
    }
  });
}

void DockerRuntime::create(const ContainerConfig& config, Callback<std::string> done) {
  api_->run([weak = std::weak_ptr(api_), config, done = std::move(done)]() mutable {
    if (const Api api = weak.lock()) runtime::create(api, config, poll_first, std::move(done));
  });
}

void DockerRuntime::start(const std::string& id, Callback<Container> done) {
  http::Call call = make_call("POST", container_path(id, "/start"), change_deadline);
  api_->run(
      [weak = std::weak_ptr(api_), id, call = std::move(call), done = std::move(done)]() mutable {
        const Api api = weak.lock();
        if (!api) return;
        api->call(std::move(call), [weak, id, done = std::move(done)](Reply reply) {
          const Api held = weak.lock();
          if (!held) return;
          if (failed(reply)) return done(std::get<EngineError>(std::move(reply)));
          const http::Answer& answer = std::get<http::Answer>(reply);
          // 304: it runs already, by an earlier call whose answer was lost.
          const bool started = answer.status == 204 || answer.status == 304;
          if (!started) return done(error_of(answer, EngineCall::start, id));
          runtime::inspect(held, id, done);
        });
      });
}

void DockerRuntime::stop(const std::string& id, Duration grace, Callback<Done> done) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace).count();
  const bool own = grace == own_grace;
  // The call stays open until the container is over: engines of 2023 took a client that left for
  // an order to kill at once.
  http::Call call =
      make_call("POST", container_path(id, own ? "/stop" : "/stop?t=" + std::to_string(seconds)),
                (own ? limits::task_stop_grace_max : grace) + stop_margin);
  api_->run([api = api_.get(), id, call = std::move(call), done = std::move(done)]() mutable {
    api->call(std::move(call), [id, done = std::move(done)](Reply reply) {
      if (failed(reply)) return done(std::get<EngineError>(std::move(reply)));
      const http::Answer& answer = std::get<http::Answer>(reply);
      const bool over = answer.status == 204 || answer.status == 304 || answer.status == 404;
      if (!over) return done(error_of(answer, EngineCall::stop, id));
      done(Done{});
    });
  });
}

void DockerRuntime::remove(const std::string& id, Callback<Done> done) {
  http::Call call = make_call("DELETE", container_path(id, "?force=1&v=1"), change_deadline);
  api_->run(
      [weak = std::weak_ptr(api_), id, call = std::move(call), done = std::move(done)]() mutable {
        const Api api = weak.lock();
        if (!api) return;
        api->call(std::move(call), [weak, id, done = std::move(done)](Reply reply) {
          const Api held = weak.lock();
          if (!held) return;
          if (failed(reply)) return done(std::get<EngineError>(std::move(reply)));
          const http::Answer& answer = std::get<http::Answer>(reply);
          // Podman tells what it removed, with 200.
          const bool gone = answer.status == 204 || answer.status == 200 || answer.status == 404;
          if (gone) return done(Done{});
          if (answer.status == 409) {
            return await_removal(held, id, poll_first, change_deadline, done);
          }
          done(error_of(answer, EngineCall::remove, id));
        });
      });
}

void DockerRuntime::exec(const std::string& id, const std::vector<std::string>& command,
                         Duration timeout, Callback<ExecResult> done) {
  api_->run([weak = std::weak_ptr(api_), id, command, timeout, done = std::move(done)]() mutable {
    if (const Api api = weak.lock()) exec_in(api, id, command, timeout, std::move(done));
  });
}

std::unique_ptr<Stream> DockerRuntime::logs(const std::string& id, const LogOptions& options,
                                            LogSink sink) {
  CUBE_ASSERT(api_->loop().on_loop_thread());
  return follow_log(api_, id, options, std::move(sink));
}

std::unique_ptr<Stream> DockerRuntime::watch(const std::map<std::string, std::string>& labels,
                                             EventSink sink) {
  CUBE_ASSERT(api_->loop().on_loop_thread());
  return watch_engine(api_, labels, std::move(sink));
}

std::string_view name(ContainerState state) {
  switch (state) {
    case ContainerState::created:
      return "created";
    case ContainerState::running:
      return "running";
    case ContainerState::paused:
      return "paused";
    case ContainerState::restarting:
      return "restarting";
    case ContainerState::removing:
      return "removing";
    case ContainerState::exited:
      return "exited";
    case ContainerState::dead:
      return "dead";
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube::runtime
