#include "daemon/engine_link.h"

#include <fmt/format.h>

#include <filesystem>
#include <future>

#include "base/text.h"
#include "daemon/failpoint.h"

namespace cube::daemon {
namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

constexpr std::size_t probe_body_bytes_max = 64 * 1024;

// A check that is answered at all is judged by its status alone (200 to 399), as everywhere.
void probe_http(http::Client& client, const worker::Probe& probe,
                std::function<void(bool, std::string)> done) {
  http::Call call;
  call.target = probe.path;
  call.deadline = probe.timeout;
  call.fresh_connection = true;  // the target may be replaced between two checks
  call.body_bytes_max = probe_body_bytes_max;
  client.call({"", probe.host, probe.port}, std::move(call),
              [path = probe.path, done = std::move(done)](Result<http::Answer> answer) {
                if (!answer && answer.error().code == Code::too_large) {
                  return done(true, "answered with a large body");
                }
                if (!answer) return done(false, "GET " + path + ": " + answer.error().message);
                done(answer->status >= 200 && answer->status < 400,
                     fmt::format("GET {}: {}", path, answer->status));
              });
}

// The first host path of the spec that leads out of every allowed directory, as an error.
std::optional<runtime::EngineError> mount_outside(const TaskSpec& spec,
                                                  const std::vector<std::string>& allowed) {
  namespace fs = std::filesystem;
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const auto& mount = spec.mounts[i];
    if (mount.kind != Mount::Kind::bind) continue;
    std::error_code failed;
    const fs::path real = fs::canonical(mount.source, failed);
    const auto fail = [&](std::string why) {
      return runtime::EngineError{
          runtime::EngineError::Kind::bad_spec,
          fmt::format("Mounts[{}].Source: {} {}", i, printable(mount.source), why)};
    };
    if (failed) return fail("is not on this node");
    bool inside = false;
    for (const auto& directory : allowed) {
      const fs::path base = fs::canonical(directory, failed);
      if (failed) continue;
      const auto [end, rest] = std::mismatch(base.begin(), base.end(), real.begin(), real.end());
      inside = inside || end == base.end();
    }
    if (!inside) return fail("leads out of the directories that this node allows");
  }
  return std::nullopt;
}

void probe_command(runtime::Runtime& runtime, const worker::Probe& probe,
                   std::function<void(bool, std::string)> done) {
  runtime.exec(probe.container_id, probe.command, probe.timeout,
               [done = std::move(done)](runtime::Outcome<runtime::ExecResult> outcome) {
                 if (const auto* error = std::get_if<runtime::EngineError>(&outcome)) {
                   return done(false, "command: " + error->message);
                 }
                 const auto& result = std::get<runtime::ExecResult>(outcome);
                 std::string text = fmt::format("command: exit code {}", result.exit_code);
                 if (!result.output.empty()) text += ": " + printable(result.output.substr(0, 200));
                 done(result.exit_code == 0, std::move(text));
               });
}

}  // namespace

void EngineLink::watch(const std::string& cluster, const std::string& node,
                       std::uint64_t generation) {
  loop_.post([shared = shared_, &runtime = runtime_, cluster, node, generation] {
    runtime::EventSink sink;
    const std::weak_ptr<Shared> weak = shared;  // the watch is a member of what it reports to
    sink.on_connected = [weak, generation](const runtime::EngineInfo& info) {
      auto to = weak.lock();
      if (!to) return;
      to->info = info;
      to->deliver(worker::EngineConnected{info}, generation);
    };
    sink.on_event = [weak, generation](const runtime::EngineEvent& event) {
      if (auto to = weak.lock()) to->deliver(worker::EngineHappened{event}, generation);
    };
    sink.on_disconnected = [weak, generation](const std::string& reason) {
      if (auto to = weak.lock()) to->deliver(worker::EngineDisconnected{reason}, generation);
    };
    shared->watch = nullptr;
    shared->watch = runtime.watch(
        {{std::string(worker::label_cluster), cluster}, {std::string(worker::label_node), node}},
        std::move(sink));
  });
}

void EngineLink::run(worker::Operation operation, std::uint64_t generation) {
  // What a failpoint makes of an answer.
  [[maybe_unused]] static const runtime::EngineError lost{runtime::EngineError::Kind::unavailable,
                                                          "the answer was lost"};
  loop_.post([shared = shared_, &runtime = runtime_, operation = std::move(operation), generation] {
    const auto op = operation.op;
    // The outcome of any kind of call, as the one input that the core knows.
    const auto done = [shared, op, generation](auto outcome) {
      std::visit(
          [&](auto& value) {
            shared->deliver(worker::OperationDone{op, std::move(value)}, generation);
          },
          outcome);
    };
    const auto progress = [shared, op, generation](std::string text) {
      shared->deliver(worker::PullProgress{op, std::move(text)}, generation);
    };
    std::visit(
        Overload{
            [&](const worker::ListContainers& what) { runtime.list(what.labels, done); },
            [&](const worker::InspectContainer& what) { runtime.inspect(what.id_or_name, done); },
            [&](const worker::PullImage& what) {
              runtime.pull(what.image, what.platform, progress, done);
            },
            [&](const worker::CreateContainer& what) {
              if (auto error = mount_outside(what.config.spec, shared->mount_dirs)) {
                return done(runtime::Outcome<std::string>(std::move(*error)));
              }
              if (CUBE_FAILPOINT("wrk.before_create")) {
                return done(runtime::Outcome<std::string>(lost));
              }
              runtime.create(what.config, CUBE_LOSING("wrk.after_create", done, lost));
            },
            [&](const worker::StartContainer& what) {
              runtime.start(what.id, CUBE_LOSING("wrk.after_start", done, lost));
            },
            [&](const worker::StopContainer& what) {
              runtime.stop(what.id, what.grace, CUBE_LOSING("wrk.after_stop", done, lost));
            },
            [&](const worker::RemoveContainer& what) {
              runtime.remove(what.id, CUBE_LOSING("wrk.after_remove", done, lost));
            },
        },
        operation.what);
  });
}

void EngineLink::run(worker::Probe probe, std::uint64_t generation) {
  loop_.post([shared = shared_, &runtime = runtime_, &client = client_, probe = std::move(probe),
              generation] {
    const auto done = [shared, op = probe.op, generation](bool ok, std::string detail) {
      shared->deliver(worker::ProbeDone{op, ok, std::move(detail)}, generation);
    };
    switch (probe.kind) {
      case HealthCheck::Kind::none:
        return done(true, "no check");
      case HealthCheck::Kind::http:
        return probe_http(client, probe, done);
      case HealthCheck::Kind::tcp:
        return client.connect(
            {"", probe.host, probe.port}, probe.timeout, [done](Result<void> result) {
              done(result.ok(), result.ok() ? "connected" : result.error().message);
            });
      case HealthCheck::Kind::command:
        return probe_command(runtime, probe, done);
    }
  });
}

void EngineLink::stop() {
  std::promise<void> done;
  loop_.post([shared = shared_, &done] {
    shared->on_input = nullptr;
    shared->watch = nullptr;
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace cube::daemon
