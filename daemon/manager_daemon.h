#pragma once
// `ManagerDaemon`: the shell around the manager core. It serves the API, keeps the calls to the
// workers going, and holds the order commit, answer, send.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/log.h"
#include "http/loop.h"
#include "manager/manager.h"
#include "store/store.h"

namespace cube::daemon {

struct ManagerDaemonOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5555;
  manager::Config config;
};

// Tells a page of metrics (Prometheus text), at once or later, from any thread.
using MetricsSource = std::function<void(std::function<void(std::string)> tell)>;

class ManagerDaemon {
 public:
  // Serves from when it returns. `store`, `loop` and `log` must outlive it; the loop runs already.
  static Result<std::unique_ptr<ManagerDaemon>> start(ManagerDaemonOptions options,
                                                      store::Store& store, http::Loop& loop,
                                                      Log& log);
  virtual ~ManagerDaemon() = default;  // ends cleanly; containers are not touched
  virtual std::uint16_t port() const = 0;
  // `GET /metrics` ends with what the source tells; it is called on the loop and must not block.
  // An empty one takes it back: when this returns the one before is not called any more.
  virtual void also_measure(MetricsSource source) = 0;
};

}  // namespace cube::daemon
