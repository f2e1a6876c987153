#pragma once
// `run_guard`: the process beside a worker that stops what is exclusive when the lease is over and
// the worker does not, because it was killed and stays down, or stands still. docs/exclusive.md

#include <functional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "daemon/log.h"
#include "http/loop.h"
#include "runtime/runtime.h"

namespace cube::daemon {

struct GuardOptions {
  std::string page;  // the file of GuardPage
  std::string cluster, node;
  // The worker is seen to live no longer than this ago: then it stops what is exclusive by itself,
  // and in its own time.
  Duration worker_silent_max = 2s;
  Duration look_every = 200ms;
};

// Returns when it is not needed any more: no worker has the page and nothing exclusive of this node
// lives. Also, with nothing done, when there is another guard. `told_to_end` is asked at each look:
// then an engine that is away is not waited for when there is no worker.
Result<void> run_guard(const GuardOptions& options, runtime::Runtime& runtime, http::Loop& loop,
                       Log& log, const std::function<bool()>& told_to_end);

}  // namespace cube::daemon
