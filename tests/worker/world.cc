#include "tests/worker/world.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace cube::test {

World::World(worker::Config c, std::uint64_t seed) : config(std::move(c)), seed_(seed) {
  engine_info.id = "machine-1";
  engine_info.version = "20.10.24";
  engine_info.platform = "linux/amd64";
  engine.images = {"echo"};
  restart_worker();
}

void World::restart_worker() {
  ++process_;
  std::vector<std::pair<std::string, std::string>> all(records.begin(), records.end());
  auto loaded = worker::Worker::load(config, Rng(seed_ * 1000 + process_), std::move(all));
  REQUIRE_MESSAGE(loaded.ok(), (loaded.ok() ? std::string() : loaded.error().message));
  worker_ = std::make_unique<worker::Worker>(std::move(loaded).value());
  input(worker::Wake{});
  if (engine_is_up) input(worker::EngineConnected{engine_info});
  run();
}

void World::engine_up() {
  engine_is_up = true;
  input(worker::EngineConnected{engine_info});
  run();
}

void World::engine_down(const std::string& reason) {
  engine_is_up = false;
  engine.events.clear();
  input(worker::EngineDisconnected{reason});
  run();
}

void World::input(worker::Input in) {
  worker::Effects effects;
  worker_->step(now(), std::move(in), effects);
  for (const store::Write& write : effects.writes) {
    if (write.kind == store::Write::Kind::put) {
      records[write.key] = write.value;
    } else {
      records.erase(write.key);
    }
  }
  on_effects(effects);
  carry_out(effects);
}

void World::later(Duration delay, std::function<void()> what) {
  queue_.emplace(std::pair(mono + delay, ++sequence_), std::move(what));
}

void World::carry_out(const worker::Effects& effects) {
  for (const worker::Operation& operation : effects.operations) {
    const auto found = delays.find(verb_of(operation));
    const Duration delay = found == delays.end() ? Duration::zero() : found->second;
    later(delay, [this, operation, process = process_] {
      EngineModel::Outcome outcome =
          runtime::EngineError{runtime::EngineError::Kind::unavailable, "connection refused"};
      if (engine_is_up) outcome = engine.apply(operation, wall);
      mangle(outcome);
      on_done(operation);
      if (const auto* error = std::get_if<runtime::EngineError>(&outcome)) {
        on_failure(operation, *error);
      }
      if (process == process_) input(worker::OperationDone{operation.op, std::move(outcome)});
    });
  }
  for (const worker::Probe& probe : effects.probes) {
    const auto answer = answer_probe(probe);
    later(answer ? Duration::zero() : probe.timeout, [this, probe, answer, process = process_] {
      if (process != process_) return;
      const std::string detail = !answer ? "no answer in time" : *answer ? "200" : "status 500";
      input(worker::ProbeDone{probe.op, answer.value_or(false), detail});
    });
  }
}

void World::deliver_events() {
  while (!engine.events.empty()) {
    runtime::EngineEvent event = std::move(engine.events.front());
    engine.events.erase(engine.events.begin());
    if (engine_is_up) input(worker::EngineHappened{std::move(event)});
  }
}

void World::run() {
  int steps = 0;
  for (;;) {
    REQUIRE_MESSAGE(++steps < 100'000, "the worker does not come to rest");
    if (!queue_.empty() && queue_.begin()->first.first <= mono) {
      const auto what = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      what();
    } else if (!engine.events.empty()) {
      deliver_events();
    } else if (worker_->next_wake() <= mono) {
      input(worker::Wake{});
    } else {
      return;
    }
  }
}

void World::advance(Duration by) {
  const Instant until = mono + by;
  const auto jump = [this](Instant to) {
    wall = wall + (to - mono);
    mono = to;
  };
  for (;;) {
    run();
    Instant next = worker_->next_wake();
    if (!queue_.empty()) next = std::min(next, queue_.begin()->first.first);
    if (next > until) break;
    jump(std::max(next, mono));
  }
  jump(until);
  run();
}

}  // namespace cube::test
