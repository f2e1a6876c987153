#include <fmt/format.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/ingress_parts.h"
#include "cmd/process.h"
#include "daemon/notify.h"

namespace cube::cmd {

int run_ingress(const cli::IngressOptions& options) {
  DaemonProcess process;
  daemon::Log log(format_of(options.log_format), "ingress");
  http::Loop loop;
  loop.start();
  IngressStart start;
  start.managers = options.managers;
  start.host = options.host;
  start.port = options.port;
  start.metrics_host = options.metrics_host;
  start.metrics_port = options.metrics_port;
  start.share_port = options.share_port;
  start.connections_max = options.connections_max;
  start.access_log = options.access_log;
  start.drain = options.drain;
  auto part = IngressPart::start(start, loop, log);
  if (!part) return could_not_start(log, part.error());
  log.info("ingress.ready",
           fmt::format("cube {} listens on {}:{}; routes from {}", CUBE_VERSION, options.host,
                       (*part)->port(), join(options.managers, ", ")));
  daemon::notify_service_manager("READY=1");
  const auto signal = process.wait_for_signal();
  daemon::notify_service_manager("STOPPING=1");
  log.info("ingress.stopping", signal + "; requests under way are brought to their end");
  part->reset();
  loop.stop();
  return 0;
}

}  // namespace cube::cmd
