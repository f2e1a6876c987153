#pragma once
// `WorkerDaemon`: the shell around the worker core. It serves the API, runs container operations
// and probes, samples the machine, and holds the order commit, answer, send.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/guard_keeper.h"
#include "daemon/log.h"
#include "http/loop.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "worker/worker.h"

namespace cube::daemon {

struct WorkerDaemonOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5556;
  worker::Config config;
  std::vector<std::string> join;  // managers to announce this worker to, "host:port"
  std::string advertise;          // "host:port" under which they reach it; empty: they see
  GuardStart guard;               // of exclusive tasks
};

class WorkerDaemon {
 public:
  // Serves from when it returns. `store`, `runtime`, `loop` and `log` must outlive it; the loop
  // runs already.
  static Result<std::unique_ptr<WorkerDaemon>> start(WorkerDaemonOptions options,
                                                     store::Store& store, runtime::Runtime& runtime,
                                                     http::Loop& loop, Log& log);
  virtual ~WorkerDaemon() = default;  // ends cleanly; containers are not touched
  virtual std::uint16_t port() const = 0;
};

}  // namespace cube::daemon
