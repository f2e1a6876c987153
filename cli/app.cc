#include "cli/app.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <set>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/exit_codes.h"
#include "cli/help.h"

namespace cube::cli {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  // Left without an end when it is longer.
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// One call per kind of Invocation.
struct Performer {
  Io& io;
  const DaemonCommands& daemons;
  std::string_view version;

  int operator()(const ManagerOptions& o) const { return daemons.manager(o); }
  int operator()(const WorkerOptions& o) const { return daemons.worker(o); }
  int operator()(const DevOptions& o) const { return daemons.dev(o); }
  int operator()(const IngressOptions& o) const { return daemons.ingress(o); }
  int operator()(const RunOptions& o) const { return run(o, io); }
  int operator()(const StopOptions& o) const { return stop(o, io); }
  int operator()(const StatusOptions& o) const { return status(o, io); }
  int operator()(const NodeOptions& o) const { return node(o, io); }
  int operator()(const InspectOptions& o) const { return inspect(o, io); }
  int operator()(const LogsOptions& o) const { return logs(o, io); }
  int operator()(const EventsOptions& o) const { return events(o, io); }
  int operator()(const ServiceCreateOptions& o) const { return service_create(o, io); }
  int operator()(const ServiceUpdateOptions& o) const { return service_update(o, io); }
  int operator()(const ServiceScaleOptions& o) const { return service_scale(o, io); }
  int operator()(const ServiceRollbackOptions& o) const { return service_rollback(o, io); }
  int operator()(const ServiceRemoveOptions& o) const { return service_remove(o, io); }
  int operator()(const ServiceShowOptions& o) const { return service_show(o, io); }
  int operator()(const ServiceLogsOptions& o) const { return service_logs(o, io); }
  int operator()(const PlanOptions& o) const { return plan(o, io); }
  int operator()(const ApplyOptions& o) const { return apply(o, io); }
  int operator()(const OrchestrateOptions& o) const { return orchestrate(o, io); }
  int operator()(const CompletionOptions& o) const { return print(completion_script(o.shell)); }
  int operator()(const VersionOptions&) const { return print(fmt::format("cube {}\n", version)); }
  int operator()(const HelpOptions& o) const {
    const auto text = help_on(o.topic);
    return text.ok() ? print(*text) : fail(io, exit_usage, text.error().message);
  }

 private:
  int print(std::string_view text) const {
    io.out << text << std::flush;
    return exit_fine;
  }
};

int perform(const std::vector<std::string>& arguments, Io& io, const DaemonCommands& daemons,
            std::string_view version) {
  try {
    const Surroundings around{io.env, host_name(), geteuid() == 0};
    const auto parsed = parse_arguments(arguments, around);
    if (const auto* ending = std::get_if<Ending>(&parsed)) {
      io.out << ending->out << std::flush;
      io.err << ending->err << std::flush;
      return ending->code;
    }
    return std::visit(Performer{io, daemons, version}, std::get<Invocation>(parsed));
  } catch (const std::exception& error) {
    return fail(io, exit_failed, fmt::format("internal error: {}", error.what()));
  }
}

// A reader that has seen enough (`cube status | head -1`) is no failure; lost output is.
int check_output(Io& io, int code) {
  io.out.flush();
  const int error = io.out_error ? io.out_error() : 0;
  if (error == 0 || error == EPIPE) return code;
  return worse(code, fail(io, exit_failed,
                          fmt::format("cannot write the output: {}", std::strerror(error))));
}

// Those that wait for something that goes on without them, and say so when interrupted.
bool waits(const std::vector<std::string>& arguments) {
  static const std::set<std::string, std::less<>> commands{
      "run",        "stop",           "apply",         "orchestrate",
      "node drain", "service create", "service scale", "service rollback",
      "service rm", "service update"};
  if (arguments.empty()) return false;
  if (commands.contains(arguments.front())) return true;
  return std::ranges::any_of(arguments, [&](const std::string& word) {
    return commands.contains(arguments.front() + " " + word);
  });
}

}  // namespace

int run_app(const std::vector<std::string>& arguments, Io& io, const DaemonCommands& daemons,
            std::string_view version) {
  return check_output(io, perform(arguments, io, daemons, version));
}

int run_app(int argc, char** argv, const DaemonCommands& daemons, std::string_view version) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  Io io = process_io();
  if (waits(arguments)) catch_interrupts();
  return run_app(arguments, io, daemons, version);
}

}  // namespace cube::cli
