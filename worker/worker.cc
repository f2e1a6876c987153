#include "worker/worker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/text.h"
#include "worker/backoff.h"
#include "worker/impl.h"

namespace cube::worker {
namespace {

// What may be lost with a crash without a wrong decision is written this much later, together.
constexpr Duration save_later = 1s;
constexpr Duration stopped_local_kept_for = 1h;

// Would a worker that only knows `saved` decide otherwise? The rest the engine can tell it again.
// That a container may run is recorded before it is started: it is never made a second time.
bool decides_otherwise(const Attempt& a) {
  const AttemptStatus& saved = a.saved_status;
  const AttemptStatus& status = a.status;
  if (!CUBE_PLANTED("record-the-start-late") && may_have_run(status.observed) &&
      !may_have_run(saved.observed))
    return true;
  return !a.saved || a.saved_backoff != a.backoff || saved.restart != status.restart ||
         saved.final != status.final || saved.failures != status.failures ||
         saved.failure != status.failure || saved.exit_code != status.exit_code;
}

// A store is one worker's: under another name or in another cluster it would neither find its
// containers nor be known to its manager.
Result<void> bind(NodeRecord& node, const Config& config) {
  const bool is_new = node.name.empty() && node.cluster.empty();
  if (!is_new && (node.name != config.name || node.cluster != config.cluster)) {
    return Error{Code::conflict,
                 fmt::format("this store is of worker {0} in cluster {1}; start with --name {0} "
                             "--cluster {1}, or another --data-dir",
                             printable(node.name), printable(node.cluster))};
  }
  node.name = config.name;
  node.cluster = config.cluster;
  return {};
}

}  // namespace

std::string_view name(Origin origin) {
  switch (origin) {
    case Origin::manager:
      return "manager";
    case Origin::local:
      return "local";
  }
  CUBE_UNREACHABLE();
}

std::string container_name(const AttemptKey& key, std::uint32_t restart, std::string_view cluster,
                           std::string_view node) {
  const auto hash = static_cast<std::uint32_t>(stable_hash(node, stable_hash(cluster)));
  return fmt::format("cube-{}-a{}-r{}-{:08x}", key.task.str(), key.attempt, restart, hash);
}

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Worker::~Worker() = default;
Worker::Worker(Worker&&) noexcept = default;

Worker::Impl::Impl(Config c, Rng r)
    : config(std::move(c)), chance(r.split("back-off")), ids(r.split("ids")) {
  incarnation = ids.next() | 1;
}

Result<Worker> Worker::load(Config config, Rng rng,
                            std::vector<std::pair<std::string, std::string>> records) {
  auto impl = std::make_unique<Impl>(std::move(config), rng);
  impl->fresh = records.empty();
  for (const auto& [key, value] : records) {
    if (key == node_key()) {
      auto node = decode_node(value);
      if (!node) return std::move(node).error().in("read the worker's store, node record");
      impl->node = impl->saved_node = *node;
      continue;
    }
    auto attempt = parse_key(key);
    if (!attempt) return std::move(attempt).error().in("read the worker's store");
    Attempt& a = impl->attempts.try_emplace(*attempt).first->second;
    a.key = a.status.key = *attempt;
    Result<void> read = Error{Code::corrupt, fmt::format("unknown table '{}'", key.front())};
    if (key.front() == table_asked) read = decode_asked(value, a);
    if (key.front() == table_observed) read = decode_observed(value, a);
    if (!read) {
      return std::move(read).error().in(
          fmt::format("read the worker's store, task {}", attempt->task.str()));
    }
  }
  for (const auto& [key, a] : impl->attempts) {
    if (!a.created.is_zero()) continue;
    return Error{Code::corrupt,
                 fmt::format("read the worker's store: task {} has a status and no request",
                             key.task.str())};
  }
  NodeRecord& node = impl->node;
  CUBE_TRY(bind(node, impl->config));
  if (node.worker.is_nil()) node.worker = WorkerId(impl->ids.uuid());
  if (impl->config.forget_manager) {
    node.manager = {};
    node.fence = {};
  }
  impl->boot_changed = !node.boot_id.empty() && node.boot_id != impl->config.boot_id;
  return Worker(std::move(impl));
}

void Worker::step(Now now, Input input, Effects& effects) {
  impl_->step(now, std::move(input), effects);
}
Instant Worker::next_wake() const {
  return impl_->next_wake();
}

// --- The step ---------------------------------------------------------------------------------

void Worker::Impl::step(Now at, Input input, Effects& out) {
  now = at;
  effects = &out;
  ++step_no;
  if (!begun) begin();
  std::visit([this](auto& in) { on(in); }, input);
  watch_lease();
  fire_timers();
  drive_dirty();
  settle_boot();
  forget_expired();
  update_info();
  write_node();
  answer_polls();
  effects = nullptr;
}

void Worker::Impl::begin() {
  begun = true;
  lease_until = config.lease_until;
  for (auto& [key, a] : attempts) {
    a.due = now.mono + remaining(a.backoff.delay, a.backoff.decided, now.wall);
    a.saved = true;
    a.saved_status = a.status;
    a.saved_backoff = a.backoff;
    a.reported = a.status;
    if (a.origin == Origin::manager) index_change(a);
    if (a.origin == Origin::local && a.want == Want::gone && a.is_over()) {
      a.expires = now.mono + remaining(stopped_local_kept_for, a.status.finished, now.wall);
    }
    mark(a);
  }
}

void Worker::Impl::fire_timers() {
  while (!timers.empty() && timers.begin()->first <= now.mono) {
    const auto [at, key] = *timers.begin();
    timers.erase(timers.begin());
    Attempt& a = attempts.at(key);
    a.timer = Instant::never();
    if (a.save_at <= now.mono) save(a);
    mark(a);
  }
  if (engine.state != Engine::State::away && engine.list_op == 0 && engine.list_at <= now.mono) {
    send_list(engine.state == Engine::State::ready);
  }
}

void Worker::Impl::drive_dirty() {
  do {
    while (!dirty.empty()) {
      const AttemptKey key = *dirty.begin();
      dirty.erase(dirty.begin());
      drive(key);
    }
  } while (wake_slot_waiters());
}

// Brings one attempt to its next operation, or settles it when nothing is left to do.
void Worker::Impl::drive(const AttemptKey& key) {
  Attempt* a = find(key);
  if (a == nullptr) return;  // erased meanwhile
  release_held(*a);
  obey_lease(*a);
  const Attempt* in_the_way = older_in_the_way(key);
  const bool is_ready = engine.state == Engine::State::ready;
  const bool wants_to_start = a->want == Want::run && !a->status.final && a->due <= now.mono &&
                              a->status.observed < Observed::running;
  if (!is_ready && wants_to_start) a->status.reason = engine.reason;
  if (is_ready && wants_to_start && in_the_way != nullptr) {
    a->status.reason = fmt::format("waits until attempt {} has stopped", in_the_way->key.attempt);
  }
  if (wants_to_start && lacks_guard(*a)) a->status.reason = "waits for the guard of its lease";
  if (wants_to_start && lacks_lease(*a)) a->status.reason = "waits for a lease of its manager";
  if (is_ready) {
    const bool blocked = in_the_way != nullptr ||
                         (lacks_lease(*a) && !CUBE_PLANTED("start-without-a-lease")) ||
                         lacks_guard(*a);
    const Next next = next_operation(*a, now.mono, blocked);
    if (next.verb != Verb::nothing) send(*a, next);
  }
  probe(*a);
  settle(*a);
  a = find(key);
  if (a != nullptr) finish(*a);
}

// An older attempt of the same task of which a container may live, now or once the operation under
// way is through: the two would fight for ports and names.
const Attempt* Worker::Impl::older_in_the_way(const AttemptKey& key) const {
  for (auto it = attempts.lower_bound({key.task, 0}); it->first != key; ++it) {
    const Attempt& older = it->second;
    const bool may_bring_one =
        older.doing && older.doing->verb != Verb::remove && older.doing->verb != Verb::inspect;
    if (has_live_container(older) || older.unsure || may_bring_one) return &older;
  }
  return nullptr;
}

// What a drive leaves behind: the change told, the record written, the timer set.
void Worker::Impl::finish(Attempt& a) {
  if (a.origin == Origin::manager && (a.change == 0 || a.status != a.reported)) {
    a.reported = a.status;
    ++change;
    index_change(a);
  }
  save(a);
  arm(a);
  if (a.spec.exclusive && !a.is_over()) {
    exclusive.insert(a.key);
    effects->wants_guard = true;
  } else {
    exclusive.erase(a.key);
  }
  if (a.want != Want::run) mark_newer(a.key);
}

// A newer attempt of the task may wait for this one to be out of the way.
void Worker::Impl::mark_newer(const AttemptKey& key) {
  for (auto it = attempts.upper_bound(key); it != attempts.end() && it->first.task == key.task;
       ++it) {
    if (it->second.want == Want::run) dirty.insert(it->first);
  }
}

// Writes what is observed: at once when decisions hang on it, else a little later with others.
void Worker::Impl::save(Attempt& a) {
  if (a.saved && a.saved_status == a.status && a.saved_backoff == a.backoff) {
    a.save_at = Instant::never();
    return;
  }
  if (!decides_otherwise(a) && a.save_at > now.mono) {
    if (a.save_at.is_never()) a.save_at = now.mono + save_later;
    return;
  }
  effects->writes.push_back(store::Write::put(key(table_observed, a.key), encode_observed(a)));
  a.saved = true;
  a.saved_status = a.status;
  a.saved_backoff = a.backoff;
  a.save_at = Instant::never();
}

void Worker::Impl::arm(Attempt& a) {
  Instant at = std::min(a.save_at, a.expires);
  if (a.due > now.mono && a.want == Want::run && !a.status.final) at = std::min(at, a.due);
  if (a.held_end) at = std::min(at, a.held_end->until);
  if (a.retry_at > now.mono) at = std::min(at, a.retry_at);
  for (const auto& [restart, seen] : a.containers) {
    if (seen.remove_at > now.mono) at = std::min(at, seen.remove_at);
  }
  if (is_probed(a)) at = std::min(at, next_probe(a.spec.health, a.probing));
  if (at == a.timer) return;
  if (!a.timer.is_never()) timers.erase({a.timer, a.key});
  if (!at.is_never()) timers.insert({at, a.key});
  a.timer = at;
}

Instant Worker::Impl::next_wake() const {
  Instant at = timers.empty() ? Instant::never() : timers.begin()->first;
  if (engine.state != Engine::State::away && engine.list_op == 0) at = std::min(at, engine.list_at);
  for (const ParkedPoll& poll : polls) at = std::min(at, poll.until);
  return std::min(at, next_lease_look());
}

// --- Small things -----------------------------------------------------------------------------

void Worker::Impl::mark_all() {
  for (const auto& [key, a] : attempts) dirty.insert(key);
}

Attempt* Worker::Impl::find(const AttemptKey& key) {
  const auto it = attempts.find(key);
  return it == attempts.end() ? nullptr : &it->second;
}

Attempt& Worker::Impl::add(const AttemptKey& key, Origin origin) {
  const auto [it, is_new] = attempts.try_emplace(key);
  CUBE_ASSERT(is_new);
  Attempt& a = it->second;
  a.key = a.status.key = key;
  a.origin = origin;
  a.created = now.wall;
  std::erase_if(gone, [&](const auto& entry) { return entry.second == key; });
  mark(a);
  return a;
}

void Worker::Impl::erase(const AttemptKey& key) {
  Attempt& a = attempts.at(key);
  CUBE_ASSERT(!a.doing);
  leave_pull(a);
  if (!a.timer.is_never()) timers.erase({a.timer, key});
  if (a.change != 0) changes.erase(a.change);
  if (a.origin == Origin::manager) {
    gone.emplace_back(++change, key);
    constexpr std::size_t gone_max = 4096;
    if (gone.size() > gone_max) {
      gone_floor = gone.front().first;
      gone.pop_front();
    }
  }
  effects->writes.push_back(store::Write::erase(worker::key(table_asked, key)));
  effects->writes.push_back(store::Write::erase(worker::key(table_observed, key)));
  mark_newer(key);
  exclusive.erase(key);
  attempts.erase(key);
}

void Worker::Impl::write_asked(const Attempt& a) {
  effects->writes.push_back(store::Write::put(key(table_asked, a.key), encode_asked(a)));
}

void Worker::Impl::write_node() {
  if (node == saved_node) return;
  effects->writes.push_back(store::Write::put(node_key(), encode(node)));
  saved_node = node;
}

void Worker::Impl::note(std::string kind, std::string text, bool error) {
  effects->notes.push_back({error, std::move(kind), std::move(text)});
}

void Worker::Impl::reply(Token token, decltype(Reply::body) body) {
  if (const auto* report = std::get_if<api::Report>(&body)) told = std::max(told, report->change);
  effects->replies.push_back({token, std::move(body)});
}

}  // namespace cube::worker
