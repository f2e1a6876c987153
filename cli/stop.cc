// `cube stop`: ask for it, and say "stopped" only when it is.

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/progress.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr Duration kPollEvery = 100ms;

struct Stopping {
  Task task;
  bool over = false;
};

class Stop {
 public:
  Stop(const StopOptions& options, Io& io)
      : options_(options), io_(io), client_(options.manager), progress_(io, false) {}

  int operator()();

 private:
  int ask(const std::string& ref);
  void look(Stopping& stopping);
  bool wait();  // false: interrupted
  std::string progress_line(const Stopping& stopping) const;
  std::string why_not_over(const Stopping& stopping);

  const StopOptions& options_;
  Io& io_;
  ManagerClient client_;
  Progress progress_;
  std::vector<Stopping> stopping_;
  std::optional<Error> unreachable_;
};

int Stop::ask(const std::string& ref) {
  const auto task = find_task(client_, ref);
  if (!task.ok()) return fail(io_, task.error());
  if (task->is_terminal()) {
    io_.out << called(*task) << " was over already\n" << std::flush;
    return exit_fine;
  }
  const auto stopped = client_.stop(task->id);
  if (!stopped.ok()) return fail(io_, stopped.error());
  if (options_.detach)
    io_.out << called(*task) << " is asked to stop\n" << std::flush;
  else if (std::ranges::none_of(stopping_,
                                [&](const Stopping& s) { return s.task.id == task->id; }))
    stopping_.push_back({*task, false});
  return exit_fine;
}

void Stop::look(Stopping& s) {
  const auto task = client_.task(s.task.id.str());
  if (task.ok()) {
    unreachable_.reset();
    s.task = *task;
    s.over = s.task.is_terminal();
  } else if (task.error().code == Code::not_found) {
    s.over = true;
  } else {
    unreachable_ = task.error();
  }
  if (!s.over) return;
  progress_.clear();
  io_.out << called(s.task) << " stopped\n" << std::flush;
}

std::string Stop::progress_line(const Stopping& s) const {
  if (s.over) return "";
  std::string line = called(s.task) + ": stopping";
  if (!s.task.node.empty()) line += " on " + s.task.node;
  return unreachable_ ? line + " (the manager does not answer)" : line;
}

bool Stop::wait() {
  const Instant end = io_.mono_now() + options_.timeout;
  while (true) {
    for (Stopping& s : stopping_)
      if (!s.over) look(s);
    std::vector<std::string> lines;
    for (const Stopping& s : stopping_) lines.push_back(progress_line(s));
    progress_.show(lines);
    if (std::ranges::all_of(stopping_, &Stopping::over) || io_.mono_now() >= end) return true;
    if (!io_.sleep(kPollEvery)) return false;
  }
}

// The task's own reason, else its node's: while that is away, nobody can stop anything there.
std::string Stop::why_not_over(const Stopping& s) {
  if (!s.task.reason().empty()) return std::string(s.task.reason());
  const auto nodes = client_.nodes();
  if (s.task.node.empty() || !nodes.ok()) return "";
  const auto node = std::ranges::find(*nodes, s.task.node, &api::NodeView::name);
  return node == nodes->end() ? "" : printable(node->reason);
}

int Stop::operator()() {
  int code = exit_fine;
  for (const std::string& ref : options_.refs) {
    code = worse(code, ask(ref));
    if (code == exit_unreachable) break;  // the next would say the same
  }
  if (stopping_.empty()) return code;
  const bool patient = wait();
  progress_.clear();
  for (const Stopping& s : stopping_) {
    if (s.over) continue;
    if (unreachable_) {
      code = worse(code, fail(io_, *unreachable_));
      continue;
    }
    std::string line = fmt::format("{} is asked to stop but is not over yet", called(s.task));
    if (!s.task.node.empty()) line += " on " + s.task.node;
    if (const std::string why = why_not_over(s); !why.empty()) line += ": " + why;
    code = worse(code, fail(io_, patient ? exit_not_converged : exit_interrupted, line));
  }
  return code;
}

}  // namespace

int stop(const StopOptions& options, Io& io) {
  return Stop(options, io)();
}

}  // namespace cube::cli
