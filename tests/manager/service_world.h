#pragma once
// A world of a few large nodes, n1 and on, whose manager runs services.

#include <fmt/format.h>

#include <algorithm>
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
  void update(const service::ServiceSpec& spec) {
    step(manager::ServiceInput(manager::UpdateService{token(), spec.name, spec, std::nullopt}));
  }
  void drain(const std::string& node) {
    step(manager::SetAvailability{token(), node, manager::Availability::drain});
  }
  api::ServiceView view() { return *manager().service("web"); }

  // Replicas of "web" that are to stay, and run, of this image (empty: any) on this node (the
  // same).
  std::uint32_t running(std::string_view image, std::string_view node = "") {
    const auto tasks = manager().service_tasks("web");
    return static_cast<std::uint32_t>(std::ranges::count_if(*tasks, [&](const Task* t) {
      return !t->draining && t->desired == Desired::run &&
             t->status.observed == Observed::running &&
             (image.empty() || t->spec->image == image) && (node.empty() || t->node == node);
    }));
  }
  // The fewest replicas that were ready at any time within this span.
  std::uint32_t least_ready_within(Duration span) {
    std::uint32_t least = view().status.ready;
    for (Duration t{}; t < span; t += 100ms) {
      run_for(100ms);
      least = std::min(least, view().status.ready);
    }
    return least;
  }
};

}  // namespace cube::test
