#pragma once
// The commands that ask a manager. Each writes results to io.out, everything else to io.err, and
// returns the exit code.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/io.h"
#include "cli/manager_client.h"
#include "cli/options.h"

namespace cube::cli {

int run(const RunOptions& options, Io& io);
int stop(const StopOptions& options, Io& io);
int status(const StatusOptions& options, Io& io);
int node(const NodeOptions& options, Io& io);
int inspect(const InspectOptions& options, Io& io);
int logs(const LogsOptions& options, Io& io);
int events(const EventsOptions& options, Io& io);

// --- What they share
// ------------------------------------------------------------------------------

// Prints "cube: " and the message as one line; returns the exit code that belongs to the error.
int fail(Io& io, const Error& error);
int fail(Io& io, int exit_code, std::string_view message);

// True for a manager that is away or not ready: the same question may be answered later.
bool may_pass(const Error& error);

// The task that `ref` means. Where it means several, the error lists them.
Result<Task> find_task(ManagerClient& client, std::string_view ref);

// The node of `nodes` that `ref` means: exact name, worker's ID, or the beginning of either that
// only one has, as typed or else in any case. Where it means several, the error lists them.
Result<api::NodeView> node_meant(const std::vector<api::NodeView>& nodes, std::string_view ref);

// The worse of two exit codes of one command: the first that is not 0.
inline int worse(int a, int b) {
  return a != 0 ? a : b;
}

}  // namespace cube::cli
