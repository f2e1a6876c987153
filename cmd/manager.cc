#include <fmt/format.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/ingress_parts.h"
#include "cmd/process.h"
#include "daemon/manager_daemon.h"
#include "daemon/notify.h"

namespace cube::cmd {

int run_manager(const cli::ManagerOptions& options) {
  DaemonProcess process;
  daemon::Log log(format_of(options.log_format), "manager");

  daemon::ManagerDaemonOptions shell;
  shell.host = options.host;
  shell.port = options.port;
  shell.config.cluster = options.cluster;
  shell.config.workers = options.workers;
  shell.config.node_deadline = options.node_deadline;
  shell.config.version = CUBE_VERSION;
  auto policy = scheduler::policy_from(options.scheduler);
  if (!policy) return could_not_start(log, policy.error());
  shell.config.policy = *policy;

  auto store = open_store(options.dbtype, options.data_dir, "manager");
  if (!store) return could_not_start(log, store.error());
  http::Loop loop;
  loop.start();
  auto manager = daemon::ManagerDaemon::start(std::move(shell), **store, loop, log);
  if (!manager) return could_not_start(log, manager.error());

  auto ingress = start_inside(options.host, options.ingress_port, options.ingress_port_given,
                              **manager, loop, log);
  if (!ingress) return could_not_start(log, ingress.error());

  warn_when_exposed(log, options.host, (*manager)->port());
  log.info("manager.ready",
           fmt::format("cube {} listens on {}:{}; cluster {}, placement by {}, {}", CUBE_VERSION,
                       options.host, (*manager)->port(), options.cluster, options.scheduler,
                       options.dbtype == "memory" ? "store in memory: all is forgotten at the end"
                                                  : "store in " + options.data_dir));
  daemon::notify_service_manager("READY=1");
  const auto signal = process.wait_for_signal();
  daemon::notify_service_manager("STOPPING=1");
  log.info("manager.stopping", signal + "; the tasks go on without me");
  ingress->reset();
  return 0;
}

}  // namespace cube::cmd
