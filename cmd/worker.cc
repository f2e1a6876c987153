#include <fmt/format.h>

#include "cmd/commands.h"
#include "cmd/process.h"
#include "cmd/worker_parts.h"
#include "daemon/notify.h"
#include "runtime/host_stats.h"

namespace cube::cmd {

daemon::WorkerDaemonOptions worker_shell(const cli::WorkerOptions& options) {
  daemon::WorkerDaemonOptions shell;
  shell.host = options.host;
  shell.port = options.port;
  shell.join = options.join;
  shell.advertise = options.advertise;
  auto& config = shell.config;
  config.name = options.name;
  config.cluster = options.cluster;
  config.labels = options.labels;
  config.mount_dirs = options.mount_dirs;
  config.capacity = {options.cpu_milli.value_or(0), options.memory_bytes.value_or(0),
                     options.disk_bytes.value_or(0)};
  config.version = CUBE_VERSION;
  config.boot_id = runtime::read_boot_id();
  config.engine_operations_max = options.engine_parallel;
  config.forget_manager = options.forget_manager;
  shell.guard = guard_of(options);
  return shell;
}

Result<std::unique_ptr<runtime::Runtime>> engine(http::Loop& loop, const std::string& docker_host) {
  auto endpoint = runtime::docker_endpoint(docker_host);
  if (!endpoint) return std::move(endpoint).error();
  runtime::DockerOptions options;
  options.endpoint = std::move(*endpoint);
  return std::unique_ptr<runtime::Runtime>(
      std::make_unique<runtime::DockerRuntime>(loop, std::move(options)));
}

Result<daemon::EngineClaim> claim_of(const std::string& docker_host, const std::string& cluster,
                                     const std::string& name) {
  const auto endpoint = runtime::docker_endpoint(docker_host);
  if (!endpoint) return endpoint.error();
  return daemon::EngineClaim::take(endpoint->str(), cluster, name);
}

int run_worker(const cli::WorkerOptions& options) {
  DaemonProcess process;
  daemon::Log log(format_of(options.log_format), "worker");
  auto store = open_store(options.dbtype, options.data_dir, "worker");
  if (!store) return could_not_start(log, store.error());
  const auto claim = claim_of(options.docker_host, options.cluster, options.name);
  if (!claim) return could_not_start(log, claim.error());
  http::Loop loop;
  auto runtime = engine(loop, options.docker_host);
  if (!runtime) return could_not_start(log, runtime.error());
  loop.start();
  auto worker = daemon::WorkerDaemon::start(worker_shell(options), **store, **runtime, loop, log);
  if (!worker) {
    loop.stop();  // the engine's runtime may only go when nothing runs on the loop any more
    return could_not_start(log, worker.error());
  }

  warn_when_exposed(log, options.host, (*worker)->port());
  log.info("worker.ready",
           fmt::format("cube {}: {} listens on {}:{}; cluster {}, {}", CUBE_VERSION, options.name,
                       options.host, (*worker)->port(), options.cluster,
                       options.dbtype == "memory" ? "store in memory: all is forgotten at the end"
                                                  : "store in " + options.data_dir));
  daemon::notify_service_manager("READY=1");
  const auto signal = process.wait_for_signal();
  daemon::notify_service_manager("STOPPING=1");
  log.info("worker.stopping", signal + "; the containers go on without me");
  worker->reset();
  loop.stop();
  return 0;
}

}  // namespace cube::cmd
