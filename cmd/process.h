#pragma once
// What every daemon process does around its shells: signals, limits, the store, the last words.

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/options.h"
#include "daemon/log.h"
#include "store/store.h"

namespace cube::cmd {

// Make one first thing in main's thread: every later thread inherits its signal mask.
class DaemonProcess {
 public:
  DaemonProcess();
  // The start is over. Blocks until SIGTERM or SIGINT; returns its name.
  std::string wait_for_signal();
};

daemon::Log::Format format_of(cli::LogFormat format);

// `dbtype` is "persistent" (LMDB under `data_dir`) or "memory".
Result<std::unique_ptr<store::Store>> open_store(const std::string& dbtype,
                                                 const std::string& data_dir,
                                                 const std::string& role);

// Says so when others than this machine can reach the port: nothing protects it yet.
void warn_when_exposed(daemon::Log& log, const std::string& host, std::uint16_t port);

// Logs the error and returns the exit code of a daemon that could not start.
int could_not_start(daemon::Log& log, const Error& error);

}  // namespace cube::cmd
