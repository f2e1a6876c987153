#include "sim/guard.h"

#include <fmt/format.h>

#include "base/planted.h"
#include "worker/labels.h"

namespace cube::sim {
namespace {

// As in daemon/guard.h and daemon/guard_keeper.cc.
constexpr Duration worker_silent_max = 2s, look_every = 200ms, keep_every = 250ms;
constexpr Duration guard_silent_max = 2s, start_again_after = 5s;
// There is no need to look each time while the worker is well.
constexpr Duration look_again_at_the_worker = 500ms;

bool lives(runtime::ContainerState state) {
  return state != runtime::ContainerState::created && state != runtime::ContainerState::exited &&
         state != runtime::ContainerState::dead;
}

}  // namespace

Guard::Guard(Sim& sim, std::string node, Machine& machine, Worker worker)
    : sim_(sim),
      node_(std::move(node)),
      machine_(machine),
      worker_(std::move(worker)),
      rng_(sim.root.split("guard of " + node_)) {}

// --- The guard --------------------------------------------------------------------------------

void Guard::begin() {
  life_ = ++lives_;
  stands_still_ = listing_ = false;
  under_way_.clear();
  sim_.story.tell("{}: a guard starts", node_);
  look();
}

void Guard::look_after(Duration span) {
  const auto late = Duration(static_cast<std::int64_t>(rng_.below(200'000)));
  const std::uint64_t number = ++looks_;
  const Instant at = machine_.drift().when(clock() + span) + late;
  sim_.timeline.at(at, [this, number] {
    if (number == looks_ && life_ != 0 && !stands_still_) look();
  });
}

// The real one looks every 200 ms; here it looks when there can be something to do.
void Guard::look() {
  if (clock() < lease_until_) return look_after(lease_until_ - clock());
  if (!must_act()) return look_after(look_again_at_the_worker);
  if (!listing_) list();
  if (life_ != 0) look_after(look_every);
}

bool Guard::must_act() const {
  if (CUBE_PLANTED("no-guard")) return false;
  const Instant seen = machine_.drift().local(worker_.last_seen());
  const bool worker_lives = worker_.is_up() && clock() < seen + worker_silent_max;
  return clock() >= lease_until_ && !worker_lives;
}

void Guard::list() {
  listing_ = true;
  perform(worker::ListContainers{{{std::string(worker::label_cluster), "sim"},
                                  {std::string(worker::label_node), node_},
                                  {std::string(worker::label_exclusive), "true"}}},
          [this](const worker::OperationOutcome& outcome) {
            listing_ = false;
            listed(outcome);
          });
}

void Guard::listed(const worker::OperationOutcome& outcome) {
  const auto* found = std::get_if<std::vector<runtime::Container>>(&outcome);
  if (found == nullptr || !must_act()) return;
  bool is_clear = under_way_.empty();
  for (const runtime::Container& c : *found) {
    const bool is_made = c.state == runtime::ContainerState::created;
    if (!is_made && !sim::lives(c.state)) continue;
    is_clear = false;
    if (under_way_.insert(c.id).second) stop_or_remove(c);
  }
  if (!is_clear || worker_.is_up()) return;
  sim_.story.tell("{}: its guard ends: nothing is left to guard", node_);
  life_ = 0;
}

void Guard::stop_or_remove(const runtime::Container& c) {
  const auto done = [this, id = c.id](const worker::OperationOutcome&) { under_way_.erase(id); };
  if (c.state == runtime::ContainerState::created) {
    return perform(worker::RemoveContainer{c.id}, done);
  }
  sim_.hits(Hit::guard_stopped);
  sim_.story.tell("{}: its guard stops {}", node_, c.name);
  perform(worker::StopContainer{c.id, machine_.model().spec(c.name).stop_grace}, done);
}

void Guard::perform(decltype(worker::Operation::what) what,
                    std::function<void(const worker::OperationOutcome&)> then) {
  const auto is_there = [this, life = life_] { return life == life_ && !stands_still_; };
  machine_.perform(
      node_, worker::Operation{1, std::move(what)},
      [is_there, then = std::move(then)](const worker::Input& input) {
        if (is_there()) then(std::get<worker::OperationDone>(input).outcome);
      },
      is_there);
}

// --- What keeps it ----------------------------------------------------------------------------

void Guard::renew(Instant until) {
  lease_until_ = until;
}

void Guard::want() {
  if (std::exchange(wanted_, true)) return;
  keep_after(keep_every);
}

void Guard::keep_after(Duration span) {
  const std::uint64_t number = ++keeps_;
  const auto late = Duration(static_cast<std::int64_t>(rng_.below(250'000)));
  sim_.timeline.after(span + late, [this, number] {
    if (number == keeps_) keep();
  });
}

// It looks every 250 ms; here, when something has changed.
void Guard::keep() {
  if (!wanted_ || !worker_.is_up()) return;
  if (sim_.timeline.now() > worker_.last_acted()) return keep_after(keep_every);  // it stands still
  if (life_ != 0 && !stands_still_) return worker_.tell(true);
  worker_.tell(false);
  life_ = 0;
  if (clock() < start_again_at_) return keep_after(start_again_at_ - clock());
  start_again_at_ = clock() + start_again_after;
  begin();
  keep_after(keep_every);
}

// --- What befalls it --------------------------------------------------------------------------

void Guard::kill(bool stands_still) {
  sim_.hits(Hit::guard_killed);
  sim_.story.tell("{}: its guard {}", node_, stands_still ? "stands still" : "is killed");
  if (stands_still) {
    stands_still_ = true;
  } else {
    life_ = 0;
  }
  keep_after(stands_still ? guard_silent_max : keep_every);
}

void Guard::machine_rebooted() {
  life_ = 0;
  lease_until_ = {};
}

}  // namespace cube::sim
