#pragma once
// `Guard`: the process beside a worker that stops what is exclusive when the lease is over and the
// worker does not (daemon/guard.h), with the page that both have mapped, and what the worker's
// shell does to keep a guard alive (daemon/guard_keeper.h). docs/exclusive.md

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "sim/machine.h"

namespace cube::sim {

class Guard {
 public:
  struct Worker {
    std::function<bool()> is_up;           // it has its page, and looks after its guard
    std::function<Instant()> last_acted;   // in virtual time; its shell looks after its guard then
    std::function<Instant()> last_seen;    // the guard saw it live
    std::function<void(bool lives)> tell;  // it looked: does the guard live?
  };

  Guard(Sim& sim, std::string node, Machine& machine, Worker worker);
  Guard(const Guard&) = delete;

  // --- what the worker's shell does
  Instant lease_until() const { return lease_until_; }
  void renew(Instant until);  // by the machine's clock
  void want();                // there is something exclusive: there shall be a guard
  void worker_started() { wanted_ = false; }
  bool is_wanted() const { return wanted_; }
  bool lives() const { return life_ != 0 && !stands_still_; }

  // --- what befalls it
  void kill(bool stands_still);  // what stands still is noticed later, and ended then
  void machine_rebooted();       // times of another boot do not count
  void page_lost() { lease_until_ = {}; }

 private:
  Instant clock() const { return machine_.drift().local(sim_.timeline.now()); }
  void begin();
  void look_after(Duration span);  // of the guard
  void look();
  bool must_act() const;
  void list();
  void listed(const worker::OperationOutcome& outcome);
  void stop_or_remove(const runtime::Container& c);
  void perform(decltype(worker::Operation::what) what,
               std::function<void(const worker::OperationOutcome&)> then);
  void keep_after(Duration span);  // the worker looks whether it lives
  void keep();

  Sim& sim_;
  std::string node_;
  Machine& machine_;
  Worker worker_;
  Rng rng_;
  Instant lease_until_{};
  std::uint64_t lives_ = 0, life_ = 0;  // 0: there is none
  std::uint64_t looks_ = 0, keeps_ = 0;
  bool wanted_ = false, listing_ = false, stands_still_ = false;
  Instant start_again_at_{};
  std::set<std::string> under_way_;
};

}  // namespace cube::sim
