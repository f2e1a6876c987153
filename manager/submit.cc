// What people ask for: submissions, one or many, and stops. Level-triggered: a stop is a wish that
// is written down, and followed until nothing of the task is left.

#include <fmt/format.h>

#include "base/planted.h"
#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {
namespace {

constexpr int stop_event = 3;  // TaskEvent.State of the wire contract

std::uint64_t content_hash(const std::vector<api::Submission>& items) {
  std::string text;
  for (const api::Submission& s : items) {
    text += fmt::format("{}|{}|{:x}\n", s.id.str(), s.event_state, spec_hash(s.spec));
  }
  return stable_hash(text);
}

Error no_such_task(std::string_view ref) {
  return {Code::not_found, fmt::format("no task {}", ref)};
}

}  // namespace

void Core::take(Submit& in) {
  CUBE_ASSERT(in.token != 0);
  auto reply = [&](auto body) { fx_->replies.push_back({in.token, std::move(body)}); };
  if (in.idempotency_key.size() > key_bytes_max) {
    return reply(
        Error{Code::invalid, fmt::format("Idempotency-Key: longer than {} bytes", key_bytes_max)});
  }
  const std::uint64_t content = in.idempotency_key.empty() ? 0 : content_hash(in.items);
  const auto known = keys_.find(in.idempotency_key);
  if (!in.idempotency_key.empty() && known != keys_.end()) {
    if (known->second.content != content) {
      return reply(Error{Code::conflict, fmt::format("Idempotency-Key {} was used for another "
                                                     "request",
                                                     in.idempotency_key)});
    }
    auto again = tasks_by_id(known->second.tasks);
    if (again.ok()) return reply(std::move(*again));
    return reply(again.error());
  }
  auto ids = submit_all(in.items);
  if (!ids.ok()) return reply(ids.error());
  place_waiting();  // so that what cannot be placed says at once why
  if (!in.idempotency_key.empty() && !CUBE_PLANTED("forget-the-key"))
    remember(in.idempotency_key, content, *ids);
  auto tasks = tasks_by_id(*ids);
  CUBE_ASSERT(tasks.ok());
  reply(std::move(*tasks));
}

Result<void> Core::check_items(std::vector<api::Submission>& items) {
  std::map<TaskId, const TaskSpec*> in_batch;  // what the items before would have made
  for (api::Submission& item : items) {
    const TaskEntry* present = item.id.is_nil() ? nullptr : entry(item.id);
    const auto earlier = in_batch.find(item.id);
    const TaskSpec* spec = present != nullptr          ? &*present->task.spec
                           : earlier != in_batch.end() ? earlier->second
                                                       : nullptr;
    if (item.event_state == stop_event) {
      if (spec == nullptr) return no_such_task(item.id.str());
      continue;
    }
    if (spec != nullptr && !(*spec == item.spec)) {
      return Error{Code::conflict,
                   fmt::format("task {} exists with another content", item.id.str())};
    }
    if (item.id.is_nil()) {
      item.id = TaskId(rng_.uuid());  // nobody else in the batch has it
    } else {
      in_batch[item.id] = &item.spec;
    }
  }
  return {};
}

Result<std::vector<TaskId>> Core::submit_all(std::vector<api::Submission>& items) {
  CUBE_TRY(check_items(items));
  // From here on nothing fails: it is all of it or, above, nothing.
  std::vector<TaskId> ids;
  for (api::Submission& item : items) {
    ids.push_back(item.id);
    TaskEntry* present = entry(item.id);
    if (item.event_state == stop_event) {
      stop_task(*present);
    } else if (present == nullptr) {
      create_task(item.id, item.spec);
    }
  }
  return ids;
}

TaskEntry& Core::create_task(const TaskId& id, const TaskSpec& spec, Membership of) {
  TaskEntry& t = tasks_[id];
  t.seq = next_seq_++;
  t.task.id = id;
  Kind& kind = kinds_.of(spec);
  t.task.spec = kind.spec;
  t.task.of = of;
  t.task.created = now_.wall;
  t.task.status.key = {id, 0};
  t.task.status.observed = Observed::waiting;
  index_task(t, kind);
  ++counters_.submitted;
  tell("task.submitted", t, t.task.spec->image);
  enqueue(t);
  return t;
}

void Core::take(Stop& in) {
  CUBE_ASSERT(in.token != 0);
  auto found = find_task(in.ref);
  if (!found.ok()) {
    fx_->replies.push_back({in.token, found.error()});
    return;
  }
  stop_task(*entry((*found)->task.id));
  fx_->replies.push_back({in.token, Accepted{}});
}

void Core::stop_task(TaskEntry& t) {
  if (t.task.is_terminal()) return drop_container(t);
  if (t.task.desired == Desired::stop) return;  // under way
  ++counters_.stopped;
  leave_queue(t);
  t.task.desired = Desired::stop;
  t.task.waits_for.clear();
  t.task.status.observed = Observed::stopping;
  t.task.status.reason = "stopping on request";
  tell("task.stopping", t, "requested");
  if (CUBE_PLANTED("forget-the-tombstone") && t.node != nullptr) {
    NodeEntry& n = *t.node;
    unassign(t);
    release(n, {t.task.id, t.task.attempt});
  } else if (t.node != nullptr && t.node->lost) {
    if (may_live_on(t, *t.node)) {
      t.task.status.reason += ": waits until the lease of node " + t.node->shown() + " is over";
    }
    leave_node(t);
  } else if (t.node != nullptr) {
    unassign(t);
  }
  if (t.held == 0 && !t.task.is_terminal()) end_stop(t, nullptr);
  set_alarm(t);
}

// After a restart of the manager an earlier attempt may be left where nobody has asked yet; so may
// the present one, when it has left its node: then no record says where it was.
void Core::end_stop(TaskEntry& t, const NodeEntry* lost) {
  const bool may_be_left = t.task.attempt > 1 || t.left_its_node;
  if (!may_be_left || unheard_.empty()) return finish_stop(t, lost);
  t.node = nullptr;
  if (!unproven_stops_.insert(t.task.id).second) return;
  t.task.status.reason = "stopped, as far as known; waits until every node has said what it holds";
  save(t);
}

void Core::heard_all_of(const NodeEntry& n) {
  if (unheard_.erase(n.no) == 0 || !unheard_.empty()) return;
  for (const TaskId& id : std::exchange(unproven_stops_, {})) {
    TaskEntry* t = entry(id);
    if (t != nullptr && t->held == 0 && !t->task.is_terminal()) finish_stop(*t, nullptr);
  }
}

void Core::finish_stop(TaskEntry& t, const NodeEntry* lost) {
  CUBE_ASSERT(t.task.desired == Desired::stop && t.held == 0);
  t.node = nullptr;
  t.container_dropped = true;
  AttemptStatus& s = t.task.status;
  s.observed = Observed::exited;
  s.final = true;
  s.failure = Failure::none;
  s.health = Health::unknown;
  s.finished = now_.wall;
  s.reason = "stopped on request";
  if (lost != nullptr) {
    s.reason += fmt::format("; node {} is lost and stops it when it returns", lost->name);
  }
  tell("task.stopped", t, s.reason);
  retire(t);
}

Result<std::vector<Task>> Core::tasks_by_id(const std::vector<TaskId>& ids) const {
  std::vector<Task> out;
  out.reserve(ids.size());
  for (const TaskId& id : ids) {
    const TaskEntry* t = by_id_.find(id);
    if (t == nullptr) return no_such_task(id.str());
    out.push_back(t->task);
  }
  return out;
}

void Core::remember(const std::string& key, std::uint64_t content, std::vector<TaskId> ids) {
  Remembered r{next_key_seq_++, now_.wall, content, std::move(ids)};
  fx_->writes.push_back(key_record(key, r));
  keys_by_seq_[r.seq] = key;
  keys_[key] = std::move(r);
  forget_old_keys();
}

}  // namespace cube::manager
