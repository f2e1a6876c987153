#pragma once
// A container engine in a few maps: what the worker's operations do to it, and what it answers and
// tells. Exact about the facts that decide (docs/worker.md): repeated starts, stops and removes are
// fine, a failed start leaves the container created, names and host ports are taken once.

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/worker.h"

namespace cube::sim {

class EngineModel {
 public:
  using Outcome = worker::OperationOutcome;

  // Applies one operation now. Events it causes go to `events`.
  Outcome apply(const worker::Operation& operation, WallTime now);

  // The process in a running container ends.
  bool exit(const std::string& name, std::int32_t code, WallTime now, bool oom = false);
  // It gets a signal, and goes on until it ends.
  bool signal(const std::string& name, WallTime now);
  // Somebody sends it a signal that ends it.
  bool kill(const std::string& name, std::int32_t code, WallTime now);
  // The engine is told to end: every container gets a signal and ends, while it still tells so.
  void term_all(std::int32_t code, WallTime now);
  // Somebody removes it by hand, running or not.
  bool remove_by_hand(const std::string& name, WallTime now);
  bool pause(const std::string& name, bool paused, WallTime now);
  // The engine goes: every container ends, nobody is told.
  void kill_all(std::int32_t code, WallTime now);
  void reboot(WallTime now);

  const std::map<std::string, runtime::Container>& containers() const { return containers_; }
  std::size_t live(const AttemptKey& key) const;
  void put(runtime::Container foreign) { containers_[foreign.name] = std::move(foreign); }
  const TaskSpec& spec(const std::string& name) { return specs_[name]; }

  // What befell a container, as it happens: for those who watch from above.
  enum class Change : std::uint8_t { created, started, ended, removed };
  std::function<void(Change, const runtime::Container&)> on_change = [](auto, const auto&) {};
  std::uint64_t already_started = 0, names_refused = 0;
  std::string id_prefix = "c";  // of container ids

  std::set<std::string> images;
  std::set<std::uint16_t> occupied_ports;  // by something that is no container
  std::map<std::string, std::deque<runtime::EngineError>> failures;  // by verb, used once each
  std::int32_t stop_code = 143;
  std::vector<runtime::EngineEvent> events;  // told and not yet delivered

 private:
  runtime::Container* find(const std::string& id_or_name);
  void tell(runtime::EngineEvent::Kind kind, const runtime::Container& c, WallTime now);
  void end(runtime::Container& c, std::int32_t code, WallTime now, bool oom);
  bool port_is_free(std::uint16_t port) const;
  Outcome start(const std::string& id, WallTime now);
  Outcome create(const runtime::ContainerConfig& config, WallTime now);

  std::map<std::string, runtime::Container> containers_;  // by name
  std::map<std::string, TaskSpec> specs_;                 // by name
  std::uint64_t last_id_ = 0;
  std::int64_t last_pid_ = 100;
  std::uint16_t last_port_ = 49152;
};

// "create", "start", ...
std::string verb_of(const worker::Operation& operation);

}  // namespace cube::sim
