#pragma once
// Services and their replicas as people read them. Pure.

#include <string>
#include <vector>

#include "api/service.h"
#include "base/time.h"
#include "cli/table.h"
#include "task/task.h"

namespace cube::cli {

struct ServiceTableView {
  bool wide = false;
  bool no_trunc = false;  // full IDs
};

Table service_table(const std::vector<api::ServiceView>& services, WallTime now,
                    ServiceTableView view);
// Replicas, in the order that is given.
Table replica_table(const std::vector<Task>& tasks, ServiceTableView view);

// What makes one worth showing again.
std::string fingerprint(const api::ServiceView& service);
std::string fingerprint(const Task& task);

// "web (1a2b3c4d)", made printable
std::string called(const api::ServiceView& service);
// Where requests from outside go in: "web.example.com/web, :80", or empty.
std::string entrances(const service::ServiceSpec& spec);

}  // namespace cube::cli
