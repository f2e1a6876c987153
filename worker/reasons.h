#pragma once
// Why a container is over, in words and as a Failure. Pure.

#include <string>
#include <string_view>

#include "base/time.h"
#include "runtime/runtime.h"
#include "task/exit_words.h"
#include "task/task.h"

namespace cube::worker {

// How one container ended.
struct End {
  Failure failure = Failure::none;
  std::string reason{};  // "exit code 3", "killed by signal 9 (SIGKILL)", "out of memory: ..."
  std::int32_t exit_code = 0;
  bool ran = false;        // false: it could not be started
  bool signalled = false;  // shortly after a signal that somebody else sent
  Duration ran_for{};      // by the engine's own stamps
  Duration healthy_for{};  // of one that was stopped for its health: before it fell ill
  WallTime started{}, finished{};
};

// The end of a container that the engine shows as exited. `oom_seen`: an out-of-memory event came
// (the engine's own flag is unreliable on cgroup v2).
End end_of(const runtime::Container& container, const TaskSpec& spec, bool oom_seen);

// "350 ms", "4 s", "2.5 s", "3 min": for people, rounded.
std::string pause_in_words(Duration d);

}  // namespace cube::worker
