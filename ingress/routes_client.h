#pragma once
// `RoutesClient`: keeps a proxy's table as its manager has it (a long poll of `GET /routes`) and
// tells the manager what the proxy serves (`POST /routes/report`, each second). While no manager
// answers the last table stays in force.

#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/loop.h"
#include "ingress/proxy.h"

namespace cube::ingress {

struct RoutesClientOptions {
  std::vector<http::Endpoint> managers;  // tried in turn. REQUIRES: not empty
  std::string id;                        // of this ingress, unique; empty: made up
  LogSink log;                           // from the loop's thread
};

class RoutesClient {
 public:
  // `loop` runs already; it and `proxy` must outlive the client.
  RoutesClient(http::Loop& loop, Proxy& proxy, RoutesClientOptions options);
  ~RoutesClient();  // not on the loop's thread

  bool has_table() const;  // from any thread
  // Prometheus text; from any thread.
  std::string metrics() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace cube::ingress
