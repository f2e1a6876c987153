// The different specs of all tasks.

#include "manager/kinds.h"

#include <fmt/format.h>

#include <utility>

#include "base/rng.h"
#include "manager/entries.h"

namespace cube::manager {
namespace {

std::string queue_key(const TaskSpec& spec, const scheduler::Demand& d) {
  std::string key = fmt::format("{}|{}|{}|{}|", d.resources.cpu_milli, d.resources.memory_bytes,
                                d.resources.disk_bytes, d.platform);
  for (const auto& p : d.ports) key += fmt::format("{}/{},", p.port, p.protocol);
  if (spec.exclusive) key += "exclusive";
  for (const std::string& c : spec.constraints) key += fmt::format("|c{}:{}", c.size(), c);
  return key;
}

}  // namespace

Kind& Kinds::of(const TaskSpec& spec) {
  std::string record = encode(spec);
  Kind* known = find(stable_hash(record), record);
  return known != nullptr ? *known : enter(spec, std::move(record));
}

Result<Kind*> Kinds::of_record(std::string_view record) {
  if (Kind* known = find(stable_hash(record), record)) return known;
  auto spec = decode_spec(record);
  if (!spec.ok()) return std::move(spec).error();
  return &enter(std::move(*spec), std::string(record));
}

Kind* Kinds::find(std::uint64_t hash, std::string_view record) const {
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (at->second->record == record) return at->second.get();
  }
  return nullptr;
}

Kind& Kinds::enter(TaskSpec spec, std::string record) {
  auto kind = std::make_unique<Kind>();
  kind->record = std::move(record);
  kind->demand = scheduler::Demand::of(spec, 0);
  kind->queue_key = queue_key(spec, kind->demand);
  kind->spec = std::move(spec);
  Kind& out = *kind;
  by_name_.emplace(out.spec->name, &out);
  by_hash_.emplace(stable_hash(out.record), std::move(kind));
  return out;
}

void Kinds::add(Kind& kind, TaskEntry& t) {
  CUBE_ASSERT(t.kin_before == nullptr && t.kin_after == nullptr);
  t.kind = &kind;
  t.kin_after = kind.first;
  if (kind.first != nullptr) kind.first->kin_before = &t;
  kind.first = &t;
  ++kind.tasks;
  ++tasks_;
}

void Kinds::remove(TaskEntry& t) {
  Kind& kind = *std::exchange(t.kind, nullptr);
  if (t.kin_before != nullptr) t.kin_before->kin_after = t.kin_after;
  if (t.kin_after != nullptr) t.kin_after->kin_before = t.kin_before;
  if (kind.first == &t) kind.first = t.kin_after;
  t.kin_before = t.kin_after = nullptr;
  CUBE_ASSERT(kind.tasks > 0);
  --tasks_;
  if (--kind.tasks > 0) return;
  auto [at, last] = by_name_.equal_range(kind.spec->name);
  while (at != last && at->second != &kind) ++at;
  CUBE_ASSERT(at != last);
  by_name_.erase(at);
  auto entry = by_hash_.lower_bound(stable_hash(kind.record));
  while (entry->second.get() != &kind) ++entry;
  by_hash_.erase(entry);
}

std::vector<TaskEntry*> Kinds::named(std::string_view name) const {
  std::vector<TaskEntry*> out;
  const auto [first, last] = by_name_.equal_range(name);
  for (auto at = first; at != last; ++at) {
    for (TaskEntry* t = at->second->first; t != nullptr; t = t->kin_after) out.push_back(t);
  }
  return out;
}

}  // namespace cube::manager
