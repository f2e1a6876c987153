#include "cli/service_wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/service_views.h"
#include "cli/views.h"

namespace cube::cli {

using Verdict = ServiceConvergence::Verdict;

namespace {

constexpr Duration kPollEvery = 100ms;

}  // namespace

void ServiceWait::add(const api::ServiceView& wanted, std::string_view word, bool goes_back) {
  if (waiting_.quiet)
    io_.out << printable(wanted.spec.name) << '\n' << std::flush;
  else if (waiting_.detach)
    io_.out << called(wanted) << " is " << word << '\n' << std::flush;
  if (waiting_.detach) return;
  waited_.push_back({wanted, wanted.task_version, ServiceConvergence(wanted, goes_back), {}, {}});
}

void ServiceWait::look(Waited& w) {
  const auto view = client_.service(w.view.id.str());
  if (view.ok()) {
    unreachable_.reset();
    w.view = *view;
    w.verdict = w.convergence.observe(w.view);
    // What made it go back is blamed, not what fails on the way.
    const bool is_first = w.convergence.rolled_back() && w.failed.is_nil();
    if (!w.view.status.failed.is_nil() && (w.view.task_version == w.task_version || is_first))
      w.failed = w.view.status.failed;
  } else if (view.error().code == Code::not_found) {
    w.gone = true;
    w.verdict = Verdict::failed;
  } else {
    unreachable_ = view.error();  // it may be restarting: asked again until the time is up
  }
}

std::string ServiceWait::progress_line(const Waited& w) const {
  if (w.verdict != Verdict::waiting) return "";
  std::string line =
      fmt::format("{}: {}, {}", called(w.view), w.view.status.state, readiness(w.view));
  if (!w.convergence.why().empty()) line += ": " + w.convergence.why();
  return unreachable_ ? line + " (the manager does not answer)" : line;
}

void ServiceWait::wait() {
  const Instant end = io_.mono_now() + waiting_.timeout;
  const auto is_waiting = [](const Waited& w) { return w.verdict == Verdict::waiting; };
  while (true) {
    std::vector<std::string> lines;
    for (Waited& w : waited_) {
      if (is_waiting(w)) look(w);
      lines.push_back(progress_line(w));
    }
    progress_.show(lines);
    if (std::ranges::none_of(waited_, is_waiting) || io_.mono_now() >= end) break;
    if (!io_.sleep(kPollEvery)) {
      interrupted_ = true;
      break;
    }
  }
  progress_.clear();
}

// The replica that tells best why: the one whose failure counted, else one that is not well.
std::optional<Task> ServiceWait::culprit(const Waited& w) {
  if (!w.failed.is_nil())
    if (auto task = client_.task(w.failed.str()); task.ok()) return *std::move(task);
  const auto tasks = client_.service_tasks(w.view.id.str());
  if (!tasks.ok()) return std::nullopt;
  for (const bool only_failed : {true, false}) {
    for (auto t = tasks->rbegin(); t != tasks->rend(); ++t) {
      if (t->of.version != w.task_version || t->reason().empty()) continue;
      const WireState state = t->wire_state();
      if (only_failed ? state == WireState::failed : state != WireState::running) return *t;
    }
  }
  return std::nullopt;
}

void ServiceWait::explain(const Waited& w) {
  const auto task = culprit(w);
  if (!task) return;
  std::string line = fmt::format("{}: {}", called(*task), name(task->wire_state()));
  if (!task->node.empty()) line += " on " + task->node;
  if (!task->reason().empty()) line += fmt::format(": {}", task->reason());
  // What it does now, being tried again, hides why it has to be.
  if (task->status.failure == Failure::exit &&
      task->reason().find("exit code") == std::string::npos)
    line += fmt::format("; the one before ended with exit code {}", task->status.exit_code);
  io_.err << printable(line) << '\n' << std::flush;
  print_log_tail(client_, io_, *task);
}

int ServiceWait::conclude_late(const Waited& w) {
  if (unreachable_) return fail(io_, *unreachable_);
  std::string line = fmt::format("{} is not there yet ({}): {}", called(w.view),
                                 w.view.status.state, readiness(w.view));
  if (!w.convergence.why().empty()) line += ": " + w.convergence.why();
  line += fmt::format("; it goes on, `cube service ps {}` shows how", w.view.spec.name);
  fail(io_, exit_not_converged, line);
  if (interrupted_) return exit_interrupted;
  explain(w);
  return exit_not_converged;
}

void ServiceWait::warn(const Waited& w) {
  if (waiting_.quiet || w.gone) return;
  for (const std::string& warning : w.view.status.warnings)
    io_.err << "warning: " << called(w.view) << ": " << printable(warning) << '\n' << std::flush;
}

int ServiceWait::conclude(const Waited& w) {
  if (w.gone) return fail(io_, exit_failed, called(w.view) + " was removed in the meantime");
  switch (w.verdict) {
    case Verdict::converged:
      if (!waiting_.quiet)
        io_.out << fmt::format("{} is there: {}\n", called(w.view), readiness(w.view))
                << std::flush;
      return exit_fine;
    case Verdict::failed:
      fail(io_, exit_not_converged,
           fmt::format("{} did not get there: {} ({})", called(w.view), w.convergence.why(),
                       readiness(w.view)));
      explain(w);
      return exit_not_converged;
    case Verdict::waiting:
      return conclude_late(w);
  }
  CUBE_UNREACHABLE();
}

int ServiceWait::finish() {
  if (waited_.empty()) return exit_fine;
  wait();
  int code = exit_fine;
  for (const Waited& w : waited_) {
    code = worse(code, conclude(w));
    warn(w);
  }
  return code;
}

}  // namespace cube::cli
