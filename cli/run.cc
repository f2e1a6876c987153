// `cube run`: submit, wait until every task has got somewhere, say where.

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/converge.h"
#include "cli/exit_codes.h"
#include "cli/posting.h"
#include "cli/progress.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

using Verdict = Convergence::Verdict;

constexpr Duration kPollEvery = 100ms;
// From so many on, one list is cheaper than as many single questions.
constexpr std::size_t kAskAllFrom = 4;

// One submitted task on its way.
struct Waited {
  Task task;
  Convergence convergence;
  Verdict verdict = Verdict::waiting;
  bool gone = false;  // the manager does not know it any more
};

class Run {
 public:
  Run(const RunOptions& options, Io& io)
      : options_(options), io_(io), client_(options.manager), progress_(io, options.quiet) {}

  int operator()();

 private:
  Result<std::vector<Posting>> postings();
  int submit(const Posting& posting);
  void wait();
  void ask();
  void observe(Waited& waited, const Result<Task>& answer);
  int conclude(const Waited& waited);
  int conclude_failed(const Waited& waited);
  int conclude_queued(const Waited& waited);
  std::string node_host(const Task& task);
  std::string progress_line(const Waited& waited) const;

  const RunOptions& options_;
  Io& io_;
  ManagerClient client_;
  Progress progress_;
  std::vector<Waited> waited_;
  std::optional<Error> unreachable_;  // of the last question
  bool interrupted_ = false;
};

Result<std::vector<Posting>> Run::postings() {
  std::vector<Posting> all;
  if (!options_.quick.image.empty()) {
    auto posting = quick_posting(options_.quick, TaskId(io_.random_uuid()));
    CUBE_TRY(posting);
    all.push_back(std::move(posting).value());
    return all;
  }
  for (const std::string& file : options_.files) {
    auto posting = read_posting(file, io_.in);
    CUBE_TRY(posting);
    all.push_back(std::move(posting).value());
  }
  return all;
}

int Run::submit(const Posting& posting) {
  auto tasks = client_.submit(posting.body, io_.random_uuid().str());
  if (!tasks.ok()) {
    Error error = std::move(tasks).error();
    // The file or flags are only to blame for what the manager found wrong in them.
    const bool is_at_fault = error.code == Code::invalid || error.code == Code::conflict ||
                             error.code == Code::too_large;
    return fail(io_, is_at_fault ? std::move(error).in(posting.source) : error);
  }
  for (std::size_t i = 0; i < tasks->size(); ++i) {
    Task& task = (*tasks)[i];
    const bool stops = i < posting.stops.size() && posting.stops[i];
    if (options_.quiet)
      io_.out << task.id.str() << '\n';
    else if (stops || options_.detach)
      io_.out << called(task) << (stops ? " is asked to stop" : " is submitted") << '\n';
    if (!stops && !options_.detach) waited_.push_back({std::move(task), Convergence(), {}, false});
  }
  io_.out.flush();
  return exit_fine;
}

std::string Run::progress_line(const Waited& w) const {
  if (w.verdict != Verdict::waiting) return "";
  const Task& t = w.task;
  std::string line = fmt::format("{}: {}", called(t), name(t.status.observed));
  if (!t.node.empty()) line += " on " + t.node;
  if (!w.convergence.why().empty()) line += ": " + w.convergence.why();
  return unreachable_ ? line + " (the manager does not answer)" : line;
}

void Run::observe(Waited& w, const Result<Task>& answer) {
  if (answer.ok()) {
    w.task = *answer;
    w.verdict = w.convergence.observe(io_.mono_now(), w.task);
    unreachable_.reset();
  } else if (answer.error().code == Code::not_found) {
    w.gone = true;
    w.verdict = Verdict::failed;
  } else {
    unreachable_ = answer.error();  // it may be restarting: asked again until the time is up
  }
}

void Run::ask() {
  const auto is_waiting = [](const Waited& w) { return w.verdict == Verdict::waiting; };
  if (std::ranges::count_if(waited_, is_waiting) < static_cast<std::ptrdiff_t>(kAskAllFrom)) {
    for (Waited& w : waited_)
      if (is_waiting(w)) observe(w, client_.task(w.task.id.str()));
    return;
  }
  const auto all = client_.tasks();
  for (Waited& w : waited_) {
    if (!is_waiting(w)) continue;
    if (!all.ok()) {
      observe(w, all.error());
      continue;
    }
    const auto found = std::ranges::find(*all, w.task.id, &Task::id);
    observe(w, found == all->end() ? Result<Task>(Error{Code::not_found, ""}) : *found);
  }
}

void Run::wait() {
  const Instant end = io_.mono_now() + options_.timeout;
  while (true) {
    ask();
    std::vector<std::string> lines;
    for (const Waited& w : waited_) lines.push_back(progress_line(w));
    progress_.show(lines);
    const bool done =
        std::ranges::all_of(waited_, [](const Waited& w) { return w.verdict != Verdict::waiting; });
    if (done || io_.mono_now() >= end) break;
    if (!io_.sleep(kPollEvery)) {
      interrupted_ = true;
      break;
    }
  }
  progress_.clear();
}

// The host part of its node's API address, or of the manager's when that cannot be told.
std::string Run::node_host(const Task& task) {
  const auto node = client_.node(task.node);
  if (!node.ok()) return "";
  std::string_view api = node->api;
  if (api.starts_with("http://")) api.remove_prefix(7);
  return std::string(api.substr(0, api.rfind(':')));
}

int Run::conclude_failed(const Waited& w) {
  if (w.gone) return fail(io_, exit_failed, called(w.task) + " was removed in the meantime");
  std::string line = called(w.task) + " failed";
  if (!w.task.node.empty()) line += " on " + w.task.node;
  if (!w.convergence.why().empty()) line += ": " + w.convergence.why();
  // Its restart policy tries again, or it runs on unhealthy.
  if (!w.task.is_terminal())
    line += fmt::format(" (it goes on; `cube stop {}` ends it)", short_id(w.task.id));
  fail(io_, exit_failed, line);
  print_log_tail(client_, io_, w.task);
  return exit_failed;
}

int Run::conclude_queued(const Waited& w) {
  if (unreachable_) return fail(io_, *unreachable_);
  std::string line =
      fmt::format("{} does not run yet ({})", called(w.task), name(w.task.wire_state()));
  if (!w.convergence.why().empty()) line += ": " + w.convergence.why();
  line += fmt::format("; it stays queued, `cube stop {}` ends it", short_id(w.task.id));
  return fail(io_, interrupted_ ? exit_interrupted : exit_not_converged, line);
}

int Run::conclude(const Waited& w) {
  switch (w.verdict) {
    case Verdict::running: {
      if (options_.quiet) return exit_fine;
      io_.out << called(w.task) << " is running";
      if (!w.task.node.empty()) io_.out << " on " << printable(w.task.node);
      if (const std::string url = url_of(w.task, node_host(w.task)); !url.empty())
        io_.out << ", " << printable(url);
      io_.out << '\n' << std::flush;
      return exit_fine;
    }
    case Verdict::completed:
      if (!options_.quiet) io_.out << called(w.task) << " has completed\n" << std::flush;
      return exit_fine;
    case Verdict::failed:
      return conclude_failed(w);
    case Verdict::hopeless:
    case Verdict::waiting:
      return conclude_queued(w);
  }
  CUBE_UNREACHABLE();
}

int Run::operator()() {
  const auto all = postings();
  // What the user wrote is wrong: nothing was sent.
  if (!all.ok()) return fail(io_, exit_usage, all.error().message);
  int code = exit_fine;
  for (const Posting& posting : *all) code = worse(code, submit(posting));
  if (waited_.empty()) return code;
  wait();
  for (const Waited& w : waited_) code = worse(code, conclude(w));
  return code;
}

}  // namespace

int run(const RunOptions& options, Io& io) {
  return Run(options, io)();
}

}  // namespace cube::cli
