// What is forgotten, and when: kept containers, terminal tasks, idempotency keys.

#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {

void Core::drop_container(TaskEntry& t) {
  CUBE_ASSERT(t.task.is_terminal());
  if (t.container_dropped) return;
  leave_node(t);
  t.container_dropped = true;
  save(t);
  set_alarm(t);
}

void Core::reap() {
  // The oldest ends first. One that still occupies a node (its container resists) is waited for.
  for (auto at = ended_.begin(); at != ended_.end();) {
    TaskEntry& t = *at->second;
    const bool too_many = ended_.size() > ended_kept_max;
    const bool too_old = now_.mono >= t.ended + ended_kept_for;
    if (!too_many && !too_old) return;
    if (t.held > 0) {
      ++at;
      continue;
    }
    at = ended_.erase(at);
    erase_task(t);
  }
}

void Core::erase_task(TaskEntry& t) {
  CUBE_ASSERT(t.held == 0 && t.waits_in == nullptr);
  drop_container(t);
  if (!t.alarm.is_never()) task_alarms_.erase({t.alarm, t.task.id});
  by_id_.remove(t);
  by_seq_.remove(t);
  kinds_.remove(t);
  fx_->writes.push_back(store::Write::erase(task_key(t.seq)));
  if (t.has_old_key) fx_->writes.push_back(store::Write::erase(old_task_key(t.task.id)));
  if (t.dirty) std::erase(dirty_tasks_, &t);
  --counted_[static_cast<std::size_t>(t.counted)];
  const TaskId id = t.task.id;
  tasks_.erase(id);
}

void Core::forget_old_keys() {
  while (!keys_by_seq_.empty()) {
    const std::string key = keys_by_seq_.begin()->second;
    const bool too_old = now_.wall - keys_.at(key).at > keys_kept_for;
    if (!too_old && keys_by_seq_.size() <= keys_kept_max) return;
    fx_->writes.push_back(store::Write::erase(idempotency_key(key)));
    keys_.erase(key);
    keys_by_seq_.erase(keys_by_seq_.begin());
  }
}

}  // namespace cube::manager
