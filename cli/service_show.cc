// `cube service ls`, `ps` and `inspect`: tables, JSON or names; once, or on every change.

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/service_views.h"
#include "cli/views.h"
#include "cli/watch.h"

namespace cube::cli {
namespace {

using What = ServiceShowOptions::What;
using api::ServiceView;

bool is_json(const ServiceShowOptions& options) {
  return options.output == OutputFormat::json && !options.quiet;
}
bool is_names(const ServiceShowOptions& options) {
  return options.quiet || options.output == OutputFormat::name;
}

// All that were asked for, or the first error.
Result<std::vector<ServiceView>> look(const ServiceShowOptions& options, ManagerClient& client) {
  if (options.refs.empty()) return client.services();
  std::vector<ServiceView> services;
  for (const std::string& ref : options.refs) {
    auto service = find_service(client, ref);
    CUBE_TRY(service);
    services.push_back(std::move(service).value());
  }
  return services;
}

// Of each slot what is not over; where all of it is, the newest. `tasks` are by slot, and age.
std::vector<Task> present(std::vector<Task> tasks) {
  std::vector<Task> out;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const bool last_of_slot = i + 1 == tasks.size() || tasks[i + 1].of.slot != tasks[i].of.slot;
    const bool alone = out.empty() || out.back().of.slot != tasks[i].of.slot;
    if (!tasks[i].is_terminal() || (last_of_slot && alone)) out.push_back(std::move(tasks[i]));
  }
  return out;
}

// The replicas of all that were asked for, by slot; of one slot the older first.
Result<std::vector<Task>> replicas(const ServiceShowOptions& options, ManagerClient& client) {
  std::vector<Task> all;
  for (const std::string& ref : options.refs) {
    const auto service = find_service(client, ref);
    CUBE_TRY(service);
    auto tasks = client.service_tasks(service->id.str());
    CUBE_TRY(tasks);
    std::ranges::stable_sort(*tasks, {}, [](const Task& t) { return t.of.slot; });
    if (!options.all) *tasks = present(std::move(*tasks));
    all.insert(all.end(), tasks->begin(), tasks->end());
  }
  return all;
}

std::string text_of(const ServiceShowOptions& options, const std::vector<ServiceView>& services,
                    const Io& io) {
  if (!is_names(options)) {
    const ServiceTableView view{options.output == OutputFormat::wide, options.no_trunc};
    return render(service_table(services, io.wall_now(), view), io.color);
  }
  std::string text;
  for (const ServiceView& s : services) {
    const std::string id = options.no_trunc ? s.id.str() : s.id.str().substr(0, 8);
    text += (options.quiet ? id : printable(s.spec.name)) + "\n";
  }
  return text;
}

std::string text_of(const ServiceShowOptions& options, const std::vector<Task>& tasks,
                    const Io& io) {
  if (!is_names(options)) {
    const ServiceTableView view{options.output == OutputFormat::wide, options.no_trunc};
    return render(replica_table(tasks, view), io.color);
  }
  std::string text;
  for (const Task& t : tasks) {
    const std::string id = options.no_trunc ? t.id.str() : short_id(t.id);
    text += (options.quiet ? id : printable(t.spec->name)) + "\n";
  }
  return text;
}

std::string line_of(const ServiceView& service) {
  return api::service_json(service) + "\n";
}
std::string line_of(const Task& task) {
  return api::task_json(task) + "\n";
}

template <class Item>
int watch_them(const ServiceShowOptions& options, Io& io,
               std::function<Result<std::vector<Item>>()> look_again) {
  Watched<Item> watched;
  watched.look = std::move(look_again);
  watched.key = [](const Item& item) { return item.id.str(); };
  watched.fingerprint = [](const Item& item) { return fingerprint(item); };
  watched.text = [&](const std::vector<Item>& items) {
    if (!is_json(options)) return text_of(options, items, io);
    std::string lines;
    for (const Item& item : items) lines += line_of(item);
    return lines;
  };
  watched.has_titles = !is_names(options) && !is_json(options);
  watched.redrawn = io.out_is_tty && !is_json(options);
  return watch(watched, io);
}

// As the manager tells it: also what this version does not know. `rest` follows the service's path.
int show_json(const ServiceShowOptions& options, ManagerClient& client, Io& io,
              std::string_view rest, bool flat) {
  int code = exit_fine;
  std::vector<std::string> bodies;
  for (const std::string& ref : options.refs) {
    const auto service = find_service(client, ref);
    auto body = service.ok() ? client.get(fmt::format("/services/{}{}", service->id.str(), rest))
                             : Result<std::string>(service.error());
    if (body.ok())
      bodies.push_back(std::move(body).value());
    else
      code = worse(code, fail(io, body.error()));
    if (code == exit_unreachable) return code;
  }
  if (bodies.empty()) return code;
  // A single thing stands alone, as in `cube inspect`.
  for (const std::string& body : bodies)
    if (flat) io.out << api::pretty(body) << '\n';
  if (!flat) io.out << api::pretty("[" + join(bodies, ",") + "]") << '\n';
  io.out.flush();
  return code;
}

// Each that can be had, and the exit code of the rest.
template <class Item, class Ask>
int show_table(const ServiceShowOptions& options, Io& io, Ask ask) {
  int code = exit_fine;
  std::vector<Item> found;
  std::vector<std::vector<std::string>> questions;
  for (const std::string& ref : options.refs) questions.push_back({ref});
  if (questions.empty()) questions.emplace_back();
  for (const auto& refs : questions) {
    ServiceShowOptions one = options;
    one.refs = refs;
    const auto items = ask(one);
    if (items.ok())
      found.insert(found.end(), items->begin(), items->end());
    else
      code = worse(code, fail(io, items.error()));
    if (code == exit_unreachable) return code;
  }
  if (found.empty() && code != exit_fine) return code;
  io.out << text_of(options, found, io) << std::flush;
  return code;
}

int show_list(const ServiceShowOptions& options, ManagerClient& client, Io& io) {
  if (options.watch)
    return watch_them<ServiceView>(options, io, [&] { return look(options, client); });
  if (!is_json(options))
    return show_table<ServiceView>(options, io, [&](const auto& o) { return look(o, client); });
  if (!options.refs.empty()) return show_json(options, client, io, "", /*flat=*/false);
  const auto body = client.get("/services");
  if (!body.ok()) return fail(io, body.error());
  io.out << api::pretty(*body) << '\n' << std::flush;
  return exit_fine;
}

int show_replicas(const ServiceShowOptions& options, ManagerClient& client, Io& io) {
  if (options.watch)
    return watch_them<Task>(options, io, [&] { return replicas(options, client); });
  if (is_json(options)) return show_json(options, client, io, "/tasks", /*flat=*/true);
  return show_table<Task>(options, io, [&](const auto& o) { return replicas(o, client); });
}

int inspect_them(const ServiceShowOptions& options, ManagerClient& client, Io& io) {
  if (options.history) return show_json(options, client, io, "/history", /*flat=*/true);
  if (is_json(options)) return show_json(options, client, io, "", /*flat=*/true);
  return show_table<ServiceView>(options, io, [&](const auto& o) { return look(o, client); });
}

}  // namespace

int service_show(const ServiceShowOptions& options, Io& io) {
  ManagerClient client(options.manager);
  switch (options.what) {
    case What::list:
      return show_list(options, client, io);
    case What::tasks:
      return show_replicas(options, client, io);
    case What::inspect:
      return inspect_them(options, client, io);
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube::cli
