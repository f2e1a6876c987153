// `cube status`: tasks as a table, JSON or names; once, or on every change.

#include <fmt/format.h>

#include <ostream>
#include <tuple>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr Duration kWatchEvery = 500ms;

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
      text += (options.quiet ? id : printable(t.spec.name)) + "\n";
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
auto fingerprint(const Task& t) {
  return std::tuple(t.wire_state(), t.attempt, t.restart_count(), t.status.health,
                    t.status.container_id, t.node, std::string(t.reason()));
}

using Fingerprints = std::map<TaskId, decltype(fingerprint(std::declval<const Task&>()))>;

Fingerprints fingerprints(const std::vector<Task>& tasks) {
  Fingerprints all;
  for (const Task& t : tasks) all.emplace(t.id, fingerprint(t));
  return all;
}

// A terminal shows the whole table anew; elsewhere changed tasks are appended.
void show_change(const StatusOptions& options, const std::vector<Task>& tasks,
                 const Fingerprints& before, bool first, Io& io) {
  if (io.out_is_tty) {
    io.out << "\x1b[H\x1b[2J" << text_of(options, tasks, io) << std::flush;
    return;
  }
  std::vector<Task> changed;
  for (const Task& t : tasks) {
    const auto old = before.find(t.id);
    if (old == before.end() || old->second != fingerprint(t)) changed.push_back(t);
  }
  std::string text = text_of(options, changed, io);
  const bool has_titles = !options.quiet && options.output != OutputFormat::name;
  if (!first && has_titles) text.erase(0, text.find('\n') + 1);
  io.out << text << std::flush;
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

// A manager that goes away in the midst of it is said once, and waited for.
int watch(const StatusOptions& options, ManagerClient& client, Io& io) {
  Fingerprints before;
  bool first = true, complained = false;
  do {
    const auto tasks = look(options, client);
    if (!tasks.ok()) {
      if (first || !may_pass(tasks.error())) return fail(io, tasks.error());
      if (!std::exchange(complained, true)) fail(io, tasks.error());
      continue;
    }
    complained = false;
    const Fingerprints now = fingerprints(*tasks);
    if (first || now != before) show_change(options, *tasks, before, first, io);
    before = now;
    first = false;
  } while (io.out.good() && io.sleep(kWatchEvery));
  return exit_fine;
}

}  // namespace

int status(const StatusOptions& options, Io& io) {
  ManagerClient client(options.manager);
  if (options.watch) return watch(options, client, io);
  if (options.output == OutputFormat::json && !options.quiet) return show_json(options, client, io);
  const Found found = find(options, client, io);
  if (found.code == exit_unreachable || (found.tasks.empty() && found.code != exit_fine))
    return found.code;
  io.out << text_of(options, found.tasks, io) << std::flush;
  return found.code;
}

}  // namespace cube::cli
