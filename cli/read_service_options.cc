// The flags of the commands for services.

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "cli/draft.h"

namespace cube::cli {
namespace {

constexpr std::uint64_t kCountMax = std::numeric_limits<std::uint32_t>::max();

Result<std::uint32_t> small_count_of(std::string_view flag, std::string_view text) {
  const auto count = count_of(flag, text);
  CUBE_TRY(count);
  if (*count > kCountMax)
    return Error{Code::invalid, fmt::format("--{}: {} is too many", flag, *count)};
  return static_cast<std::uint32_t>(*count);
}

Result<void> set(const Draft& draft, std::string_view flag, std::optional<std::uint32_t>& out) {
  if (!draft.has(flag)) return {};
  const auto count = small_count_of(flag, draft.text(flag));
  CUBE_TRY(count);
  out = *count;
  return {};
}

Result<void> set(const Draft& draft, std::string_view flag, std::optional<Duration>& out) {
  if (!draft.has(flag)) return {};
  const auto duration = duration_of(flag, draft.text(flag));
  CUBE_TRY(duration);
  out = *duration;
  return {};
}

void set(const Draft& draft, std::string_view flag, std::optional<std::string>& out) {
  if (draft.has(flag)) out = draft.text(flag);
}

Result<QuickService> quick_service_of(const Draft& draft) {
  QuickService q;
  q.task = quick_task_of(draft);
  q.global = draft.on("global");
  CUBE_TRY(set(draft, "replicas", q.replicas));
  CUBE_TRY(set(draft, "parallelism", q.parallelism));
  CUBE_TRY(set(draft, "max-per-node", q.max_per_node));
  CUBE_TRY(set(draft, "min", q.min));
  CUBE_TRY(set(draft, "max", q.max));
  CUBE_TRY(set(draft, "delay", q.delay));
  CUBE_TRY(set(draft, "monitor", q.monitor));
  CUBE_TRY(set(draft, "deadline", q.deadline));
  CUBE_TRY(set(draft, "drain", q.drain));
  set(draft, "order", q.order);
  set(draft, "on-failure", q.on_failure);
  set(draft, "autoscale", q.autoscale);
  set(draft, "path", q.path);
  set(draft, "balance", q.balance);
  set(draft, "spread", q.spread);
  q.hosts = draft.list("host");
  q.env_rm = draft.list("env-rm");
  q.label_rm = draft.list("label-rm");
  return q;
}

// The first flag that describes a service; empty when there is none.
std::string described_by(const Draft& draft) {
  static constexpr std::string_view others[] = {
      "manager", "filename", "detach", "timeout", "quiet", "if-version",
  };
  const auto counts = [](std::string_view flag) {
    for (const std::string_view other : others)
      if (flag == other) return false;
    return true;
  };
  for (const auto& [flag, value] : draft.texts)
    if (counts(flag)) return flag;
  for (const auto& [flag, values] : draft.lists)
    if (counts(flag) && !values.empty()) return flag;
  for (const std::string& flag : draft.toggles)
    if (counts(flag)) return flag;
  return "";
}

Result<Waiting> waiting_of(const Draft& draft) {
  Waiting waiting;
  waiting.detach = draft.on("detach");
  waiting.quiet = draft.on("quiet");
  const auto timeout = timeout_of(draft, waiting.timeout);
  CUBE_TRY(timeout);
  waiting.timeout = *timeout;
  return waiting;
}

Result<std::optional<std::uint64_t>> if_version_of(const Draft& draft) {
  if (!draft.has("if-version")) return std::optional<std::uint64_t>();
  const auto version = count_of("if-version", draft.text("if-version"));
  CUBE_TRY(version);
  return std::optional(*version);
}

// Two lists of files on standard input would be read as one.
Result<void> check_files(const std::vector<std::string>& files) {
  if (std::ranges::count(files, "-") > 1)
    return Error{Code::invalid, "--filename: standard input (`-`) is given twice"};
  return {};
}

// What all of them have: the manager, operands that are not empty, and how to wait.
template <class Options>
Result<void> read_common(const Draft& draft, const Surroundings& around, Options& o) {
  auto manager = manager_of(draft, around);
  CUBE_TRY(manager);
  o.manager = *manager;
  CUBE_TRY(check_refs(draft));
  if constexpr (requires { o.waiting; }) {
    const auto waiting = waiting_of(draft);
    CUBE_TRY(waiting);
    o.waiting = *waiting;
  }
  if constexpr (requires { o.files; }) {
    o.files = draft.list("filename");
    CUBE_TRY(check_files(o.files));
  }
  return {};
}

Result<Invocation> read_create(const Draft& draft, const Surroundings& around) {
  ServiceCreateOptions o;
  CUBE_TRY(read_common(draft, around, o));
  auto quick = quick_service_of(draft);
  CUBE_TRY(quick);
  o.quick = *std::move(quick);
  const bool has_image = !o.quick.task.image.empty();
  if (draft.has("image") && !has_image) return Error{Code::invalid, "--image: must not be empty"};
  if (has_image && !o.files.empty())
    return Error{Code::invalid, "--image and --filename exclude each other"};
  if (has_image) return Invocation(o);
  if (const std::string flag = described_by(draft); !flag.empty())
    return Error{Code::invalid, fmt::format("--{} needs --image", flag)};
  if (!draft.rest.empty())
    return Error{Code::invalid, fmt::format("`cube service create` takes no argument `{0}` without "
                                            "--image; did you mean `-f {0}`?",
                                            printable(draft.rest.front()))};
  if (o.files.empty()) return missing("service create", "-f FILE or --image IMAGE");
  return Invocation(o);
}

Result<Invocation> read_update(const Draft& draft, const Surroundings& around) {
  ServiceUpdateOptions o;
  CUBE_TRY(read_common(draft, around, o));
  auto quick = quick_service_of(draft);
  CUBE_TRY(quick);
  o.quick = *std::move(quick);
  o.quick.task.command.clear();  // the operand is the service
  const auto version = if_version_of(draft);
  CUBE_TRY(version);
  o.if_version = *version;
  for (const char* name : {"image", "cpu", "memory", "health", "user"})
    if (draft.has(name) && draft.text(name).empty())
      return Error{Code::invalid, fmt::format("--{}: must not be empty", name)};
  const std::string flag = described_by(draft);
  if (!o.files.empty()) {
    if (!flag.empty())
      return Error{Code::invalid, fmt::format("--{} and --filename exclude each other", flag)};
    if (!draft.rest.empty())
      return Error{Code::invalid, "with --filename the files name the services"};
    if (o.if_version && o.files.size() > 1)
      return Error{Code::invalid, "--if-version is for one file"};
    return Invocation(o);
  }
  if (draft.rest.size() != 1)
    return missing("service update", "the name of one service, or -f FILE");
  if (flag.empty()) return missing("service update", "a flag that says what to change");
  o.ref = draft.rest.front();
  return Invocation(o);
}

// "web=5"
Result<ServiceScaleOptions::Wanted> wanted_of(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  const Error error{Code::invalid,
                    fmt::format("`{}` is not SERVICE=N, such as web=5", printable(text))};
  if (equals == std::string::npos || equals == 0) return error;
  const auto count = small_count_of("replicas", std::string_view(text).substr(equals + 1));
  if (!count.ok()) return error;
  return ServiceScaleOptions::Wanted{text.substr(0, equals), *count};
}

Result<Invocation> read_scale(const Draft& draft, const Surroundings& around) {
  ServiceScaleOptions o;
  CUBE_TRY(read_common(draft, around, o));
  if (draft.rest.empty()) return missing("service scale", "SERVICE=N, such as web=5");
  for (const std::string& text : draft.rest) {
    auto wanted = wanted_of(text);
    CUBE_TRY(wanted);
    o.wanted.push_back(*std::move(wanted));
  }
  return Invocation(o);
}

Result<Invocation> read_rollback(const Draft& draft, const Surroundings& around) {
  ServiceRollbackOptions o;
  CUBE_TRY(read_common(draft, around, o));
  if (draft.rest.size() != 1) return missing("service rollback", "the name of one service");
  o.ref = draft.rest.front();
  const auto version = if_version_of(draft);
  CUBE_TRY(version);
  o.if_version = *version;
  return Invocation(o);
}

Result<Invocation> read_remove(const Draft& draft, const Surroundings& around) {
  ServiceRemoveOptions o;
  CUBE_TRY(read_common(draft, around, o));
  if (draft.rest.empty()) return missing("service rm", "the name of a service");
  o.refs = draft.rest;
  o.wait = draft.on("wait");
  const auto timeout = timeout_of(draft, o.timeout);
  CUBE_TRY(timeout);
  o.timeout = *timeout;
  return Invocation(o);
}

Result<Invocation> read_show(const Draft& draft, const Surroundings& around,
                             ServiceShowOptions::What what) {
  ServiceShowOptions o;
  CUBE_TRY(read_common(draft, around, o));
  o.what = what;
  o.refs = draft.rest;
  const bool is_inspect = what == ServiceShowOptions::What::inspect;
  if (o.refs.empty() && what != ServiceShowOptions::What::list)
    return missing(is_inspect ? "service inspect" : "service ps", "the name of a service");
  o.output = is_inspect && !draft.has("output") ? OutputFormat::json : output_of(draft);
  o.quiet = draft.on("quiet");
  o.no_trunc = draft.on("no-trunc");
  o.watch = draft.on("watch");
  o.history = draft.on("history");
  o.all = draft.on("all");
  if (o.history && (o.quiet || draft.has("output")))
    return Error{Code::invalid, "--history is JSON: neither --output nor --quiet goes with it"};
  return Invocation(o);
}

Result<Invocation> read_service_logs(const Draft& draft, const Surroundings& around) {
  ServiceLogsOptions o;
  CUBE_TRY(read_common(draft, around, o));
  if (draft.rest.size() != 1) return missing("service logs", "the name of one service");
  o.ref = draft.rest.front();
  o.follow = draft.on("follow");
  o.timestamps = draft.on("timestamps");
  CUBE_TRY(read_log_range(draft, o.since, o.tail));
  return Invocation(o);
}

template <class Options>
Result<Invocation> read_files(const Draft& draft, const Surroundings& around,
                              std::string_view command) {
  Options o;
  CUBE_TRY(read_common(draft, around, o));
  if (o.files.empty()) return missing(command, "-f FILE");
  return Invocation(o);
}

Result<Invocation> read_orchestrate(const Draft& draft, const Surroundings& around) {
  OrchestrateOptions o;
  CUBE_TRY(read_common(draft, around, o));
  o.file = draft.text("filename", "config.json");
  return Invocation(o);
}

}  // namespace

bool is_for_services(std::string_view command) {
  return command.starts_with("service ") || command == "plan" || command == "apply" ||
         command == "orchestrate";
}

Result<Invocation> read_for_services(std::string_view command, const Draft& draft,
                                     const Surroundings& around) {
  using What = ServiceShowOptions::What;
  if (command == "service create") return read_create(draft, around);
  if (command == "service ls") return read_show(draft, around, What::list);
  if (command == "service ps") return read_show(draft, around, What::tasks);
  if (command == "service inspect") return read_show(draft, around, What::inspect);
  if (command == "service scale") return read_scale(draft, around);
  if (command == "service update") return read_update(draft, around);
  if (command == "service rollback") return read_rollback(draft, around);
  if (command == "service logs") return read_service_logs(draft, around);
  if (command == "service rm") return read_remove(draft, around);
  if (command == "plan") return read_files<PlanOptions>(draft, around, command);
  if (command == "apply") return read_files<ApplyOptions>(draft, around, command);
  CUBE_ASSERT(command == "orchestrate");
  return read_orchestrate(draft, around);
}

}  // namespace cube::cli
