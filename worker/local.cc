// Tasks posted to this worker directly, without a manager; and the reads.

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

constexpr std::size_t stopped_local_kept_max = 100;

// Is `path` the directory or below it? Neither is looked up: the operator names real directories.
bool is_under(std::string_view path, std::string_view directory) {
  while (directory.ends_with('/')) directory.remove_suffix(1);
  if (!path.starts_with(directory)) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

bool climbs(std::string_view path) {
  return path == ".." || path.starts_with("../") || path.ends_with("/..") ||
         path.find("/../") != std::string_view::npos;
}

}  // namespace

// Names the first host path that the node's operator does not allow.
std::string Worker::Impl::refused_mount(const TaskSpec& spec) const {
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const Mount& mount = spec.mounts[i];
    if (mount.kind != Mount::Kind::bind) continue;
    const bool allowed = !climbs(mount.source) &&
                         std::any_of(config.mount_dirs.begin(), config.mount_dirs.end(),
                                     [&](const auto& dir) { return is_under(mount.source, dir); });
    if (allowed) continue;
    const std::string where = config.mount_dirs.empty()
                                  ? "none (worker --mount-dir allows one)"
                                  : "those under " + join(config.mount_dirs, ", ");
    return fmt::format("Mounts[{}].Source: host path {} is not allowed on this node; allowed: {}",
                       i, mount.source, where);
  }
  return {};
}

Attempt* Worker::Impl::newest(TaskId id) {
  auto it = attempts.upper_bound({id, UINT32_MAX});
  if (it == attempts.begin()) return nullptr;
  --it;
  return it->first.task == id ? &it->second : nullptr;
}

void Worker::Impl::on(PostTask& in) {
  api::Submission& submission = in.submission;
  if (submission.id.is_nil()) submission.id = TaskId(ids.uuid());
  if (Attempt* known = newest(submission.id)) return post_known(in.token, submission, *known);
  if (submission.event_state == static_cast<int>(WireState::completed)) {
    return reply(in.token, Error{Code::not_found, "no task " + submission.id.str() + " to stop"});
  }
  if (submission.spec.exclusive) {
    return reply(in.token, Error{Code::invalid,
                                 "Exclusive: a worker cannot promise that by itself; "
                                 "submit the task to a manager"});
  }
  const std::string refused = refused_mount(submission.spec);
  if (!refused.empty()) return reply(in.token, Error{Code::invalid, refused});
  Attempt& a = add({submission.id, 1}, Origin::local);
  a.spec = std::move(submission.spec);
  write_asked(a);
  reply(in.token, task_of(a));
}

// A known ID again: a retry, a stop, or an old manager's wish for a restart.
void Worker::Impl::post_known(Token token, const api::Submission& submission, Attempt& a) {
  const std::string id = a.key.task.str();
  if (submission.event_state == static_cast<int>(WireState::completed)) {
    if (a.origin == Origin::manager) {
      return reply(
          token, Error{Code::conflict, fmt::format("task {} is the manager's; stop it there", id)});
    }
    want(a, Want::gone);
    return reply(token, task_of(a));
  }
  if (a.want != Want::hold && submission.spec != a.spec) {
    return reply(token, Error{Code::conflict,
                              fmt::format("task {} exists already, with other content", id)});
  }
  const bool names_container =
      !submission.container_id.empty() && submission.container_id == a.status.container_id;
  if (names_container && submission.task_state == static_cast<int>(WireState::scheduled) &&
      a.want == Want::run) {
    request_restart(a);
  }
  reply(token, task_of(a));
}

// Restarts now, whatever the policy says, and counts nothing.
void Worker::Impl::request_restart(Attempt& a) {
  mark(a);
  if (a.status.observed == Observed::running) {
    a.backoff.stop_for = StopFor::request;
    a.backoff.stop_reason = "stopped for a restart on request";
  } else if (a.status.observed == Observed::waiting) {
    a.due = now.mono;
    a.backoff.delay = Duration::zero();
  } else if (a.is_over()) {
    a.status.final = false;
    a.backoff = {};
    next_restart(a, {.reason = "restarted on request"});
  }
}

void Worker::Impl::on(DeleteTask& in) {
  Attempt* a = newest(in.id);
  if (a == nullptr) {
    return reply(in.token, Error{Code::not_found, "no task " + in.id.str()});
  }
  if (a->origin == Origin::manager) {
    return reply(in.token, Error{Code::conflict, fmt::format("task {} is the manager's; stop it "
                                                             "there",
                                                             in.id.str())});
  }
  want(*a, Want::gone);
  reply(in.token, Deleted{});
}

// Stopped local tasks stay listed for a while, for old clients; not for ever, and not too many.
void Worker::Impl::forget_expired() {
  std::vector<std::pair<Instant, AttemptKey>> stopped;
  for (const auto& [key, a] : attempts) {
    if (!a.expires.is_never()) stopped.emplace_back(a.expires, key);
  }
  std::sort(stopped.begin(), stopped.end());
  for (std::size_t i = 0; i < stopped.size(); ++i) {
    const bool too_many = stopped.size() - i > stopped_local_kept_max;
    if (too_many || stopped[i].first <= now.mono) erase(stopped[i].second);
  }
}

// --- Reads ------------------------------------------------------------------------------------

Task Worker::Impl::task_of(const Attempt& a) const {
  Task task;
  task.id = a.key.task;
  task.spec = a.spec;
  task.created = a.created;
  // What failed for good before the manager let it go has failed, and was not stopped on request.
  const bool failed = a.want == Want::keep && a.status.final && a.status.failure != Failure::none;
  const bool meant_to_run = a.want == Want::run || a.want == Want::hold || failed;
  task.desired = meant_to_run ? Desired::run : Desired::stop;
  task.attempt = a.key.attempt;
  task.node = config.name;
  task.status = a.status;
  return task;
}

std::vector<Task> Worker::tasks() const {
  std::vector<Task> out;
  for (auto it = impl_->attempts.begin(); it != impl_->attempts.end(); ++it) {
    const auto next = std::next(it);
    // Of two attempts of a task the newest is the one to show.
    if (next != impl_->attempts.end() && next->first.task == it->first.task) continue;
    out.push_back(impl_->task_of(it->second));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Task& a, const Task& b) { return a.created < b.created; });
  return out;
}

Result<Task> Worker::task(std::string_view ref) const {
  if (const auto id = TaskId::parse(ref)) {
    if (const Attempt* a = impl_->newest(*id)) return impl_->task_of(*a);
    return Error{Code::not_found, fmt::format("no task {}", ref)};
  }
  std::vector<Task> by_prefix, by_name;
  for (Task& task : tasks()) {
    if (!ref.empty() && task.id.str().starts_with(ref)) by_prefix.push_back(task);
    if (!ref.empty() && task.spec->name == ref) by_name.push_back(std::move(task));
  }
  std::vector<Task>& found = by_name.empty() ? by_prefix : by_name;
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) return Error{Code::not_found, fmt::format("no task {}", printable(ref))};
  return Error{Code::conflict,
               fmt::format("{} is ambiguous: {} tasks", printable(ref), found.size())};
}

std::vector<RunningContainer> Worker::running() const {
  std::vector<RunningContainer> out;
  for (const auto& [key, a] : impl_->attempts) {
    for (const auto& [restart, seen] : a.containers) {
      if (!is_live(seen.state) || seen.pid == 0) continue;
      out.push_back({key, restart, seen.id, a.spec.name, a.spec.image, seen.pid});
    }
  }
  return out;
}

// The newest container that can have written anything.
Result<std::string> Worker::log_container(TaskId id) const {
  const Attempt* a = impl_->newest(id);
  if (a == nullptr) return Error{Code::not_found, "no task " + id.str()};
  for (auto it = a->containers.rbegin(); it != a->containers.rend(); ++it) {
    if (it->second.state != runtime::ContainerState::created) return it->second.id;
  }
  if (!a->containers.empty()) return a->containers.rbegin()->second.id;
  return Error{Code::not_found, fmt::format("task {} has no container on this node: {}", id.str(),
                                            a->status.reason)};
}

NodeInfo Worker::info() const {
  return impl_->make_info();
}
const HostStats& Worker::host_stats() const {
  return impl_->stats;
}
const Counters& Worker::counters() const {
  return impl_->counters;
}

std::size_t Worker::task_count() const {
  return static_cast<std::size_t>(
      std::count_if(impl_->attempts.begin(), impl_->attempts.end(),
                    [](const auto& entry) { return !entry.second.is_over(); }));
}

}  // namespace cube::worker
