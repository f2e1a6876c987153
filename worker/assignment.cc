// What the manager asks: the full set of attempts this node should hold.

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/text.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

std::string in_words(const api::Fence& fence) {
  return fmt::format("epoch {}, session {}, generation {}", fence.epoch, fence.session,
                     fence.generation);
}

}  // namespace

// A sender that is not ours, whatever it says.
std::optional<Error> Worker::Impl::refusal_of_sender(std::string_view message,
                                                     const ManagerId& manager,
                                                     std::string_view cluster) const {
  if (cluster != config.cluster) {
    return Error{Code::conflict, fmt::format("this worker is of cluster '{}', {} is of cluster "
                                             "'{}'",
                                             config.cluster, message, printable(cluster))};
  }
  if (!node.manager.is_nil() && manager != node.manager) {
    return Error{Code::conflict,
                 fmt::format("worker {} obeys manager {}, {} is of manager {}; start the worker "
                             "with --forget-manager to hand it over",
                             config.name, node.manager.str(), message, manager.str())};
  }
  return std::nullopt;
}

// Why this assignment cannot be accepted, whatever it holds.
std::optional<Error> Worker::Impl::refusal(const api::Assignment& assignment) const {
  auto error = refusal_of_sender("the assignment", assignment.manager, assignment.cluster);
  if (error) return error;
  if (assignment.fence < node.fence && !CUBE_PLANTED("ignore-the-fence")) {
    return Error{Code::conflict,
                 fmt::format("the assignment ({}) is older than the accepted one ({})",
                             in_words(assignment.fence), in_words(node.fence))};
  }
  return std::nullopt;
}

void Worker::Impl::on(PutAssignment& in) {
  if (const auto error = refusal(in.assignment)) {
    ++counters.assignments_refused;
    if (last_refusal != error->message) note("assignment.refused", error->message, true);
    last_refusal = error->message;
    reply(in.token, *error);
    return;
  }
  last_refusal.clear();
  const bool is_repeat =
      node.accepted && !node.manager.is_nil() && in.assignment.fence == node.fence;
  // Changes to what is not held here are left: the fence of the answer tells, and all is sent.
  const std::uint64_t base = in.assignment.base;
  const api::Fence held{in.assignment.fence.epoch, in.assignment.fence.session, base};
  if (!is_repeat && (base == 0 || (node.accepted && node.fence == held))) accept(in.assignment);
  drive_dirty();  // so that the answer tells what follows from it
  update_info();
  reply(in.token, report(in.assignment.incarnation == incarnation ? in.assignment.change : 0));
}

void Worker::Impl::accept(api::Assignment& assignment) {
  ++counters.assignments;
  node.accepted = true;
  node.manager = assignment.manager;
  node.fence = assignment.fence;

  // Of two attempts of one task the higher is meant.
  std::map<TaskId, api::AssignedTask*> meant;
  for (api::AssignedTask& assigned : assignment.tasks) {
    api::AssignedTask*& entry = meant[assigned.id];
    if (entry == nullptr || entry->attempt < assigned.attempt) entry = &assigned;
  }
  const std::set<TaskId> dropped(assignment.dropped.begin(), assignment.dropped.end());
  for (auto& [key, a] : attempts) {
    const auto it = meant.find(key.task);
    const bool unsaid = it == meant.end() && !dropped.contains(key.task);
    if (assignment.base != 0 && unsaid) continue;
    const bool is_meant = it != meant.end() && it->second->attempt == key.attempt;
    if (a.origin == Origin::manager && !is_meant && !CUBE_PLANTED("keep-what-is-not-meant")) {
      want(a, Want::gone);
    }
    // A task posted here directly that the manager now assigns as well: it is the manager's.
    if (a.origin == Origin::local && it != meant.end() && !is_meant) {
      a.origin = Origin::manager;
      want(a, Want::gone);
    }
  }
  for (auto& [id, assigned] : meant) take_in(*assigned);
}

void Worker::Impl::take_in(api::AssignedTask& assigned) {
  const AttemptKey key{assigned.id, assigned.attempt};
  const Want wanted = assigned.run ? Want::run : Want::keep;
  Attempt* a = find(key);
  if (a == nullptr) {
    a = &add(key, Origin::manager);
    a->want = wanted;
    a->spec = *assigned.spec;
    write_asked(*a);
    return;
  }
  // A task posted here directly becomes the manager's, with the manager's content.
  if (a->origin == Origin::local) {
    if (a->want == Want::run && a->spec != *assigned.spec) request_restart(*a);
    a->origin = Origin::manager;
    a->expires = Instant::never();
    a->want = Want::hold;
  }
  // Found by its labels only: what was observed was not judged by any policy yet.
  if (a->want == Want::hold) {
    a->spec = *assigned.spec;
    a->status.final = false;
    for (auto& [restart, seen] : a->containers) seen.stale = true;
  }
  want(*a, wanted);
}

// Changes what should become of an attempt, with all that follows for operations under way.
void Worker::Impl::want(Attempt& a, Want wanted) {
  if (a.want == wanted) return;
  const Want before = a.want;
  a.want = wanted;
  a.forget_tries();
  a.retry_at = Instant{0};
  if (wanted != Want::run) leave_pull(a);
  if (wanted == Want::run && before != Want::hold && a.doing && a.doing->verb == Verb::stop) {
    // It is being stopped, and meant to run after all: that end is not the task's fault.
    a.backoff.stop_for = StopFor::request;
    a.backoff.stop_reason = "stopped, and asked for again meanwhile";
  }
  write_asked(a);
  mark(a);
}

}  // namespace cube::worker
