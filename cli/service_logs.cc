// `cube service logs`: what all replicas write, each line with the replica's name in front. A
// thread reads each replica's stream; they end with the process or when nobody reads any more.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <ostream>
#include <set>
#include <thread>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/log_merge.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr Duration kPatience = 500ms;  // between looks for new replicas

// What the readers have of it all: they may outlive the rest.
struct Shared {
  explicit Shared(bool by_time) : merge(by_time) {}
  LogMerge merge;
  std::mutex mutex;
  std::vector<std::string> errors;
  // Of replicas that are over: with their containers their logs go.
  std::vector<std::string> gone;
};

class ServiceLogs {
 public:
  ServiceLogs(const ServiceLogsOptions& options, Io& io)
      : options_(options),
        io_(io),
        client_(options.manager),
        shared_(std::make_shared<Shared>(!options.follow)) {}
  // Readers that follow a replica which is silent cannot be called back; they end with the process.
  ~ServiceLogs() {
    shared_->merge.stop();
    for (std::thread& reader : readers_) options_.follow ? reader.detach() : reader.join();
  }
  ServiceLogs(const ServiceLogs&) = delete;
  ServiceLogs& operator=(const ServiceLogs&) = delete;

  int operator()();

 private:
  void read(const Task& task, bool whole);
  void look_for_more();
  void print(const LogMerge::Line& line);
  bool has_been_placed(const Task& task) const { return task.attempt > 0; }

  const ServiceLogsOptions& options_;
  Io& io_;
  ManagerClient client_;
  std::shared_ptr<Shared> shared_;
  std::string service_;
  std::set<std::pair<TaskId, std::uint32_t>> known_;  // replica and attempt
  std::vector<std::thread> readers_;
  std::size_t width_ = 0;  // of the prefixes
};

// `whole`: it is new, all of it is after what was asked for.
void ServiceLogs::read(const Task& task, bool whole) {
  if (!known_.emplace(task.id, task.attempt).second) return;
  // Two replicas of a slot are told apart.
  std::string name = fmt::format("{}@{}", printable(task.spec->name), short_id(task.id));
  if (task.attempt > 1) name += fmt::format("#{}", task.attempt);
  width_ = std::max(width_, name.size());
  shared_->merge.open(name);
  LogQuery query{options_.follow, !options_.follow || options_.timestamps, options_.tail,
                 options_.since};
  if (whole) {
    query.tail.reset();
    query.since.clear();
  }
  readers_.emplace_back([shared = shared_, manager = options_.manager, name, query,
                         id = task.id.str(), is_over = task.is_terminal()] {
    ManagerClient client(manager);
    const auto done = client.logs(
        id, query, [&](std::string_view piece) { return shared->merge.write(name, piece); });
    if (!done.ok()) {
      const std::lock_guard lock(shared->mutex);
      const bool was_removed = is_over && done.error().code == Code::not_found;
      (was_removed ? shared->gone : shared->errors)
          .push_back(fmt::format("{}: {}", name, done.error().message));
    }
    shared->merge.close(name);
  });
}

// A replica that came, or moved, while the others were read.
void ServiceLogs::look_for_more() {
  const auto tasks = client_.service_tasks(service_);
  if (!tasks.ok()) return;  // it may be restarting
  for (const Task& t : *tasks)
    if (t.wire_state() == WireState::running) read(t, /*whole=*/true);
}

void ServiceLogs::print(const LogMerge::Line& line) {
  io_.out << fmt::format("{:<{}} | ", line.stream, width_);
  if (options_.timestamps && !line.time.empty()) io_.out << printable(line.time) << ' ';
  io_.out << (io_.out_is_tty ? printable_line(line.text) : line.text) << '\n' << std::flush;
}

int ServiceLogs::operator()() {
  const auto service = find_service(client_, options_.ref);
  if (!service.ok()) return fail(io_, service.error());
  service_ = service->id.str();
  auto tasks = client_.service_tasks(service_);
  if (!tasks.ok()) return fail(io_, tasks.error());
  std::ranges::stable_sort(*tasks, {}, [](const Task& t) { return t.of.slot; });
  for (const Task& t : *tasks)
    if (has_been_placed(t)) read(t, /*whole=*/false);
  bool ended = false;
  Instant looked = io_.mono_now();
  while (io_.out.good()) {
    const auto line = shared_->merge.take(kPatience, ended);
    if (line) print(*line);
    if (ended && !options_.follow) break;
    if (ended && !io_.sleep(kPatience)) break;
    if (!options_.follow || io_.mono_now() - looked < kPatience) continue;
    looked = io_.mono_now();
    look_for_more();
  }
  const std::lock_guard lock(shared_->mutex);
  // One replica without logs (its container is gone) says nothing against the others. When all are
  // gone the last one tells it for all.
  const bool none_left = shared_->errors.empty() && shared_->gone.size() == readers_.size();
  if (none_left && !shared_->gone.empty()) shared_->errors.push_back(shared_->gone.back());
  for (const std::string& error : shared_->errors) io_.err << "cube: " << error << '\n';
  io_.err.flush();
  const std::size_t without = shared_->errors.size() + shared_->gone.size();
  const bool none = !shared_->errors.empty() && without >= readers_.size();
  return none ? exit_failed : exit_fine;
}

}  // namespace

int service_logs(const ServiceLogsOptions& options, Io& io) {
  return ServiceLogs(options, io)();
}

}  // namespace cube::cli
