// Tasks by their place in the order of submission.

#include "manager/order.h"

#include <algorithm>

namespace cube::manager {

void TaskOrder::sort() {
  std::ranges::sort(all_, {}, &Place::seq);
}

std::size_t TaskOrder::at(std::uint64_t seq) const {
  const auto found = std::ranges::lower_bound(all_, seq, {}, &Place::seq);
  return static_cast<std::size_t>(found - all_.begin());
}

void TaskOrder::remove(const TaskEntry& t) {
  const std::size_t i = at(t.seq);
  CUBE_ASSERT(i < all_.size() && all_[i].task == &t);
  all_[i].task = nullptr;
  if (++empty_ * 2 <= all_.size()) return;
  std::erase_if(all_, [](const Place& p) { return p.task == nullptr; });
  empty_ = 0;
}

const TaskEntry* TaskOrder::find(std::uint64_t seq) const {
  const std::size_t i = at(seq);
  return i < all_.size() && all_[i].seq == seq ? all_[i].task : nullptr;
}

TaskEntry* TaskOrder::from(std::uint64_t seq) const {
  for (std::size_t i = at(seq); i < all_.size(); ++i) {
    if (all_[i].task != nullptr) return all_[i].task;
  }
  return nullptr;
}

}  // namespace cube::manager
