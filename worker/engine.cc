// The engine: its connection, its events, and the operations sent to it.

#include "worker/engine.h"

#include <fmt/format.h>

#include <charconv>

#include "base/assert.h"
#include "base/planted.h"
#include "task/exit_words.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

std::optional<std::uint32_t> number_from(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Slot slot_of(Verb verb) {
  switch (verb) {
    case Verb::inspect:
      return Slot::inspect;
    case Verb::stop:
      return Slot::stop;
    case Verb::create:
    case Verb::start:
    case Verb::remove:
      return Slot::work;
    case Verb::nothing:
    case Verb::pull:
      break;
  }
  CUBE_UNREACHABLE();
}

}  // namespace

std::optional<ContainerKey> container_key(const std::map<std::string, std::string>& labels) {
  const auto value = [&](std::string_view name) -> std::string_view {
    const auto it = labels.find(std::string(name));
    return it == labels.end() ? std::string_view() : it->second;
  };
  const auto task = TaskId::parse(value(label_task));
  const auto attempt = number_from(value(label_attempt));
  const auto restart = number_from(value(label_restart));
  if (!task || !attempt || !restart) return std::nullopt;
  return ContainerKey{{*task, *attempt}, *restart};
}

bool Worker::Impl::is_ours(const std::map<std::string, std::string>& labels) const {
  for (const auto& [name, value] : our_labels()) {
    if (CUBE_PLANTED("take-all-for-ours") && name == label_node) continue;
    const auto it = labels.find(name);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

std::map<std::string, std::string> Worker::Impl::our_labels() const {
  return {{std::string(label_cluster), config.cluster}, {std::string(label_node), config.name}};
}

// --- Connection and events --------------------------------------------------------------------

// Nothing is created or started before a list has told what is there.
void Worker::Impl::on(EngineConnected& in) {
  engine.info = std::move(in.info);
  engine.state = Engine::State::listing;
  engine.reason = "finding out what runs";
  send_list(false);
}

void Worker::Impl::on(EngineDisconnected& in) {
  // Away again before it was listed: the same absence goes on.
  if (engine.state == Engine::State::ready || engine.away_from.is_zero()) {
    engine.away_from = now.wall;
  }
  engine.state = Engine::State::away;
  engine.reason = "engine away: " + in.reason;
  engine.list_op = 0;
  note("engine.away", engine.reason, true);
  forgive_recent_ends();
  mark_all();
}

void Worker::Impl::send_list(bool sweep) {
  auto labels = our_labels();
  if (CUBE_PLANTED("take-all-for-ours")) labels.erase(std::string(label_node));
  engine.list_op = operation(ListContainers{std::move(labels)});
  engine.list_sent = step_no;
  engine.list_is_sweep = sweep;
  engine.list_at = Instant::never();
}

void Worker::Impl::on(EngineHappened& in) {
  using enum runtime::EngineEvent::Kind;
  const auto about = container_key(in.event.labels);
  if (!about || !is_ours(in.event.labels) || engine.state != Engine::State::ready) return;
  Attempt* a = find(about->attempt);
  if (a == nullptr) return;
  // During an operation its answer comes first; an end told meanwhile is looked up after it.
  const bool is_end = in.event.kind == died || in.event.kind == destroyed;
  if (is_end && a->doing) a->news = true;
  const auto found = a->containers.find(about->restart);
  if (found == a->containers.end() || found->second.id != in.event.container_id) return;
  Seen& seen = found->second;
  a->touched = step_no;
  mark(*a);
  switch (in.event.kind) {
    case oom:
      seen.oom = true;
      return;
    case other:
      return;
    case started:
      seen.stale |= !a->doing && !is_live(seen.state);
      return;
    case paused:
    case unpaused:
      seen.stale |= !a->doing;
      return;
    case killed:
      return this->killed(*a, seen);
    case died:
      if (a->doing || !is_live(seen.state)) return;
      seen.state = runtime::ContainerState::exited;
      seen.stale = true;
      return;
    case destroyed:
      if (!a->doing) vanished(*a, about->restart);
      return;
  }
  CUBE_UNREACHABLE();
}

// --- Operations -------------------------------------------------------------------------------

OpId Worker::Impl::operation(decltype(Operation::what) what) {
  ++counters.operations;
  effects->operations.push_back({++last_op, std::move(what)});
  return last_op;
}

std::size_t Worker::Impl::slot_max(std::size_t index) const {
  const std::array<std::size_t, slot_classes> max = {
      limits::engine_inspects_max, config.engine_operations_max, engine_stops_max};
  return max.at(index);
}

bool Worker::Impl::take_slot(Attempt& a, Slot slot) {
  const auto index = static_cast<std::size_t>(slot);
  if (slots[index] < slot_max(index)) {
    ++slots[index];
    return true;
  }
  const auto bit = static_cast<std::uint8_t>(1U << index);
  if ((a.waits_for_slots & bit) == 0) slot_waiters[index].push_back(a.key);
  a.waits_for_slots |= bit;
  return false;
}

void Worker::Impl::release_slot(Slot slot) {
  const auto index = static_cast<std::size_t>(slot);
  CUBE_ASSERT(slots[index] > 0);
  --slots[index];
}

// Marks one that waits for each class with room: what it needs by now is decided when it is driven,
// and the next is asked when that is something else.
bool Worker::Impl::wake_slot_waiters() {
  bool woken = false;
  for (std::size_t index = 0; index < slot_classes; ++index) {
    if (slots[index] >= slot_max(index) || slot_waiters[index].empty()) continue;
    Attempt* a = find(slot_waiters[index].front());
    slot_waiters[index].pop_front();
    woken = true;
    if (a == nullptr) continue;  // gone meanwhile
    a->waits_for_slots &= static_cast<std::uint8_t>(~(1U << index));
    mark(*a);
  }
  return woken;
}

void Worker::Impl::send(Attempt& a, Next next) {
  if (next.verb == Verb::pull) return join_pull(a);
  if (next.verb == Verb::create) {
    const std::string refused = refused_mount(a.spec);
    if (!refused.empty()) return could_not_start(a, Failure::node, refused);
    // Asked for always: before the first container of the attempt, not before each restart.
    if (a.spec.pull == TaskSpec::Pull::always && !a.pulled && a.status.restart == 0) {
      a.needs_pull = true;
      return join_pull(a);
    }
  }
  const Slot slot = slot_of(next.verb);
  const bool at_once = next.verb == Verb::stop && lacks_lease(a);  // its time is up: no queueing
  if (at_once) ++slots[static_cast<std::size_t>(slot)];
  if (at_once || take_slot(a, slot)) start_operation(a, next, slot);
}

void Worker::Impl::start_operation(Attempt& a, Next next, Slot slot) {
  const auto found = a.containers.find(next.restart);
  const std::string id = found == a.containers.end() ? std::string() : found->second.id;
  OpId op = 0;
  switch (next.verb) {
    case Verb::nothing:
    case Verb::pull:
      CUBE_UNREACHABLE();
    case Verb::inspect:
      op = operation(InspectContainer{
          id.empty() ? container_name(a.key, next.restart, config.cluster, config.name) : id});
      break;
    case Verb::create: {
      // As long as nobody knows whether the image must be pulled, the state stays before `pulling`.
      const std::string end(last_end_in(a.status.reason));
      observe(a, a.pulled ? Observed::creating : a.status.observed,
              "creating the container" + (end.empty() ? "" : "; last: " + end));
      op = operation(CreateContainer{config_of(a)});
      break;
    }
    case Verb::start:
      observe(a, Observed::starting, "starting the container");
      op = operation(StartContainer{id});
      break;
    case Verb::stop: {
      const std::string why = a.want == Want::run ? a.backoff.stop_reason : "stopping on request";
      if (next.restart == a.status.restart) observe(a, Observed::stopping, why);
      op = operation(StopContainer{id, a.spec.stop_grace});
      break;
    }
    case Verb::remove:
      op = operation(RemoveContainer{id});
      break;
  }
  a.doing = Doing{op, next.verb, next.restart};
  a.news = false;
  a.touched = step_no;
  operations.emplace(op, std::pair(a.key, slot));
}

runtime::ContainerConfig Worker::Impl::config_of(const Attempt& a) const {
  runtime::ContainerConfig out;
  out.name = container_name(a.key, a.status.restart, config.cluster, config.name);
  out.labels = our_labels();
  out.labels.insert(a.spec.labels.begin(), a.spec.labels.end());
  out.labels[std::string(label_task)] = a.key.task.str();
  out.labels[std::string(label_attempt)] = std::to_string(a.key.attempt);
  out.labels[std::string(label_restart)] = std::to_string(a.status.restart);
  out.labels[std::string(label_spec)] = fmt::format("{:016x}", spec_hash(a.spec));
  out.labels[std::string(label_name)] = a.spec.name;
  out.labels[std::string(label_origin)] = std::string(name(a.origin));
  if (a.spec.exclusive) out.labels[std::string(label_exclusive)] = "true";
  out.spec = a.spec;
  return out;
}

// --- Pulls: one per image, shared by all that wait for it -------------------------------------

void Worker::Impl::join_pull(Attempt& a) {
  const std::string key = a.spec.image + '\n' + a.spec.platform;
  Pull& pull = pulls[key];
  pull.waiters.insert(a.key);
  a.pulling = key;
  observe(a, Observed::pulling, fmt::format("pulling image {}", a.spec.image));
  if (!pull.image.empty()) return;  // on its way already, or in the queue
  pull.image = a.spec.image;
  pull.platform = a.spec.platform;
  pulls_in_turn.push_back(key);
  send_pulls();
}

// A pull that nobody waits for any more is not begun; one under way goes on, for next time.
void Worker::Impl::leave_pull(Attempt& a) {
  if (a.pulling.empty()) return;
  const auto it = pulls.find(std::exchange(a.pulling, std::string()));
  CUBE_ASSERT(it != pulls.end());
  it->second.waiters.erase(a.key);
  if (!it->second.waiters.empty() || it->second.op != 0) return;
  std::erase(pulls_in_turn, it->first);
  pulls.erase(it);
}

void Worker::Impl::send_pulls() {
  while (pulls_under_way < limits::engine_pulls_max && !pulls_in_turn.empty()) {
    Pull& pull = pulls.at(pulls_in_turn.front());
    pulls_in_turn.pop_front();
    ++pulls_under_way;
    pull.op = operation(PullImage{pull.image, pull.platform});
  }
}

}  // namespace cube::worker
