#pragma once
// `EngineLink`: carries the worker core's operations to the container engine, its probes to their
// targets, and what the engine says back to the core. Decides nothing; every operation and probe
// ends in exactly one input.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "runtime/runtime.h"
#include "worker/worker.h"

namespace cube::daemon {

class EngineLink {
 public:
  using OnInput = std::function<void(worker::Input, std::uint64_t generation)>;

  // `mount_dirs`: what a host path must really be under, after symbolic links, to be mounted. The
  // core has checked the words; only here can the links be followed.
  EngineLink(http::Loop& loop, runtime::Runtime& runtime, std::vector<std::string> mount_dirs)
      : loop_(loop), runtime_(runtime), client_(loop) {
    shared_->mount_dirs = std::move(mount_dirs);
  }

  void on_input(OnInput on_input) { shared_->on_input = std::move(on_input); }
  // Follows the engine for the core of this generation, from the beginning: it is told at once
  // when the engine is there. From any thread.
  void watch(const std::string& cluster, const std::string& node, std::uint64_t generation);
  void run(worker::Operation operation, std::uint64_t generation);  // from any thread
  void run(worker::Probe probe, std::uint64_t generation);          // from any thread
  // Where the engine keeps its data, as it last said. On the loop's thread.
  const std::string& data_dir() const { return shared_->info.data_dir; }
  std::int64_t cpus() const { return shared_->info.cpus; }
  // Returns when no input is being delivered, and none will be.
  void stop();

 private:
  // Shared with the calls under way, which may end after this object. On the loop's thread.
  struct Shared {
    OnInput on_input;
    std::vector<std::string> mount_dirs;
    runtime::EngineInfo info;
    std::unique_ptr<runtime::Stream> watch;
    void deliver(worker::Input input, std::uint64_t generation) {
      if (on_input) on_input(std::move(input), generation);
    }
  };

  http::Loop& loop_;
  runtime::Runtime& runtime_;
  http::Client client_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace cube::daemon
