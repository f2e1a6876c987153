#pragma once
// `DockerApi`: calls to the Engine API with the negotiated version in front of the path, and errors
// in words. Shared by the parts of DockerRuntime; everything here happens on the loop's thread.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/client.h"
#include "http/loop.h"
#include "runtime/docker_errors.h"
#include "runtime/docker_json.h"
#include "runtime/docker_runtime.h"

namespace cube::runtime {

class DockerApi : public std::enable_shared_from_this<DockerApi> {
 public:
  // An answer of any status, or why there was none (always `unavailable`).
  using Reply = Outcome<http::Answer>;
  using OnReply = std::function<void(Reply)>;

  DockerApi(http::Loop& loop, DockerOptions options)
      : loop_(loop), options_(std::move(options)), client_(loop) {}

  // Runs `f` on the loop's thread: now when this is it. Not at all once the api is gone.
  void run(std::function<void()> f);

  // `call.target` is the path without version, such as "/containers/json".
  void call(http::Call call, OnReply on_reply);
  // A reply of unknown length. REQUIRES: ready(), a version is known.
  [[nodiscard]] std::unique_ptr<http::CallHandle> stream(http::Call call,
                                                         http::StreamHandlers handlers);
  // Agrees on the version, from scratch.
  void connect(std::function<void(Outcome<Done>)> on_done);
  // Is the engine there? Not versioned.
  void ping(OnReply on_reply);
  // A version is known, or found out; then `on_done`.
  void ready(std::function<void(Outcome<Done>)> on_done);

  void inspect(const std::string& id_or_name, std::function<void(Outcome<Inspected>)> on_done);

  int minor() const { return minor_; }
  bool is_podman() const { return is_podman_; }
  const DockerOptions& options() const { return options_; }
  http::Loop& loop() { return loop_; }

  // Keeps an operation that lives on its own (a pull, an exec) until it is let go, or the api goes.
  void keep(std::shared_ptr<void> operation) { kept_.insert(std::move(operation)); }
  void let_go(const std::shared_ptr<void>& operation);
  // Runs `f` after `wait`, unless the api is gone by then.
  void after(Duration wait, std::function<void(const std::shared_ptr<DockerApi>&)> f);
  // Destroys `handle` outside its own callback.
  template <class Handle>
  void retire(std::unique_ptr<Handle> handle) {
    if (handle) loop_.post([held = std::shared_ptr<Handle>(std::move(handle))] {});
  }

 private:
  void send(http::Call call, OnReply on_reply);
  void on_ping(http::Answer answer);
  void agree(int engine_min, int engine_max);
  void finish(Outcome<Done> outcome);

  http::Loop& loop_;
  DockerOptions options_;
  http::Client client_;
  int minor_ = 0;  // 0: not known
  bool is_podman_ = false;
  bool connecting_ = false;
  std::vector<std::function<void(Outcome<Done>)>> waiting_;  // for the version
  std::set<std::shared_ptr<void>> kept_;
};

// The outcomes' short forms.
template <class T>
bool failed(const Outcome<T>& outcome) {
  return std::holds_alternative<EngineError>(outcome);
}
// Why `answer`, none of the call's good ones, was given. REQUIRES: as classify().
EngineError error_of(const http::Answer& answer, EngineCall call, std::string_view object);

// The parts in files of their own.
void pull_image(const std::shared_ptr<DockerApi>& api, const std::string& image,
                const std::string& platform, std::function<void(std::string)> progress,
                Runtime::Callback<Done> done);
void exec_in(const std::shared_ptr<DockerApi>& api, const std::string& id,
             const std::vector<std::string>& command, Duration timeout,
             Runtime::Callback<ExecResult> done);
std::unique_ptr<Stream> follow_log(const std::shared_ptr<DockerApi>& api, const std::string& id,
                                   const LogOptions& options, LogSink sink);
std::unique_ptr<Stream> watch_engine(const std::shared_ptr<DockerApi>& api,
                                     const std::map<std::string, std::string>& labels,
                                     EventSink sink);

// "1700000000.000123000": how the engine reads times.
std::string engine_time(WallTime t);

}  // namespace cube::runtime
