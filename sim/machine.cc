#include "sim/machine.h"

#include <fmt/format.h>

#include <algorithm>

namespace cube::sim {
namespace {

using runtime::EngineError;
using Kind = EngineError::Kind;

constexpr Duration list_deadline = 10s, change_deadline = 60s, stop_margin = 30s;
constexpr Duration pull_deadline = 10min;
constexpr Duration stop_grace_most = 10s;  // of the clients' tasks
// An engine that takes longer is not one that an exclusive task can rest on.
constexpr Duration prompt = 600ms;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

Duration deadline_of(const worker::Operation& operation) {
  return std::visit(
      Overloaded{
          [](const worker::ListContainers&) -> Duration { return list_deadline; },
          [](const worker::InspectContainer&) -> Duration { return list_deadline; },
          [](const worker::PullImage&) -> Duration { return pull_deadline; },
          [](const worker::StopContainer& s) -> Duration { return s.grace + stop_margin; },
          [](const auto&) -> Duration { return change_deadline; },
      },
      operation.what);
}

// The container that an operation changes; empty: none.
std::string target_of(const worker::Operation& operation) {
  return std::visit(Overloaded{
                        [](const worker::StartContainer& s) { return s.id; },
                        [](const worker::StopContainer& s) { return s.id; },
                        [](const worker::RemoveContainer& r) { return r.id; },
                        [](const auto&) { return std::string(); },
                    },
                    operation.what);
}

EngineError away(std::string message) {
  return {Kind::unavailable, std::move(message)};
}

bool lives(const runtime::Container& c) {
  return c.state == runtime::ContainerState::running || c.state == runtime::ContainerState::paused;
}

}  // namespace

Machine::Machine(Sim& sim, std::uint32_t number)
    : sim_(sim),
      name_(fmt::format("m{}", number)),
      rng_(sim.root.split("machine " + name_)),
      lives_(sim.root.split("containers of " + name_)) {
  model_.on_change = [this](EngineModel::Change change, const runtime::Container& c) {
    static constexpr std::string_view words[] = {"created", "runs", "ended", "removed"};
    sim_.story.tell("{}: container {} {} {}", name_, c.id, c.name,
                    words[static_cast<std::size_t>(change)]);
    sim_.checks.container(name_, change, c, model_.spec(c.name), late_);
  };
  model_.id_prefix = name_ + "-c";
  if (!is_prompt()) sim.checks.engine_out(name_, Instant::never());
  drift_ = sim.draw_drift("clock of " + name_);
  // Somebody else's, on the same engine.
  runtime::Container foreign;
  foreign.id = foreign.name = "somebody-elses";
  foreign.state = runtime::ContainerState::running;
  foreign.labels = {{"cube.cluster", "another"}, {"cube.node", "n1"}};
  model_.put(std::move(foreign));
}

bool Machine::is_prompt() const {
  return sim_.options.op_delay_max <= prompt;
}

void Machine::engine_out(Instant until) {
  if (is_prompt()) sim_.checks.engine_out(name_, until);
}

// --- Operations -------------------------------------------------------------------------------

Duration Machine::span_of(const std::string& verb) {
  if (verb == "pull") {
    return 50ms + Duration(static_cast<std::int64_t>(
                      rng_.below(static_cast<std::uint64_t>(sim_.options.pull_max.count()) + 1)));
  }
  const auto most = sim_.calm ? 20'000 : sim_.options.op_delay_max.count();
  return 1ms +
         Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most) + 1)));
}

std::optional<EngineError> Machine::drawn_error(const std::string& verb) {
  if (verb == "list" || verb == "inspect") return EngineError{Kind::other, "internal error"};
  if (verb == "pull") {
    if (rng_.below(3) == 0) return EngineError{Kind::no_image, "manifest unknown"};
    return EngineError{Kind::no_registry, "the registry cannot be reached"};
  }
  if (verb == "create" || verb == "start") {
    if (rng_.below(8) == 0) return EngineError{Kind::no_space, "no space left on device"};
    if (rng_.below(8) == 0) return EngineError{Kind::port_in_use, "address already in use"};
  }
  return EngineError{Kind::other, "internal error"};
}

void Machine::perform(const std::string& node, const worker::Operation& operation, Deliver deliver,
                      Lives lives) {
  auto call = std::make_shared<Call>();
  call->operation = operation;
  call->node = node;
  call->verb = verb_of(operation);
  call->deliver = std::move(deliver);
  call->lives = std::move(lives);
  call->engine_life = engine_life_;
  ++under_way_[node + " " + call->verb];
  if (call->verb == "stop") sim_.checks.stop_asked(target_of(operation));
  sim_.timeline.after(deadline_of(operation), [this, call] {
    if (!call->answered) answer(call, away("no answer in time"));
  });
  const bool late = draw(sim_.options.op_late);
  Duration span = span_of(call->verb);
  if (late) {  // the connection breaks; the engine has the request all the same
    const Duration given_up = span;
    sim_.timeline.after(given_up, [this, call] {
      if (!call->answered) answer(call, away("connection reset"));
    });
    span += (1 + static_cast<std::int64_t>(rng_.below(60'000))) * 1ms;
    ++late_calls_;
    sim_.timeline.after(span + stop_grace_most, [this] { --late_calls_; });
  }
  sim_.timeline.after(span, [this, call] { arrive(call, false); });
}

// The engine takes the request up, once it can.
void Machine::arrive(const CallPtr& call, bool late) {
  if (!up_ || call->engine_life != engine_life_) {  // what it was asked before went with it
    if (!call->answered) answer(call, away("connection refused"));
    return;
  }
  if (sim_.timeline.now() < hung_until_) {
    const auto after = Duration(static_cast<std::int64_t>(rng_.below(500'000)));
    sim_.timeline.at(hung_until_ + after, [this, call, late] { arrive(call, late); });
    return;
  }
  execute(call, late || call->answered || !call->lives());
}

void Machine::execute(const CallPtr& call, bool late) {
  if (late) sim_.hits(Hit::late_operation);
  if (!late && draw(sim_.options.op_fails)) return answer(call, *drawn_error(call->verb));
  call->effect_only = !late && draw(sim_.options.op_answer_lost);
  if (const auto* pull_it = std::get_if<worker::PullImage>(&call->operation.what);
      pull_it != nullptr && pull_it->image == missing_image) {
    if (!call->answered) answer(call, {EngineError{Kind::no_image, "manifest unknown"}});
    return;
  }
  check_target(*call);
  if (const auto* stop_it = std::get_if<worker::StopContainer>(&call->operation.what)) {
    return stop(call, stop_it->id, stop_it->grace);
  }
  apply(call, late);
}

void Machine::check_target(const Call& call) {
  const std::string id = target_of(call.operation);
  if (id.empty()) return;
  for (const auto& [name, c] : model_.containers()) {
    if (c.id == id) sim_.checks.touches(call.node, c.labels, call.verb);
  }
}

void Machine::apply(const CallPtr& call, bool late) {
  const bool is_start = std::holds_alternative<worker::StartContainer>(call->operation.what);
  if (late) sim_.story.tell("{}: a late {} of {}", name_, call->verb, target_of(call->operation));
  const std::uint64_t ran = model_.already_started;
  late_ = late && is_start;
  EngineModel::Outcome outcome = model_.apply(call->operation, wall());
  late_ = false;
  if (is_start && std::holds_alternative<runtime::Container>(outcome)) {
    if (late) sim_.hits(Hit::late_start);
    if (model_.already_started == ran) live(std::get<runtime::Container>(outcome).id);
  }
  tell_events();
  if (call->answered) return;
  if (call->effect_only) {
    sim_.story.tell("{}: the answer to {} is lost", name_, call->verb);
    outcome = away("connection reset");
  }
  answer(call, std::move(outcome));
}

// A signal; then the process ends when it likes, at the latest killed after its grace.
void Machine::stop(const CallPtr& call, const std::string& id, Duration grace) {
  std::string name;
  Program program;
  for (const auto& [n, c] : model_.containers()) {
    if (c.id != id) continue;
    name = n;
    program = program_of(model_.spec(n));
  }
  const bool killed = program.stops_after >= grace;
  model_.signal(name, wall());
  tell_events();
  sim_.timeline.after(std::min(program.stops_after, grace), [this, call, name, killed] {
    if (call->engine_life == engine_life_ && up_) {
      model_.exit(name, killed ? 137 : 143, wall());
      tell_events();
      if (!call->answered) {
        answer(call, call->effect_only ? EngineModel::Outcome(away("connection reset"))
                                       : EngineModel::Outcome(runtime::Done{}));
      }
    } else if (!call->answered) {
      answer(call, away("connection reset"));
    }
  });
}

void Machine::answer(const CallPtr& call, EngineModel::Outcome outcome) {
  CUBE_ASSERT(!call->answered);
  call->answered = true;
  --under_way_[call->node + " " + call->verb];
  if (const auto* error = std::get_if<EngineError>(&outcome)) {
    sim_.story.tell("{}: {} of {}: {}", name_, call->verb, call->node, error->message);
  }
  call->deliver(worker::OperationDone{call->operation.op, std::move(outcome)});
}

std::size_t Machine::under_way(std::string_view verb) const {
  const auto found = under_way_.find(std::string(verb));
  return found == under_way_.end() ? 0 : found->second;
}

void Machine::probe(const worker::Probe& probe, Deliver deliver) {
  bool runs = false;
  for (const auto& [name, c] : model_.containers()) {
    if (c.id != probe.container_id) continue;
    runs = lives(c) && !program_of(model_.spec(name)).sick;
  }
  const bool ok = runs && !(!sim_.calm && lives_.below(10) == 0);
  const Duration span = ok ? Duration(5ms) : probe.timeout;
  sim_.timeline.after(span, [op = probe.op, ok, deliver = std::move(deliver)] {
    deliver(worker::ProbeDone{op, ok, ok ? "200" : "no answer in time"});
  });
}

// --- The lives of containers --------------------------------------------------------------------

void Machine::live(const std::string& id) {
  for (const auto& [name, c] : model_.containers()) {
    if (c.id != id) continue;
    const Program program = program_of(model_.spec(name));
    if (!program.ends_after) return;
    sim_.timeline.after(*program.ends_after, [this, name = name, pid = c.pid, program] {
      const auto found = model_.containers().find(name);
      if (found == model_.containers().end() || found->second.pid != pid) return;
      model_.exit(name, program.exit_code, wall());
      tell_events();
    });
    return;
  }
}

std::string Machine::any_container(bool running) {
  std::vector<std::string> names;
  for (const auto& [name, c] : model_.containers()) {
    if (name.starts_with("cube-") && (!running || lives(c))) names.push_back(name);
  }
  return names.empty() ? std::string() : names[lives_.below(names.size())];
}

void Machine::misfortune(Fault kind) {
  const std::string name = any_container(kind != Fault::container_removed);
  const auto code = static_cast<std::int32_t>(lives_.below(3));
  sim_.story.tell("{}: {} {}", name_, sim::name(kind), name);
  switch (kind) {
    case Fault::container_exit:
      model_.exit(name, code, wall(), lives_.below(8) == 0);
      break;
    case Fault::container_silent: {
      silent_ = true;
      model_.exit(name, code, wall());
      model_.events.clear();
      break;
    }
    case Fault::container_signal:
      model_.kill(name, 137, wall());
      break;
    case Fault::container_removed:
      model_.remove_by_hand(name, wall());
      break;
    case Fault::images_removed:
      model_.images.clear();
      break;
    case Fault::port_taken:
      model_.occupied_ports.insert(static_cast<std::uint16_t>(8080 + lives_.below(3)));
      break;
    default:
      CUBE_UNREACHABLE();
  }
  tell_events();
}

// --- The engine's own life
// ------------------------------------------------------------------------

void Machine::watch(const std::string& node, Deliver deliver) {
  Watcher& w = watchers_[node];
  w = {};
  w.deliver = std::move(deliver);
  w.number = next_watch_++;
  connect(node, 2ms);
}

void Machine::connect(const std::string& node, Duration after) {
  const std::uint64_t number = watchers_.at(node).number;
  const Instant at = std::max(sim_.timeline.now(), hung_until_) + after;
  sim_.timeline.at(at, [this, node, number] {
    const auto found = watchers_.find(node);
    if (found == watchers_.end() || found->second.number != number || found->second.connected) {
      return;
    }
    if (!up_ || sim_.timeline.now() < hung_until_) return;  // it is told when it is back
    found->second.connected = true;
    runtime::EngineInfo info;
    info.id = name_;
    info.version = "20.10.24";
    info.platform = "linux/amd64";
    info.live_restore = sim_.options.live_restore;
    found->second.last = sim_.timeline.now();
    found->second.deliver(worker::EngineConnected{info});
  });
}

void Machine::disconnect(const std::string& reason) {
  for (auto& [node, w] : watchers_) {
    if (!std::exchange(w.connected, false)) continue;
    w.deliver(worker::EngineDisconnected{reason});
  }
  model_.events.clear();
}

// In order, each watcher what is its node's. What happens while nobody listens is not told.
void Machine::tell_events() {
  const auto events = std::exchange(model_.events, {});
  for (const runtime::EngineEvent& event : events) {
    for (auto& [node, w] : watchers_) {
      const auto label = event.labels.find(std::string(worker::label_node));
      if (!w.connected || label == event.labels.end() || label->second != node) continue;
      const auto delay = Duration(200 + static_cast<std::int64_t>(rng_.below(3000)));
      w.last = std::max(w.last, sim_.timeline.now() + delay);
      sim_.timeline.at(w.last, [this, node = node, number = w.number, event] {
        const auto found = watchers_.find(node);
        if (found == watchers_.end() || found->second.number != number) return;
        if (found->second.connected) found->second.deliver(worker::EngineHappened{event});
      });
    }
  }
}

void Machine::die() {
  up_ = false;
  engine_out(Instant::never());
  ++engine_life_;
  hung_until_ = {};
  if (!sim_.options.live_restore) model_.kill_all(137, wall());
  disconnect("connection refused");
}

void Machine::engine_killed() {
  if (!up_) return;
  sim_.story.tell("{}: the engine is killed", name_);
  die();
}

void Machine::engine_terminated() {
  if (!up_) return;
  sim_.story.tell("{}: the engine is told to end", name_);
  if (!sim_.options.live_restore) model_.term_all(143, wall());
  tell_events();
  sim_.timeline.after(Duration(static_cast<std::int64_t>(rng_.below(3'000'000))),
                      [this, life = engine_life_] {
                        if (life == engine_life_ && !sim_.calm) die();
                      });
}

void Machine::engine_up() {
  if (up_) return;
  sim_.story.tell("{}: the engine is up", name_);
  up_ = true;
  engine_out(sim_.timeline.now());
  std::vector<std::string> nodes;
  for (const auto& [node, w] : watchers_) nodes.push_back(node);
  for (const std::string& node : nodes) connect(node, 20ms);
}

void Machine::engine_hangs(Duration span) {
  if (!up_) return;
  sim_.story.tell("{}: the engine hangs for {} ms", name_, span / 1ms);
  hung_until_ = std::max(hung_until_, sim_.timeline.now() + span);
  engine_out(hung_until_ + 1s);
  // Noticed when it lasts.
  sim_.timeline.after(12s, [this, life = engine_life_] {
    if (life != engine_life_ || sim_.timeline.now() >= hung_until_) return;
    disconnect("no answer");
    std::vector<std::string> nodes;
    for (const auto& [node, w] : watchers_) nodes.push_back(node);
    for (const std::string& node : nodes) connect(node, 50ms);
  });
}

void Machine::stream_breaks() {
  if (!up_) return;
  sim_.story.tell("{}: the event stream breaks", name_);
  disconnect("the stream ended");
  std::vector<std::string> nodes;
  for (const auto& [node, w] : watchers_) nodes.push_back(node);
  for (const std::string& node : nodes) {
    connect(node, Duration(static_cast<std::int64_t>(rng_.below(2'000'000))));
  }
}

void Machine::reboot() {
  sim_.story.tell("{}: reboots", name_);
  ++boots_;
  up_ = false;
  ++engine_life_;
  hung_until_ = {};
  watchers_.clear();
  model_.reboot(wall());
}

void Machine::be_well() {
  hung_until_ = std::min(hung_until_, sim_.timeline.now());
  model_.occupied_ports.clear();
  const bool was_up = up_;
  engine_up();
  if (was_up) {
    std::vector<std::string> nodes;
    for (const auto& [node, w] : watchers_) nodes.push_back(node);
    for (const std::string& node : nodes) connect(node, 20ms);
  }
}

}  // namespace cube::sim
