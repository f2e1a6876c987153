#pragma once
// From the command line's worker options to the worker shell's, shared by `cube worker` and
// `cube dev`.

#include <memory>

#include "cli/options.h"
#include "daemon/engine_claim.h"
#include "daemon/worker_daemon.h"
#include "runtime/docker_runtime.h"

namespace cube::cmd {

daemon::WorkerDaemonOptions worker_shell(const cli::WorkerOptions& options);

// How the worker of these options starts the guard of its lease.
daemon::GuardStart guard_of(const cli::WorkerOptions& options);

// The engine at `docker_host` (empty: the usual socket). It need not be there yet.
Result<std::unique_ptr<runtime::Runtime>> engine(http::Loop& loop, const std::string& docker_host);

// Held as long as the worker is there.
Result<daemon::EngineClaim> claim_of(const std::string& docker_host, const std::string& cluster,
                                     const std::string& name);

}  // namespace cube::cmd
