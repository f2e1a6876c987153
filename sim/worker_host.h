#pragma once
// `WorkerHost`: the worker's process on its machine: the real core, and what daemon/worker_daemon
// does around it.

#include <memory>
#include <string>

#include "sim/guard.h"
#include "sim/machine.h"
#include "sim/process.h"
#include "worker/worker.h"

namespace cube::sim {

struct WorkerTraits {
  using Core = worker::Worker;
  using Input = worker::Input;
  using Effects = worker::Effects;
  using Reply = worker::Reply;
  using Wake = worker::Wake;
};

class WorkerHost {
 public:
  using Answer = Process<WorkerTraits>::Answer;

  WorkerHost(Sim& sim, std::uint32_t number, Machine& machine, Resources capacity);
  WorkerHost(const WorkerHost&) = delete;

  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }
  const Resources& capacity() const { return capacity_; }
  Machine& machine() { return machine_; }
  Process<WorkerTraits>& process() { return process_; }
  Guard& guard() { return guard_; }
  const worker::Worker& core() const { return process_.core(); }

  // Requests from outside, once they have arrived. REQUIRES: the process is up
  void put(const api::Assignment& assignment, Answer answer);
  void poll(const manager::PollFrom& poll, Answer answer);

  // Called when the process ended by itself.
  std::function<void()> on_died = [] {};

 private:
  Result<worker::Worker> load(Process<WorkerTraits>::Records records, std::uint64_t life);
  void loaded();
  void stepped(const worker::Effects& effects);
  void send(worker::Effects& effects);
  void sample(std::uint64_t generation);
  void count(const worker::Reply& reply);
  void deliver(worker::Input input, std::uint64_t generation);

  Sim& sim_;
  std::string name_, address_;
  Machine& machine_;
  Resources capacity_;
  Rng rng_, load_;
  Process<WorkerTraits> process_;
  Guard guard_;
  worker::Counters counted_;
  api::Fence last_put_;
};

}  // namespace cube::sim
