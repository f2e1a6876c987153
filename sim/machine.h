#pragma once
// `Machine`: one computer with a container engine, its calendar, and what befalls both. Operations
// take time, fail, lose their answers, or happen long after the caller gave up; the engine hangs,
// restarts, and forgets what it had to tell.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/engine_model.h"
#include "sim/program.h"
#include "sim/sim.h"

namespace cube::sim {

class Machine {
 public:
  using Deliver = std::function<void(worker::Input)>;
  using Lives = std::function<bool()>;  // is the process that asked still there?

  Machine(Sim& sim, std::uint32_t number);
  Machine(const Machine&) = delete;

  const std::string& name() const { return name_; }
  std::string boot_id() const { return name_ + "-boot-" + std::to_string(boots_); }
  WallTime wall() const { return calendar_begin + (sim_.timeline.now() - Instant{}) + jumped_; }
  Now clock() const { return {drift_.local(sim_.timeline.now()), wall()}; }
  const Drift& drift() const { return drift_; }
  EngineModel& model() { return model_; }
  bool engine_is_up() const { return up_; }

  // A worker process of `node` follows the engine; a second watch of it ends the first.
  void watch(const std::string& node, Deliver deliver);
  void unwatch(const std::string& node) { watchers_.erase(node); }
  // Ends in exactly one answer, unless the machine's worker is gone by then.
  void perform(const std::string& node, const worker::Operation& operation, Deliver deliver,
               Lives lives);
  void probe(const worker::Probe& probe, Deliver deliver);

  // --- what befalls it
  void engine_killed();      // at once: containers end with it, unless live-restore
  void engine_terminated();  // signals each, waits a little, then ends
  void engine_up();
  void engine_hangs(Duration span);
  void stream_breaks();  // and what happened meanwhile is not told
  void reboot();         // the caller restarts the workers
  void jump_clock(Duration to) { jumped_ = to; }
  void misfortune(Fault kind);  // to a container, an image, a port
  void be_well();               // the faults are over

  std::size_t under_way(std::string_view verb) const;
  std::size_t late_calls() const { return late_calls_; }  // given up, and not done yet

 private:
  struct Call {
    worker::Operation operation;
    std::string node, verb;
    Deliver deliver;
    Lives lives;
    bool answered = false;
    bool effect_only = false;  // its answer is lost
    std::uint64_t engine_life = 0;
  };
  using CallPtr = std::shared_ptr<Call>;
  struct Watcher {
    Deliver deliver;
    bool connected = false;
    std::uint64_t number = 0;
    Instant last;  // events keep their order
  };

  void arrive(const CallPtr& call, bool late);
  void execute(const CallPtr& call, bool late);
  void stop(const CallPtr& call, const std::string& id, Duration grace);
  void apply(const CallPtr& call, bool late);
  void answer(const CallPtr& call, EngineModel::Outcome outcome);
  void check_target(const Call& call);
  bool draw(std::uint32_t permille) { return !sim_.calm && rng_.below(1000) < permille; }
  Duration span_of(const std::string& verb);
  std::optional<runtime::EngineError> drawn_error(const std::string& verb);
  void live(const std::string& id);  // schedules how it ends by itself
  void connect(const std::string& node, Duration after);
  void disconnect(const std::string& reason);
  void tell_events();
  void die();
  bool is_prompt() const;
  void engine_out(Instant until);  // what rests on it does not hold until then
  std::string any_container(bool running);

  Sim& sim_;
  std::string name_;
  Rng rng_, lives_;
  Drift drift_;
  EngineModel model_;
  std::map<std::string, Watcher> watchers_;
  std::uint64_t next_watch_ = 1;
  bool up_ = true, late_ = false, silent_ = false;
  std::uint64_t engine_life_ = 1, boots_ = 1;
  std::size_t late_calls_ = 0;
  Instant hung_until_{};
  Duration jumped_{};
  std::map<std::string, std::size_t> under_way_;  // by node and verb
};

}  // namespace cube::sim
