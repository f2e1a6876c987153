#pragma once
// The command line as a whole: arguments in, exit code out.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/io.h"
#include "cli/options.h"

namespace cube::cli {

// The commands that are servers: made in cmd/, where the concrete shells are. Each runs until it is
// told to end and returns the exit code.
struct DaemonCommands {
  std::function<int(const ManagerOptions&)> manager;
  std::function<int(const WorkerOptions&)> worker;
  std::function<int(const DevOptions&)> dev;
  std::function<int(const IngressOptions&)> ingress;
};

// What main() calls: the process's own streams and environment. Never throws.
int run_app(int argc, char** argv, const DaemonCommands& daemons, std::string_view version);

// The same over any streams, for tests. `arguments` without the program's name.
int run_app(const std::vector<std::string>& arguments, Io& io, const DaemonCommands& daemons,
            std::string_view version);

}  // namespace cube::cli
