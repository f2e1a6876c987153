// From the store's records to a core that stands where the last one did.

#include <fmt/format.h>

#include "base/planted.h"
#include "base/text.h"
#include "manager/impl.h"
#include "manager/records.h"

namespace cube::manager {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

Error not_ours(std::string_view cluster) {
  return {Code::conflict, fmt::format("this store is of cluster {0}; start with --cluster {0}, or "
                                      "with another --data-dir",
                                      printable(cluster))};
}

}  // namespace

Result<void> Core::load(const Scan& scan) {
  CUBE_TRY(scan([this](std::string_view key, std::string_view value) -> Result<void> {
    if (key.empty()) return {};
    auto done = load_record(key, value);
    if (done.ok() || done.error().code == Code::conflict) return done;
    return Error(done.error()).in("manager's record " + hex(key));
  }));
  if (id_.is_nil()) id_ = ManagerId(rng_.uuid());
  if (!CUBE_PLANTED("reuse-the-epoch")) ++epoch_;
  restore();
  return {};
}

Result<void> Core::load_record(std::string_view key, std::string_view value) {
  switch (static_cast<Table>(key.front())) {
    case Table::meta: {
      auto meta = read_meta(value);
      if (!meta.ok()) return std::move(meta).error();
      if (!meta->cluster.empty() && meta->cluster != config_.cluster)
        return not_ours(meta->cluster);
      id_ = meta->id;
      epoch_ = meta->epoch;
      next_node_ = meta->next_node;
      return {};
    }
    case Table::node: {
      auto node = read_node(value);
      if (!node.ok()) return std::move(node).error();
      nodes_.insert_or_assign(node->no, std::move(*node));
      return {};
    }
    case Table::task:
      return load_task(value, false);
    case Table::task_by_id:
      return load_task(value, true);
    case Table::service:
      return services_.load_record(std::string(value));
    case Table::event: {
      auto event = decode_event(value);
      if (!event.ok()) return std::move(event).error();
      if (!CUBE_PLANTED("reuse-revisions")) revision_ = event->revision;
      events_.push_back(std::move(*event));
      return {};
    }
    case Table::key: {
      auto known = read_key(value);
      if (!known.ok()) return std::move(known).error();
      const std::uint64_t seq = known->seq;
      keys_by_seq_[seq] = key.substr(1);
      keys_[std::string(key.substr(1))] = std::move(*known);
      next_key_seq_ = std::max(next_key_seq_, seq + 1);
      return {};
    }
  }
  return {};  // a table of a later version: not ours to read, and left as it is
}

Result<void> Core::load_task(std::string_view record, bool has_old_key) {
  auto task = read_task(record, kinds_);
  if (!task.ok()) return std::move(task).error();
  const TaskId id = task->task.id;
  const auto [at, is_new] = tasks_.try_emplace(id, std::move(*task));
  if (!is_new) return Error{Code::corrupt, "task " + id.str() + " is there twice"};
  at->second.has_old_key = has_old_key;
  return {};
}

void Core::restore() {
  for (auto& [no, n] : nodes_) {
    next_node_ = std::max(next_node_, static_cast<std::uint32_t>(no) + 1);
    n.lost = n.settled;
    directory_.file(n);
    if (n.availability == Availability::drain) drained_.insert(no);
    put_in_pool(n);
  }
  for (auto& [id, t] : tasks_) {
    next_seq_ = std::max(next_seq_, t.seq + 1);
    index_task(t, *t.kind);
    restore_place(t, directory_.by_name(t.task.node));
    if (!t.task.of.service.is_nil()) services_.restore(t);
  }
  by_seq_.sort();
  services_.restored();
}

void Core::restore_place(TaskEntry& t, NodeEntry* n) {
  if (t.task.is_terminal()) {
    ended_[t.ended_revision] = &t;
    if (n == nullptr || t.container_dropped) return;
    t.node = n;
    n->assigned[t.task.id] = &t;
    return;
  }
  if (n == nullptr) {  // boot_task() queues it
    t.left_its_node = t.task.attempt > 0;
    return;
  }
  t.node = n;
  const bool run = t.task.desired == Desired::run;
  if (run) n->assigned[t.task.id] = &t;
  // What a settled node still runs it will tell when it returns.
  if (run || !n->lost || must_prove(t)) hold(*n, {t.task.id, t.task.attempt}, t, run ? 0 : 1);
}

void Core::index_task(TaskEntry& t, Kind& kind) {
  kinds_.add(kind, t);
  by_id_.add(t);
  by_seq_.add(t);
  t.counted = t.task.wire_state();
  ++counted_[static_cast<std::size_t>(t.counted)];
}

}  // namespace cube::manager
