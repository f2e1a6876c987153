// What everything must have come to some time after the faults: liveness.

#include <fmt/format.h>

#include <algorithm>

#include "sim/world.h"
#include "worker/engine.h"

namespace cube::sim {
namespace {

bool is_steady(const Task& t) {
  return !program_of(t.spec).ends_after.has_value();
}

bool restarts_for_ever(const Task& t) {
  return t.spec->restart.kind == RestartPolicy::Kind::always ||
         t.spec->restart.kind == RestartPolicy::Kind::unless_stopped;
}

std::string about(const Task& t) {
  return fmt::format("{} {} ({} {} on {} a{} r{})", t.spec->name, t.id.str().substr(0, 8),
                     name(t.desired), name(t.status.observed), t.node.empty() ? "none" : t.node,
                     t.attempt, t.status.restart);
}

}  // namespace

std::vector<std::string> World::complaints() const {
  std::vector<std::string> out;
  if (!manager_->process().is_up()) return {"the manager is down"};
  for (const auto& c : clients_) {
    if (c->unanswered() > 0) out.push_back("a client waits for an answer");
  }
  const Nodes nodes = manager_->core().nodes();
  for (const Task* t : manager_->core().tasks()) check_task(*t, nodes, out);
  check_containers(out);
  check_nodes(nodes, out);
  if (operator_) check_services(out);
  return out;
}

std::vector<std::string> World::left_alone() const {
  std::vector<std::string> out;
  for (const auto& [id, c] : sim_.checks.live()) {
    if (is_steady(sim_.checks.committed().at(c.attempt.task))) out.push_back(id);
  }
  return out;
}

void World::check_task(const Task& t, const Nodes& nodes, std::vector<std::string>& out) const {
  const auto say = [&](std::string_view what) {
    out.push_back(about(t) + ": " + std::string(what));
  };
  const auto live = sim_.checks.live(t.id);
  if (sim_.checks.stopped().contains(t.id) && !t.is_terminal()) say("was stopped, and is not over");
  if (t.is_terminal()) {
    if (!live.empty()) say("is over, and runs on " + live.front().node);
    const bool is_own = t.of.service.is_nil();  // of a replica another takes the place
    if (is_own && t.desired == Desired::run && is_steady(t) && restarts_for_ever(t)) {
      say("was given up: " + t.status.reason);
    }
    return;
  }
  if (live.size() > 1) say(fmt::format("{} containers run", live.size()));
  if (t.node.empty()) return check_waiting(t, nodes, out);
  if (!is_steady(t)) return;  // it comes and goes
  if (t.status.observed != Observed::running) return say("does not run: " + t.status.reason);
  if (live.empty()) return say("runs in no container");
  const Live& c = live.front();
  if (c.node != t.node || c.attempt.attempt != t.attempt || c.restart != t.status.restart) {
    say(fmt::format("runs as a{} r{} on {}", c.attempt.attempt, c.restart, c.node));
  }
}

void World::check_waiting(const Task& t, const Nodes& nodes, std::vector<std::string>& out) const {
  const auto say = [&](std::string_view what) {
    out.push_back(about(t) + ": " + std::string(what));
  };
  if (t.waits_for.empty()) say("waits, and does not say why");
  if (!t.avoided.empty()) return say("waits until a node is no longer avoided");
  if (!t.spec->ports.empty()) return;  // others may hold its port
  const Resources wants{t.spec->cpu_milli, t.spec->memory_bytes, t.spec->disk_bytes};
  for (const manager::Node& n : nodes) {
    if (wants.fits_in(n.info.capacity - n.reserved)) say("waits, and would fit: " + t.waits_for);
  }
}

void World::check_containers(std::vector<std::string>& out) const {
  for (const auto& m : machines_) {
    if (m->late_calls() > 0) out.push_back("an engine has yet to do what it was asked long ago");
    if (!m->model().containers().contains("somebody-elses")) out.push_back("a foreign one is gone");
    for (const auto& [name, c] : m->model().containers()) {
      const auto key = worker::container_key(c.labels);
      if (!key) continue;
      const auto found = sim_.checks.committed().find(key->attempt.task);
      if (found == sim_.checks.committed().end()) {
        out.push_back(fmt::format("{} is of no task", name));
        continue;
      }
      const Task& t = found->second;
      const bool runs = sim_.checks.live().contains(c.id);
      if (t.desired == Desired::stop) out.push_back(fmt::format("{}: {} is left", about(t), name));
      const bool present = t.attempt == key->attempt.attempt && !t.node.empty();
      if (!present) out.push_back(fmt::format("{}: {} is of no use", about(t), name));
      if (runs && t.is_terminal()) out.push_back(fmt::format("{}: {} runs", about(t), name));
    }
  }
}

void World::check_nodes(const Nodes& nodes, std::vector<std::string>& out) const {
  if (nodes.size() != workers_.size()) {
    out.push_back(fmt::format("{} of {} nodes are known", nodes.size(), workers_.size()));
  }
  for (const manager::Node& n : nodes) {
    if (n.state == manager::NodeState::ready) continue;
    out.push_back(fmt::format("node {} is {}: {}", n.name, name(n.state), n.reason));
  }
}

}  // namespace cube::sim
