#pragma once
// The manager's core on its thread: CoreLoop with the manager's types.

#include <algorithm>
#include <string_view>

#include "daemon/core_loop.h"
#include "manager/manager.h"

namespace cube::daemon {

struct ManagerTraits {
  using Core = manager::Manager;
  using Input = manager::Input;
  using Effects = manager::Effects;
  using Reply = manager::Reply;
  using Wake = manager::Wake;

  static bool tells(const Effects& effects, std::string_view kind) {
    return std::ranges::any_of(effects.events, [&](const Event& e) { return e.kind == kind; });
  }
  static bool assigns(const manager::Send& send) {
    const auto* put = std::get_if<manager::PutTo>(&send);
    return put != nullptr && !put->assignment.tasks.empty();
  }
  static std::string_view failpoint(Stage stage, const Effects& effects) {
    const bool answers = !effects.replies.empty();
    switch (stage) {
      case Stage::before_commit:
        if (answers) return "mgr.before_commit";
        if (tells(effects, "task.running")) return "mgr.before_status_commit";
        return tells(effects, "task.stopped") ? "mgr.before_tombstone_gc" : "";
      case Stage::after_commit:
        return answers ? "mgr.after_commit_before_reply" : "";
      case Stage::before_send:
        return std::ranges::any_of(effects.sends, assigns) ? "mgr.before_send" : "";
    }
    CUBE_UNREACHABLE();
  }
};
using ManagerLoop = CoreLoop<ManagerTraits>;

}  // namespace cube::daemon
