// `cube status`: tasks as a table, JSON or names; once, or on every change.

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/views.h"
#include "cli/watch.h"

namespace cube::cli {
namespace {

// What can be had of the tasks that were asked for, and the exit code of the rest.
struct Found {
  std::vector<Task> tasks;
  int code = exit_fine;
};

Found find(const StatusOptions& options, ManagerClient& client, Io& io) {
  Found found;
  if (options.refs.empty()) {
    auto all = client.tasks();
    if (all.ok())
      found.tasks = std::move(all).value();
    else
      found.code = fail(io, all.error());
    return found;
  }
  for (const std::string& ref : options.refs) {
    auto task = find_task(client, ref);
    if (task.ok())
      found.tasks.push_back(std::move(task).value());
    else
      found.code = worse(found.code, fail(io, task.error()));
    if (found.code == exit_unreachable) break;  // the next would say the same
  }
  return found;
}

std::string text_of(const StatusOptions& options, const std::vector<Task>& tasks, const Io& io) {
  std::string text;
  if (options.quiet || options.output == OutputFormat::name) {
    for (const Task& t : tasks) {
      const std::string id = options.no_trunc ? t.id.str() : short_id(t.id);
      text += (options.quiet ? id : printable(t.spec->name)) + "\n";
    }
    return text;
  }
  const TaskView view{options.output == OutputFormat::wide, options.no_trunc};
  return render(task_table(tasks, io.wall_now(), view), io.color);
}

// As the manager tells it: also what this version does not know.
int show_json(const StatusOptions& options, ManagerClient& client, Io& io) {
  if (options.refs.empty()) {
    const auto body = client.get("/tasks");
    if (!body.ok()) return fail(io, body.error());
    io.out << api::pretty(*body) << '\n' << std::flush;
    return exit_fine;
  }
  int code = exit_fine;
  std::vector<std::string> bodies;
  for (const std::string& ref : options.refs) {
    const auto task = find_task(client, ref);
    auto body =
        task.ok() ? client.get("/tasks/" + task->id.str()) : Result<std::string>(task.error());
    if (body.ok())
      bodies.push_back(std::move(body).value());
    else
      code = worse(code, fail(io, body.error()));
    if (code == exit_unreachable) return code;
  }
  io.out << api::pretty("[" + join(bodies, ",") + "]") << '\n' << std::flush;
  return code;
}

// What makes a task worth showing again. (Its age does not.)
std::string fingerprint(const Task& t) {
  return fmt::format("{} {} {} {} {} {} {}", name(t.wire_state()), t.attempt, t.restart_count(),
                     static_cast<int>(t.status.health), t.status.container_id, t.node, t.reason());
}

// All that were asked for, or the first error.
Result<std::vector<Task>> look(const StatusOptions& options, ManagerClient& client) {
  if (options.refs.empty()) return client.tasks();
  std::vector<Task> tasks;
  for (const std::string& ref : options.refs) {
    auto task = find_task(client, ref);
    CUBE_TRY(task);
    tasks.push_back(std::move(task).value());
  }
  return tasks;
}

int watch_tasks(const StatusOptions& options, ManagerClient& client, Io& io) {
  const bool only_names = options.quiet || options.output == OutputFormat::name;
  const bool is_json = options.output == OutputFormat::json && !options.quiet;
  Watched<Task> watched;
  watched.look = [&] { return look(options, client); };
  watched.key = [](const Task& t) { return t.id.str(); };
  watched.fingerprint = fingerprint;
  watched.text = [&](const std::vector<Task>& tasks) {
    if (!is_json) return text_of(options, tasks, io);
    std::string lines;
    for (const Task& t : tasks) lines += api::task_json(t) + "\n";
    return lines;
  };
  watched.has_titles = !only_names && !is_json;
  watched.redrawn = io.out_is_tty && !is_json;
  return watch(watched, io);
}

}  // namespace

int status(const StatusOptions& options, Io& io) {
  ManagerClient client(options.manager);
  if (options.watch) return watch_tasks(options, client, io);
  if (options.output == OutputFormat::json && !options.quiet) return show_json(options, client, io);
  const Found found = find(options, client, io);
  if (found.code == exit_unreachable || (found.tasks.empty() && found.code != exit_fine))
    return found.code;
  io.out << text_of(options, found.tasks, io) << std::flush;
  return found.code;
}

}  // namespace cube::cli
