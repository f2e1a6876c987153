// `cube plan`, `cube apply` and `cube orchestrate`: services as files say.

#include <fmt/format.h>

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

// Asks what is there. Null: no such service.
Result<Plan> plan_of(const FileService& item, ManagerClient& client) {
  const auto present = client.service(item.spec.name);
  if (present.ok()) {
    // A name may look like the beginning of another's ID.
    if (present->spec.name == item.spec.name) return plan_for(item.spec, &*present);
  } else if (present.error().code != Code::not_found && present.error().code != Code::conflict) {
    return present.error();
  }
  return plan_for(item.spec, nullptr);
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
              Io& io) {
  ManagerClient client(manager);
  ServiceWait waits(client, io, waiting);
  // All are looked at before anything changes.
  std::vector<Plan> plans;
  for (const FileService& item : all) {
    auto plan = plan_of(item, client);
    if (!plan.ok()) return fail(io, plan.error());
    plans.push_back(*std::move(plan));
  }
  int code = exit_fine;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!waiting.quiet) io.err << text_of(plans[i], "is") << std::flush;
    const auto done = carry_out(plans[i], client);
    if (done.ok())
      waits.add(*done, word_for(plans[i].action));
    else
      code = worse(code, fail(io, Error(done.error()).in(all[i].source)));
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
  for (const FileService& item : *all) {
    const auto plan = plan_of(item, client);
    if (!plan.ok()) {
      // 1 says that something differs: as of diff, trouble is more.
      const int trouble = fail(io, plan.error());
      return trouble == exit_failed ? exit_usage : trouble;
    }
    io.out << text_of(*plan, "would be");
    if (plan->action != Action::nothing) code = exit_failed;
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
  auto spec = orchestrated(documents->front().json);
  if (!spec.ok())
    return fail(io, exit_usage,
                in_file(std::move(spec).error(), options.file, documents->front()).message);
  return apply_all({{options.file, *std::move(spec)}}, options.manager, options.waiting, io);
}

}  // namespace cube::cli
