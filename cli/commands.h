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
int service_create(const ServiceCreateOptions& options, Io& io);
int service_update(const ServiceUpdateOptions& options, Io& io);
int service_scale(const ServiceScaleOptions& options, Io& io);
int service_rollback(const ServiceRollbackOptions& options, Io& io);
int service_remove(const ServiceRemoveOptions& options, Io& io);
int service_show(const ServiceShowOptions& options, Io& io);
int service_logs(const ServiceLogsOptions& options, Io& io);
int plan(const PlanOptions& options, Io& io);
int apply(const ApplyOptions& options, Io& io);
int orchestrate(const OrchestrateOptions& options, Io& io);

// `cube node drain|pause|activate`
int set_availability(const NodeOptions& options, Io& io);

// --- What they share
// ------------------------------------------------------------------------------

// Prints "cube: " and the message as one line; returns the exit code that belongs to the error.
int fail(Io& io, const Error& error);
int fail(Io& io, int exit_code, std::string_view message);

// True for a manager that is away or not ready: the same question may be answered later.
bool may_pass(const Error& error);

// The task that `ref` means. Where it means several, the error lists them.
Result<Task> find_task(ManagerClient& client, std::string_view ref);

// The service that `ref` means. Where it means several, the error lists them.
Result<api::ServiceView> find_service(ManagerClient& client, std::string_view ref);

// The last lines that a task wrote, for people, if they can be had.
void print_log_tail(ManagerClient& client, Io& io, const Task& task);

// The node of `nodes` that `ref` means: exact name, worker's ID, or the beginning of either that
// only one has, as typed or else in any case. Where it means several, the error lists them.
Result<api::NodeView> node_meant(const std::vector<api::NodeView>& nodes, std::string_view ref);

// The worse of two exit codes of one command: the first that is not 0.
inline int worse(int a, int b) {
  return a != 0 ? a : b;
}

}  // namespace cube::cli
