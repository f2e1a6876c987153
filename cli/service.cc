// `cube service create|update|scale|rollback|rm`: change services, and wait for what comes of it.

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/progress.h"
#include "cli/quick_service.h"
#include "cli/service_file.h"
#include "cli/service_views.h"
#include "cli/service_wait.h"

namespace cube::cli {
namespace {

constexpr Duration kPollEvery = 100ms;

// What is sent, and whom an error is told of: "web.yaml:1:1".
Result<std::vector<FileService>> wanted(const ServiceCreateOptions& options, Io& io) {
  if (options.quick.task.image.empty()) return read_services(options.files, io.in);
  auto spec = service_from(options.quick);
  CUBE_TRY(spec);
  std::vector<FileService> all;
  all.push_back({"", *std::move(spec)});
  return all;
}

// The file or flags are only to blame for what the manager found wrong in them.
int refused(Io& io, Error error, const std::string& source) {
  const bool is_at_fault =
      error.code == Code::invalid || error.code == Code::conflict || error.code == Code::too_large;
  return fail(io, is_at_fault && !source.empty() ? std::move(error).in(source) : error);
}

Error no_such_service(const std::string& name) {
  return {Code::not_found, fmt::format("no service is called `{0}`; `cube service create` or `cube "
                                       "apply` makes it",
                                       printable(name))};
}

int update_from_files(const ServiceUpdateOptions& options, ManagerClient& client,
                      ServiceWait& waits, Io& io) {
  const auto all = read_services(options.files, io.in);
  if (!all.ok()) return fail(io, exit_usage, all.error().message);
  if (options.if_version && all->size() > 1)
    return fail(io, exit_usage, "--if-version is for one service; the file has several");
  int code = exit_fine;
  for (const FileService& item : *all) {
    const auto present = client.service(item.spec.name);
    if (!present.ok()) {
      const bool missing = present.error().code == Code::not_found;
      code = worse(code, fail(io, missing ? no_such_service(item.spec.name) : present.error()));
      if (code == exit_unreachable) break;  // the next would say the same
      continue;
    }
    const auto updated = client.update_service(item.spec.name, item.spec,
                                               options.if_version.value_or(present->version));
    if (updated.ok())
      waits.add(*updated, "being updated");
    else
      code = worse(code, refused(io, updated.error(), item.source));
  }
  return code;
}

int update_from_flags(const ServiceUpdateOptions& options, ManagerClient& client,
                      ServiceWait& waits, Io& io) {
  const auto present = find_service(client, options.ref);
  if (!present.ok()) return fail(io, present.error());
  const auto spec = changed_by(options.quick, present->spec);
  if (!spec.ok()) return fail(io, exit_usage, spec.error().message);
  const auto updated = client.update_service(present->id.str(), *spec,
                                             options.if_version.value_or(present->version));
  if (!updated.ok()) return fail(io, updated.error());
  waits.add(*updated, "being updated");
  return exit_fine;
}

// One that is being removed.
struct Removing {
  api::ServiceView view;
  bool over = false;
};

class Remove {
 public:
  Remove(const ServiceRemoveOptions& options, Io& io)
      : options_(options), io_(io), client_(options.manager), progress_(io, false) {}

  int operator()();

 private:
  int ask(const std::string& ref);
  void look(Removing& r);
  bool wait();  // false: interrupted

  const ServiceRemoveOptions& options_;
  Io& io_;
  ManagerClient client_;
  Progress progress_;
  std::vector<Removing> removing_;
  std::optional<Error> unreachable_;
};

int Remove::ask(const std::string& ref) {
  const auto view = find_service(client_, ref);
  if (!view.ok()) return fail(io_, view.error());
  const auto removed = client_.remove_service(view->id.str());
  if (!removed.ok() && removed.error().code != Code::not_found) return fail(io_, removed.error());
  if (!options_.wait)
    io_.out << called(*view) << " is being removed\n" << std::flush;
  else if (std::ranges::none_of(removing_,
                                [&](const Removing& r) { return r.view.id == view->id; }))
    removing_.push_back({*view, false});
  return exit_fine;
}

void Remove::look(Removing& r) {
  const auto view = client_.service(r.view.id.str());
  if (view.ok()) {
    unreachable_.reset();
    r.view = *view;
  } else if (view.error().code == Code::not_found) {
    r.over = true;
    progress_.clear();
    io_.out << called(r.view) << " is removed\n" << std::flush;
  } else {
    unreachable_ = view.error();
  }
}

bool Remove::wait() {
  const Instant end = io_.mono_now() + options_.timeout;
  while (true) {
    std::vector<std::string> lines;
    for (Removing& r : removing_) {
      if (!r.over) look(r);
      lines.push_back(r.over
                          ? ""
                          : fmt::format("{}: {} running{}", called(r.view), r.view.status.running,
                                        unreachable_ ? " (the manager does not answer)" : ""));
    }
    progress_.show(lines);
    if (std::ranges::all_of(removing_, &Removing::over) || io_.mono_now() >= end) return true;
    if (!io_.sleep(kPollEvery)) return false;
  }
}

int Remove::operator()() {
  int code = exit_fine;
  for (const std::string& ref : options_.refs) {
    code = worse(code, ask(ref));
    if (code == exit_unreachable) break;  // the next would say the same
  }
  if (removing_.empty()) return code;
  const bool patient = wait();
  progress_.clear();
  for (const Removing& r : removing_) {
    if (r.over) continue;
    if (unreachable_) {
      code = worse(code, fail(io_, *unreachable_));
      continue;
    }
    code = worse(code, fail(io_, patient ? exit_not_converged : exit_interrupted,
                            fmt::format("{} is being removed but is not gone yet: {} running",
                                        called(r.view), r.view.status.running)));
  }
  return code;
}

}  // namespace

int service_create(const ServiceCreateOptions& options, Io& io) {
  const auto all = wanted(options, io);
  // What the user wrote is wrong: nothing was sent.
  if (!all.ok()) return fail(io, exit_usage, all.error().message);
  ManagerClient client(options.manager);
  ServiceWait waits(client, io, options.waiting);
  int code = exit_fine;
  for (const FileService& item : *all) {
    const auto created = client.create_service(item.spec);
    if (created.ok())
      waits.add(*created, "created");
    else
      code = worse(code, refused(io, created.error(), item.source));
    if (code == exit_unreachable) break;  // the next would say the same
  }
  return worse(code, waits.finish());
}

int service_update(const ServiceUpdateOptions& options, Io& io) {
  ManagerClient client(options.manager);
  ServiceWait waits(client, io, options.waiting);
  const int code = options.files.empty() ? update_from_flags(options, client, waits, io)
                                         : update_from_files(options, client, waits, io);
  return worse(code, waits.finish());
}

int service_scale(const ServiceScaleOptions& options, Io& io) {
  ManagerClient client(options.manager);
  ServiceWait waits(client, io, options.waiting);
  int code = exit_fine;
  for (const auto& item : options.wanted) {
    const auto present = find_service(client, item.ref);
    const auto scaled = present.ok() ? client.scale_service(present->id.str(), item.replicas)
                                     : Result<api::ServiceView>(present.error());
    if (scaled.ok())
      waits.add(*scaled, fmt::format("being scaled to {}", item.replicas));
    else
      code = worse(code, fail(io, scaled.error()));
    if (code == exit_unreachable) break;  // the next would say the same
  }
  return worse(code, waits.finish());
}

int service_rollback(const ServiceRollbackOptions& options, Io& io) {
  ManagerClient client(options.manager);
  ServiceWait waits(client, io, options.waiting);
  const auto present = find_service(client, options.ref);
  if (!present.ok()) return fail(io, present.error());
  const auto back =
      client.roll_back_service(present->id.str(), options.if_version.value_or(present->version));
  if (!back.ok()) return fail(io, back.error());
  waits.add(*back, "being rolled back", /*goes_back=*/true);
  return waits.finish();
}

int service_remove(const ServiceRemoveOptions& options, Io& io) {
  return Remove(options, io)();
}

}  // namespace cube::cli
