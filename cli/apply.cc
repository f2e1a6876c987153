// `cube plan`, `cube apply` and `cube orchestrate`: services as files say.

#include <fmt/format.h>

#include <functional>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/orchestrate.h"
#include "cli/plan.h"
#include "cli/service_file.h"
#include "cli/service_wait.h"

namespace cube::cli {
namespace {

using Action = Plan::Action;

// How what is said of a service reads to who wrote the file.
using Retell = std::function<Error(Error)>;
Error as_it_is(Error error) {
  return error;
}

// What the manager would say to it.
Result<void> check_change(const FileService& item, const api::ServiceView& present) {
  if (present.status.state == "removing") {
    return Error{Code::conflict,
                 fmt::format("service {0} is being removed; `cube service rm --wait {0}` ends when "
                             "it is gone",
                             item.spec.name)};
  }
  if (item.spec.global == present.spec.global) return {};
  return Error{Code::conflict, "Global: cannot be changed; remove the service and create it anew"};
}

// Asks what is there.
Result<Plan> plan_of(const FileService& item, ManagerClient& client) {
  const auto present = client.service(item.spec.name);
  // A name may look like the beginning of another's ID.
  if (present.ok() && present->spec.name == item.spec.name) {
    const auto possible = check_change(item, *present);
    if (!possible.ok()) return Error(possible.error()).in(item.source);
    return plan_for(item.spec, &*present);
  }
  if (present.ok()) {
    // Another one.
  } else if (present.error().code != Code::not_found && present.error().code != Code::conflict) {
    return present.error();
  }
  return plan_for(item.spec, nullptr);
}

// All of them, looked at before anything changes: what the manager would refuse is told here.
Result<std::vector<Plan>> plans_of(const std::vector<FileService>& all, ManagerClient& client,
                                   const Retell& retell, int& exit_code) {
  std::vector<Plan> plans;
  for (const FileService& item : all) {
    auto plan = plan_of(item, client);
    if (!plan.ok()) {
      exit_code = exit_for(plan.error().code);
      return std::move(plan).error();
    }
    plans.push_back(*std::move(plan));
  }
  auto present = client.services();
  if (!present.ok()) {
    exit_code = exit_for(present.error().code);
    return std::move(present).error();
  }
  auto collision = find_collision(plans, *std::move(present));
  if (!collision) return plans;
  // Two of the files' own: what the user wrote is wrong.
  exit_code = collision->in_files ? exit_usage : exit_for(collision->error.code);
  return retell(std::move(collision->error)).in(all[collision->index].source);
}

// What becomes of one service, indented below its name. `verb` is "is" or "would be".
std::string text_of(const Plan& plan, std::string_view verb) {
  std::string text;
  switch (plan.action) {
    case Action::nothing:
      return fmt::format("= {}: nothing changes\n", plan.spec.name);
    case Action::create:
      text = fmt::format("+ {} {} created\n", plan.spec.name, verb);
      break;
    case Action::update:
      text = fmt::format("~ {} {} updated: {}\n", plan.spec.name, verb, plan.consequence);
      break;
  }
  for (const std::string& line : plan.lines) text += "    " + printable(line) + "\n";
  return text;
}

Result<api::ServiceView> carry_out(const Plan& plan, ManagerClient& client) {
  switch (plan.action) {
    case Action::nothing:
      return client.service(plan.spec.name);
    case Action::create:
      return client.create_service(plan.spec);
    case Action::update:
      return client.update_service(plan.spec.name, plan.spec, plan.version);
  }
  CUBE_UNREACHABLE();
}

std::string_view word_for(Action action) {
  switch (action) {
    case Action::nothing:
      return "as it should be";
    case Action::create:
      return "created";
    case Action::update:
      return "being updated";
  }
  CUBE_UNREACHABLE();
}

int apply_all(const std::vector<FileService>& all, const Address& manager, const Waiting& waiting,
              Io& io, const Retell& retell = as_it_is) {
  ManagerClient client(manager);
  ServiceWait waits(client, io, waiting);
  int code = exit_fine;
  const auto plans = plans_of(all, client, retell, code);
  if (!plans.ok()) return fail(io, code, plans.error().message);
  for (std::size_t i = 0; i < plans->size(); ++i) {
    const Plan& plan = (*plans)[i];
    const auto done = carry_out(plan, client);
    if (done.ok()) {
      if (!waiting.quiet) io.err << text_of(plan, "is") << std::flush;
      waits.add(*done, word_for(plan.action));
    } else {
      code = worse(code, fail(io, retell(done.error()).in(all[i].source)));
    }
    if (code == exit_unreachable) break;  // the next would say the same
  }
  return worse(code, waits.finish());
}

}  // namespace

int plan(const PlanOptions& options, Io& io) {
  const auto all = read_services(options.files, io.in);
  if (!all.ok()) return fail(io, exit_usage, all.error().message);
  ManagerClient client(options.manager);
  int code = exit_fine;
  const auto plans = plans_of(*all, client, as_it_is, code);
  if (!plans.ok()) {
    // 1 says that something differs: as of diff, trouble is more.
    return fail(io, code == exit_failed ? exit_usage : code, plans.error().message);
  }
  for (const Plan& plan : *plans) {
    io.out << text_of(plan, "would be");
    if (plan.action != Action::nothing) code = exit_failed;
  }
  io.out.flush();
  return code;
}

int apply(const ApplyOptions& options, Io& io) {
  const auto all = read_services(options.files, io.in);
  // What the user wrote is wrong: nothing was sent.
  if (!all.ok()) return fail(io, exit_usage, all.error().message);
  return apply_all(*all, options.manager, options.waiting, io);
}

int orchestrate(const OrchestrateOptions& options, Io& io) {
  const auto documents = read_documents(options.file, io.in);
  if (!documents.ok()) return fail(io, exit_usage, documents.error().message);
  if (documents->size() != 1)
    return fail(io, exit_usage,
                fmt::format("{}: one configuration is needed, here are {}", options.file,
                            documents->size()));
  auto configured = orchestrated(documents->front().json);
  if (!configured.ok())
    return fail(io, exit_usage,
                in_file(std::move(configured).error(), options.file, documents->front()).message);
  if (!configured->is_named) {
    // A name that nobody wrote down is no order to change what somebody else made.
    ManagerClient client(options.manager);
    const auto present = client.service(configured->spec.name);
    const bool is_there = present.ok() && present->spec.name == configured->spec.name;
    if (is_there && !looks_orchestrated(present->spec))
      return fail(io, exit_conflict,
                  fmt::format("{}: service {} exists, and `cube orchestrate` did not make it: Name "
                              "is missing, with another name, or with this one to change it",
                              options.file, configured->spec.name));
  }
  return apply_all({{options.file, std::move(configured->spec)}}, options.manager, options.waiting,
                   io, in_configuration);
}

}  // namespace cube::cli
