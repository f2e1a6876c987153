#pragma once
// The daemons, as commands: each makes its concrete shells, serves until SIGTERM or SIGINT, and
// returns the exit code (docs/cli.md). The only place where stores, engines and cores meet.

#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"

namespace cube::cmd {

int run_manager(const cli::ManagerOptions& options);
int run_worker(const cli::WorkerOptions& options);
int run_dev(const cli::DevOptions& options);
int run_ingress(const cli::IngressOptions& options);

// The guard of a worker's lease, which the worker starts: `cube worker-guard`, not for people.
inline constexpr std::string_view guard_command = "worker-guard";
int run_guard(const std::vector<std::string>& arguments);

}  // namespace cube::cmd
