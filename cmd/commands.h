#pragma once
// The daemons, as commands: each makes its concrete shells, serves until SIGTERM or SIGINT, and
// returns the exit code (docs/cli.md). The only place where stores, engines and cores meet.

#include "cli/options.h"

namespace cube::cmd {

int run_manager(const cli::ManagerOptions& options);
int run_worker(const cli::WorkerOptions& options);
int run_dev(const cli::DevOptions& options);

}  // namespace cube::cmd
