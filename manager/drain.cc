// Nodes that an operator takes out of use: paused ones get nothing new, drained ones are emptied.

#include <fmt/format.h>

#include "base/text.h"
#include "manager/impl.h"

namespace cube::manager {

std::string_view name(Availability availability) {
  switch (availability) {
    case Availability::active:
      return "active";
    case Availability::pause:
      return "pause";
    case Availability::drain:
      return "drain";
  }
  CUBE_UNREACHABLE();
}

void Core::take(SetAvailability& in) {
  CUBE_ASSERT(in.token != 0);
  NodeEntry* n = find_node(in.node);
  if (n == nullptr) {
    fx_->replies.push_back({in.token, Error{Code::not_found, "no node " + printable(in.node)}});
    return;
  }
  fx_->replies.push_back({in.token, Accepted{}});
  if (n->availability == in.availability) return;
  n->availability = in.availability;
  if (n->availability == Availability::drain) {
    drained_.insert(n->no);
  } else {
    drained_.erase(n->no);
  }
  tell("node.availability", *n, std::string(name(in.availability)));
  save(*n);
  refresh(*n);
  capacity_changed();
  services_.node_changed(*n);
}

// Replicas of services go when their replacements run (service/rollout.h); a task of its own goes
// at once when another node has room for it, and stays until one has.
void Core::empty_drained_nodes() {
  if (drains_tried_ == pool_version_ || drained_.empty()) return;
  if (is_large() && placed_version_ != pool_version_) return;  // together with the queue
  drains_tried_ = pool_version_;
  for (const NodeNo no : drained_) {
    NodeEntry& n = *entry(no);
    if (n.lost) continue;
    for (TaskEntry* t : tasks_on(n)) {
      const bool goes = !t->task.is_terminal() && t->task.desired == Desired::run && !t->replica;
      if (goes) move_off(*t, n);
    }
  }
}

void Core::move_off(TaskEntry& t, const NodeEntry& from) {
  const auto decision = place(t);
  if (!decision.node) return;
  const std::string why = fmt::format("node {} is being emptied", from.shown());
  if (must_prove(t)) return leave_for_another(t, why);
  new_attempt(t, *entry(node_at_[static_cast<std::size_t>(*decision.node)]), "task.moved", why);
}

}  // namespace cube::manager
