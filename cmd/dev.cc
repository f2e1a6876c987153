#include <fmt/format.h>

#include "cmd/commands.h"
#include "cmd/ingress_parts.h"
#include "cmd/process.h"
#include "cmd/worker_parts.h"
#include "daemon/manager_daemon.h"
#include "daemon/notify.h"

namespace cube::cmd {
namespace {

cli::WorkerOptions worker_of(const cli::DevOptions& options) {
  cli::WorkerOptions worker;
  worker.host = options.host;
  worker.port = options.worker_port;
  worker.name = "dev";
  worker.cluster = "dev";
  worker.docker_host = options.docker_host;
  worker.data_dir = options.data_dir + "/worker";
  worker.log_format = options.log_format;
  worker.mount_dirs = options.mount_dirs;
  return worker;
}

}  // namespace

// One process, two cores: the manager talks to its worker over HTTP all the same, so that what is
// tried here is what runs elsewhere.
int run_dev(const cli::DevOptions& options) {
  DaemonProcess process;
  daemon::Log log(format_of(options.log_format), "dev");
  auto policy = scheduler::policy_from(options.scheduler);
  if (!policy) return could_not_start(log, policy.error());
  auto manager_store = open_store(options.dbtype, options.data_dir + "/manager", "manager");
  if (!manager_store) return could_not_start(log, manager_store.error());
  auto worker_store = open_store(options.dbtype, options.data_dir + "/worker", "worker");
  if (!worker_store) return could_not_start(log, worker_store.error());
  const auto worker_options = worker_of(options);
  const auto claim =
      claim_of(worker_options.docker_host, worker_options.cluster, worker_options.name);
  if (!claim) return could_not_start(log, claim.error());
  http::Loop loop;
  auto runtime = engine(loop, options.docker_host);
  if (!runtime) return could_not_start(log, runtime.error());
  loop.start();

  auto worker = daemon::WorkerDaemon::start(worker_shell(worker_options), **worker_store, **runtime,
                                            loop, log);
  if (!worker) {
    loop.stop();  // the engine's runtime may only go when nothing runs on the loop any more
    return could_not_start(log, worker.error());
  }
  daemon::ManagerDaemonOptions shell;
  shell.host = options.host;
  shell.port = options.port;
  shell.config.cluster = "dev";
  shell.config.policy = *policy;
  shell.config.workers = {fmt::format("{}:{}", options.host, (*worker)->port())};
  shell.config.version = CUBE_VERSION;
  auto manager = daemon::ManagerDaemon::start(std::move(shell), **manager_store, loop, log);
  if (!manager) {
    worker->reset();
    loop.stop();
    return could_not_start(log, manager.error());
  }

  auto ingress = start_inside(options.host, options.ingress_port, options.ingress_port_given,
                              **manager, loop, log);
  if (!ingress) {
    manager->reset();
    worker->reset();
    loop.stop();
    return could_not_start(log, ingress.error());
  }

  warn_when_exposed(log, options.host, (*manager)->port());
  log.info("dev.ready",
           fmt::format("cube {}: a manager on {}:{} and a worker on port {}; try: cube run --image "
                       "echo --port 7777 --name hi",
                       CUBE_VERSION, options.host, (*manager)->port(), (*worker)->port()));
  daemon::notify_service_manager("READY=1");
  const auto signal = process.wait_for_signal();
  log.info("dev.stopping", signal + "; the containers go on, and are found again next time");
  ingress->reset();
  manager->reset();
  worker->reset();
  loop.stop();
  return 0;
}

}  // namespace cube::cmd
