#pragma once
// A world of a few large nodes, n1 and on, whose manager runs services.

#include <fmt/format.h>

#include <utility>

#include "tests/manager/world.h"

namespace cube::test {

struct ServiceWorld : World {
  explicit ServiceWorld(int nodes) {
    for (int i = 1; i <= nodes; ++i) {
      ModelWorker& w = add_worker(fmt::format("n{}", i), {16'000, 64LL << 30, 1LL << 40});
      config.workers.push_back(w.address);
    }
    start_manager();
    run_for(1s);  // all have answered
  }

  // One replica of "echo" under the name "web", to be changed before it is created.
  static service::ServiceSpec web() {
    service::ServiceSpec spec;
    spec.name = "web";
    spec.task.image = "echo";
    return spec;
  }

  void create(service::ServiceSpec spec) {
    step(manager::ServiceInput(manager::CreateService{token(), std::move(spec)}));
  }
};

}  // namespace cube::test
