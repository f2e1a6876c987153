#pragma once
// `DockerRuntime`: the Runtime that speaks the Docker Engine API over its unix socket (Podman's
// compatible socket serves too).
//
// Threads: list ... exec may be called from any thread; logs() and watch(), and the destruction of
// their streams, belong to the loop's thread. Every callback runs on the loop's thread. Destroying
// the runtime drops the calls that are under way: their callbacks never run, but what the engine
// was told takes effect all the same. Destroy it on the loop's thread or after loop.stop().
//
// The API version is the engine's newest that we know (1.40 ... 1.44), asked for before the first
// call and again on each reconnect of watch().

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "http/loop.h"
#include "runtime/runtime.h"

namespace cube::runtime {

struct DockerOptions {
  http::Endpoint endpoint;

  Duration watchdog_every = 2s;    // watch(): a ping this often, on another connection
  int watchdog_failures_max = 3;   // in a row; then the engine counts as hung
  Duration pull_stall_max = 120s;  // without a line of progress
  Duration pull_total_max = 30min;
};

// The engine's address from the environment variable DOCKER_HOST (`docker_host`, empty when it is
// not set): "unix:///path", or "tcp://host:port" for a plain TCP socket. Empty: the usual socket.
Result<http::Endpoint> docker_endpoint(std::string_view docker_host);

class DockerRuntime final : public Runtime {
 public:
  DockerRuntime(http::Loop& loop, DockerOptions options);
  ~DockerRuntime() override;

  void list(const std::map<std::string, std::string>& labels,
            Callback<std::vector<Container>>) override;
  void inspect(const std::string& id_or_name, Callback<Container>) override;
  void pull(const std::string& image, const std::string& platform,
            std::function<void(std::string)> progress, Callback<Done>) override;
  void create(const ContainerConfig& config, Callback<std::string>) override;
  void start(const std::string& id, Callback<Container>) override;
  void stop(const std::string& id, Duration grace, Callback<Done>) override;
  void remove(const std::string& id, Callback<Done>) override;
  void exec(const std::string& id, const std::vector<std::string>& command, Duration timeout,
            Callback<ExecResult>) override;
  [[nodiscard]] std::unique_ptr<Stream> logs(const std::string& id, const LogOptions&,
                                             LogSink) override;
  [[nodiscard]] std::unique_ptr<Stream> watch(const std::map<std::string, std::string>& labels,
                                              EventSink) override;

 private:
  std::shared_ptr<class DockerApi> api_;
};

}  // namespace cube::runtime
