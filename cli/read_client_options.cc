// The flags of the commands that ask a manager.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/draft.h"
#include "cli/help.h"

namespace cube::cli {

Result<Address> manager_of(const Draft& draft, const Surroundings& around) {
  if (draft.has("manager")) return address_of("manager", draft.text("manager"), 5555);
  const std::string env = around.env("CUBE_MANAGER").value_or("");
  if (env.empty()) return Address{};
  auto address = address_of("manager", env, 5555);
  if (address.ok()) return address;
  return Error{Code::invalid, fmt::format("CUBE_MANAGER: `{}` is not an address such as "
                                          "localhost:5555",
                                          printable(env))};
}

OutputFormat output_of(const Draft& draft) {
  const std::string text = draft.text("output", "table");
  if (text == "wide") return OutputFormat::wide;
  if (text == "json") return OutputFormat::json;
  if (text == "name") return OutputFormat::name;
  return OutputFormat::table;
}

Error missing(std::string_view command, std::string_view what) {
  return {Code::invalid,
          fmt::format("`cube {}` needs {}; `cube help {}` tells more", command, what, command)};
}

Result<void> check_refs(const Draft& draft) {
  for (const std::string& ref : draft.rest)
    if (ref.empty()) return Error{Code::invalid, "an empty argument names nothing"};
  return {};
}

Result<Duration> timeout_of(const Draft& draft, Duration fallback) {
  if (!draft.has("timeout")) return fallback;
  return duration_of("timeout", draft.text("timeout"));
}

namespace {

// The first flag that only makes sense with --image; empty when there is none.
std::string quick_flag_given(const Draft& draft) {
  for (const char* flag : {"name", "cpu", "memory", "disk", "restart", "health", "user", "workdir",
                           "pull", "platform"})
    if (draft.has(flag)) return flag;
  for (const char* flag : {"port", "env", "label", "mount", "constraint"})
    if (!draft.list(flag).empty()) return flag;
  if (draft.on("exclusive")) return "exclusive";
  return "";
}

}  // namespace

QuickTask quick_task_of(const Draft& draft) {
  QuickTask q;
  q.image = draft.text("image");
  q.name = draft.text("name");
  q.cpu = draft.text("cpu");
  q.memory = draft.text("memory");
  q.disk = draft.text("disk");
  q.restart = draft.text("restart");
  q.health = draft.text("health");
  q.user = draft.text("user");
  q.working_dir = draft.text("workdir");
  q.pull = draft.text("pull");
  q.platform = draft.text("platform");
  q.exclusive = draft.on("exclusive");
  q.ports = draft.list("port");
  q.env = draft.list("env");
  q.labels = draft.list("label");
  q.mounts = draft.list("mount");
  q.constraints = draft.list("constraint");
  q.command = draft.rest;
  return q;
}

Result<void> read_log_range(const Draft& draft, std::string& since,
                            std::optional<std::uint64_t>& tail) {
  since = draft.text("since");
  if (draft.has("since") && !parse_duration(since).ok() && !parse_time(since).ok())
    return Error{Code::invalid, fmt::format("--since: `{}` is neither a duration (10m) nor a time "
                                            "(2026-01-02T03:04:05Z)",
                                            printable(since))};
  if (!draft.has("tail") || draft.text("tail") == "all") return {};
  const auto lines = count_of("tail", draft.text("tail"));
  CUBE_TRY(lines);
  tail = *lines;
  return {};
}

Result<Invocation> read_run(const Draft& draft, const Surroundings& around) {
  RunOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  o.manager = *manager;
  o.files = draft.list("filename");
  o.quick = quick_task_of(draft);
  if (draft.has("image") && o.quick.image.empty())
    return Error{Code::invalid, "--image: must not be empty"};
  if (!o.quick.image.empty() && !o.files.empty())
    return Error{Code::invalid, "--image and --filename exclude each other"};
  if (o.quick.image.empty()) {
    if (const std::string flag = quick_flag_given(draft); !flag.empty())
      return Error{Code::invalid, fmt::format("--{} needs --image", flag)};
    if (!draft.rest.empty())
      return Error{Code::invalid, fmt::format("`cube run` takes no argument `{0}` without --image; "
                                              "did you mean `-f {0}`?",
                                              printable(draft.rest.front()))};
    if (o.files.empty()) o.files.push_back("task.json");
  }
  o.detach = draft.on("detach");
  o.quiet = draft.on("quiet");
  const auto timeout = timeout_of(draft, o.timeout);
  CUBE_TRY(timeout);
  o.timeout = *timeout;
  return Invocation(o);
}

Result<Invocation> read_stop(const Draft& draft, const Surroundings& around) {
  StopOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  CUBE_TRY(check_refs(draft));
  o.manager = *manager;
  o.refs = draft.rest;
  if (o.refs.empty()) return missing("stop", "the name or ID of a task");
  o.detach = draft.on("detach");
  const auto timeout = timeout_of(draft, o.timeout);
  CUBE_TRY(timeout);
  o.timeout = *timeout;
  return Invocation(o);
}

Result<Invocation> read_status(const Draft& draft, const Surroundings& around) {
  StatusOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  CUBE_TRY(check_refs(draft));
  o.manager = *manager;
  o.refs = draft.rest;
  o.output = output_of(draft);
  o.quiet = draft.on("quiet");
  o.no_trunc = draft.on("no-trunc");
  o.watch = draft.on("watch");
  return Invocation(o);
}

namespace {

std::optional<NodeOptions::Action> node_action(std::string_view verb) {
  using Action = NodeOptions::Action;
  if (verb == "ls") return Action::list;
  if (verb == "forget") return Action::forget;
  if (verb == "drain") return Action::drain;
  if (verb == "pause") return Action::pause;
  if (verb == "activate") return Action::activate;
  return std::nullopt;
}

}  // namespace

Result<Invocation> read_node(const Draft& draft, const Surroundings& around) {
  NodeOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  CUBE_TRY(check_refs(draft));
  o.manager = *manager;
  o.names = draft.rest;
  if (!o.names.empty()) {
    const std::string verb = o.names.front();
    const auto action = node_action(verb);
    o.action = action.value_or(o.action);
    if (action) o.names.erase(o.names.begin());
    if (o.action != NodeOptions::Action::list && o.names.empty())
      return missing("node " + verb, "the name of a node");
  }
  o.output = output_of(draft);
  o.quiet = draft.on("quiet");
  o.no_trunc = draft.on("no-trunc");
  o.watch = draft.on("watch");
  o.yes = draft.on("yes");
  o.wait = draft.on("wait");
  const auto timeout = timeout_of(draft, o.timeout);
  CUBE_TRY(timeout);
  o.timeout = *timeout;
  if (o.watch && o.action != NodeOptions::Action::list)
    return Error{Code::invalid,
                 fmt::format("--watch and `{}` exclude each other", draft.rest.front())};
  if (o.wait && o.action != NodeOptions::Action::drain)
    return Error{Code::invalid, "--wait is for `cube node drain`"};
  return Invocation(o);
}

Result<Invocation> read_inspect(const Draft& draft, const Surroundings& around) {
  InspectOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  CUBE_TRY(check_refs(draft));
  o.manager = *manager;
  o.refs = draft.rest;
  if (draft.has("type"))
    o.type = draft.text("type") == "node" ? InspectOptions::Type::node : InspectOptions::Type::task;
  if (o.refs.empty()) return missing("inspect", "the name or ID of a task or node");
  return Invocation(o);
}

Result<Invocation> read_logs(const Draft& draft, const Surroundings& around) {
  LogsOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  CUBE_TRY(check_refs(draft));
  o.manager = *manager;
  if (draft.rest.size() != 1) return missing("logs", "the name or ID of one task");
  o.ref = draft.rest.front();
  o.follow = draft.on("follow");
  o.timestamps = draft.on("timestamps");
  CUBE_TRY(read_log_range(draft, o.since, o.tail));
  return Invocation(o);
}

Result<Invocation> read_events(const Draft& draft, const Surroundings& around) {
  EventsOptions o;
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  o.manager = *manager;
  o.output = output_of(draft);
  o.follow = draft.on("follow");
  o.since = draft.text("since");
  return Invocation(o);
}

Result<Invocation> read_options(std::string_view command, const Draft& draft,
                                const Surroundings& around) {
  if (is_for_services(command)) return read_for_services(command, draft, around);
  if (command == "manager") return read_manager(draft, around);
  if (command == "worker") return read_worker(draft, around);
  if (command == "dev") return read_dev(draft, around);
  if (command == "ingress") return read_ingress(draft, around);
  if (command == "run") return read_run(draft, around);
  if (command == "stop") return read_stop(draft, around);
  if (command == "status") return read_status(draft, around);
  if (command == "node") return read_node(draft, around);
  if (command == "inspect") return read_inspect(draft, around);
  if (command == "logs") return read_logs(draft, around);
  if (command == "events") return read_events(draft, around);
  if (command == "version") return Invocation(VersionOptions{});
  if (command == "help") {
    const bool of_group = draft.rest.size() == 2 && find_group(draft.rest.front()) != nullptr;
    if (draft.rest.size() > 1 && !of_group)
      return Error{Code::invalid, "`cube help` takes one topic"};
    return Invocation(HelpOptions{join(draft.rest, " ")});
  }
  CUBE_ASSERT(command == "completion");
  if (draft.rest.size() != 1) return missing("completion", "one shell: bash, zsh or fish");
  const std::string& shell = draft.rest.front();
  if (shell != "bash" && shell != "zsh" && shell != "fish")
    return Error{Code::invalid,
                 fmt::format("no completion for `{}`; there is bash, zsh, fish", printable(shell))};
  return Invocation(CompletionOptions{shell});
}

}  // namespace cube::cli
