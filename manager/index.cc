// Tasks by their id: open addressing, linear probing.

#include "manager/index.h"

#include <cstring>

namespace cube::manager {
namespace {

constexpr std::size_t slots_first = 64;

// Ids may be chosen by people: all bits count.
std::uint64_t hash_of(const TaskId& id) {
  std::uint64_t halves[2];
  static_assert(sizeof halves == sizeof id.uuid.bytes);
  std::memcpy(halves, id.uuid.bytes.data(), sizeof halves);
  std::uint64_t h = halves[0] * 0x9e3779b97f4a7c15ULL ^ halves[1];
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  return h ^ h >> 32;
}

}  // namespace

TaskEntry* TaskIndex::find(const TaskId& id) const {
  if (slots_.empty()) return nullptr;
  const std::uint64_t hash = hash_of(id);
  for (std::size_t i = home(hash); slots_[i].task != nullptr; i = after(i)) {
    if (slots_[i].hash == hash && slots_[i].task->task.id == id) return slots_[i].task;
  }
  return nullptr;
}

void TaskIndex::add(TaskEntry& t) {
  if (size_ * 4 >= slots_.size() * 3) grow();
  put({hash_of(t.task.id), &t});
  ++size_;
}

void TaskIndex::put(Slot slot) {
  std::size_t i = home(slot.hash);
  while (slots_[i].task != nullptr) i = after(i);
  slots_[i] = slot;
}

void TaskIndex::grow() {
  std::vector<Slot> old(slots_.empty() ? slots_first : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.task != nullptr) put(slot);
  }
}

void TaskIndex::remove(const TaskEntry& t) {
  std::size_t i = home(hash_of(t.task.id));
  while (slots_[i].task != &t) {
    CUBE_ASSERT(slots_[i].task != nullptr);
    i = after(i);
  }
  slots_[i] = {};
  --size_;
  // What stands behind may have been pushed away by it: each finds its place anew.
  for (i = after(i); slots_[i].task != nullptr; i = after(i)) {
    put(std::exchange(slots_[i], {}));
  }
}

}  // namespace cube::manager
