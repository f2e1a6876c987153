#pragma once
// A worker core with a model engine, a store that is a map, and a clock that is a number: the
// smallest shell there can be. It keeps the order (commit, answer, send) and can be stopped
// anywhere: a new Worker over the committed records goes on.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine_model.h"
#include "worker/worker.h"

namespace cube::test {

using sim::EngineModel;
using sim::verb_of;

class World {
 public:
  explicit World(worker::Config config, std::uint64_t seed = 1);

  // One step of the worker, with everything that follows at this moment.
  void input(worker::Input input);
  // Lets time pass; everything due happens in order.
  void advance(Duration by);
  // What is due now, until nothing is.
  void run();

  // A new process over the committed records. Answers that were on their way are lost.
  void restart_worker();
  void engine_up();
  void engine_down(const std::string& reason);

  worker::Worker& worker() { return *worker_; }
  Now now() const { return {mono, wall}; }

  worker::Config config;
  EngineModel engine;
  bool engine_is_up = false;
  runtime::EngineInfo engine_info;
  std::map<std::string, std::string> records;
  std::map<std::string, Duration> delays;  // by verb; default none
  std::function<void(const worker::Effects&)> on_effects = [](const auto&) {};
  std::function<void(const worker::Operation&, const runtime::EngineError&)> on_failure =
      [](const auto&, const auto&) {};
  std::function<void(const worker::Operation&)> on_done = [](const auto&) {};
  // Answers a probe; nothing: it hangs for its time-out and fails.
  std::function<std::optional<bool>(const worker::Probe&)> answer_probe = [](const auto&) {
    return true;
  };
  // May change an outcome on its way back, after its effect.
  std::function<void(EngineModel::Outcome&)> mangle = [](auto&) {};
  Instant mono{1'000'000'000};
  WallTime wall{1'790'000'000'000'000};

 private:
  void carry_out(const worker::Effects& effects);
  void deliver_events();
  void later(Duration delay, std::function<void()> what);

  std::unique_ptr<worker::Worker> worker_;
  std::uint64_t seed_;
  std::uint64_t process_ = 0;  // which process: answers to an earlier one are dropped
  std::uint64_t sequence_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> queue_;
};

}  // namespace cube::test
