#include "tests/manager/world.h"

#include <fmt/format.h>

#include <algorithm>

namespace cube::test {

using manager::LinkAnswered;
using manager::LinkFailed;
using manager::PollFrom;
using manager::PutTo;

World::World(std::uint64_t seed) : rng_(seed) {}

ModelWorker& World::add_worker(const std::string& name, Resources capacity) {
  auto w = std::make_unique<ModelWorker>();
  w->name = name;
  w->address = name + ":5556";
  w->id = WorkerId(Uuid::from_random(77, next_worker_++));
  w->capacity = capacity;
  workers.push_back(std::move(w));
  return *workers.back();
}

ModelWorker* World::worker(const std::string& name) {
  for (auto& w : workers) {
    if (w->name == name) return w.get();
  }
  return nullptr;
}

void World::start_manager() {
  ++life_;
  puts_.clear();
  polls_.clear();
  std::vector<std::pair<std::string, std::string>> records(store_.begin(), store_.end());
  auto loaded = manager::Manager::load(config, Rng(rng_.next()), std::move(records));
  if (!loaded.ok()) return problem("load: " + loaded.error().message);
  manager_ = std::make_unique<manager::Manager>(std::move(*loaded));
  step(manager::Wake{});
}

std::optional<manager::Reply> World::step(manager::Input input, bool crash) {
  manager::Effects fx;
  manager_->step(clock(), std::move(input), fx);
  if (crash) {
    kill_manager();
    return std::nullopt;
  }
  commit(fx);
  for (auto& send : fx.sends) dispatch(send);
  check();
  if (fx.replies.empty()) return std::nullopt;
  return std::move(fx.replies.front());
}

void World::commit(manager::Effects& fx) {
  for (auto& w : fx.writes) {
    if (w.kind == store::Write::Kind::put) {
      store_[w.key] = w.value;
    } else {
      store_.erase(w.key);
    }
  }
  events.insert(events.end(), fx.events.begin(), fx.events.end());
}

std::optional<manager::Reply> World::submit(std::vector<api::Submission> items,
                                            const std::string& key) {
  return step(manager::Submit{next_token_++, std::move(items), key});
}

std::optional<manager::Reply> World::stop(const TaskId& id) {
  return stop(id.str());
}

std::optional<manager::Reply> World::stop(const std::string& ref) {
  auto reply = step(manager::Stop{next_token_++, ref});
  if (reply && std::holds_alternative<manager::Accepted>(reply->body)) {
    auto t = manager_->task(ref);
    if (t.ok()) stopped_at_.try_emplace((*t)->id, (*t)->attempt);
  }
  return reply;
}

std::optional<manager::Reply> World::join(ModelWorker& w) {
  return step(manager::JoinNode{next_token_++, {config.cluster, w.name, w.id, w.address}});
}

std::optional<manager::Reply> World::forget(const std::string& name) {
  return step(manager::ForgetNode{next_token_++, name});
}

void World::at(Instant when, std::function<void()> what) {
  queue_.emplace(when, std::move(what));
}

Duration World::hop() {
  const auto extra = static_cast<std::uint64_t>(faults.delay_max.count());
  return 1ms + (extra == 0 ? 0us : Duration(static_cast<std::int64_t>(rng_.below(extra))));
}

ModelWorker* World::listening(const std::string& address) {
  for (auto& w : workers) {
    if (w->address == address || w->alias == address) return w.get();
  }
  return nullptr;
}

void World::dispatch(manager::Send& send) {
  const std::uint64_t life = life_;
  if (auto* put = std::get_if<PutTo>(&send)) {
    if (log_calls) {
      call_log += fmt::format("PUT {} {}.{} {} tasks", put->address, put->assignment.fence.session,
                              put->assignment.fence.generation, put->assignment.tasks.size());
      if (put->assignment.base != 0) {
        call_log += fmt::format(" since {}, {} dropped", put->assignment.base,
                                put->assignment.dropped.size());
      }
      call_log += '\n';
    }
    auto& under_way = puts_[static_cast<std::uint32_t>(put->node)];
    if (!under_way.insert(put->call).second || under_way.size() > 1) problem("two PUTs at once");
    if (lost(faults.lose_percent)) {
      return fail(put->node, put->call, LinkFailed::Kind::timeout, "", life, put->deadline);
    }
    const auto copy = std::make_shared<PutTo>(std::move(*put));
    at(now_ + hop(), [=, this] { deliver_put(*copy, life, true); });
    if (lost(faults.duplicate_percent)) {
      at(now_ + hop() + hop(), [=, this] { deliver_put(*copy, life, false); });
    }
    return;
  }
  auto& poll = std::get<PollFrom>(send);
  auto& under_way = polls_[static_cast<std::uint32_t>(poll.node)];
  if (!under_way.insert(poll.call).second || under_way.size() > 1) problem("two polls at once");
  if (lost(faults.lose_percent)) {
    return fail(poll.node, poll.call, LinkFailed::Kind::timeout, "", life, poll.deadline);
  }
  at(now_ + hop(), [=, this] { deliver_poll(poll, life); });
}

void World::deliver_put(const PutTo& put, std::uint64_t life, bool wants_answer) {
  ModelWorker* w = listening(put.address);
  const auto failed = [&](LinkFailed::Kind kind, std::string message, Duration after) {
    if (wants_answer) fail(put.node, put.call, kind, std::move(message), life, after);
  };
  if (w == nullptr || !w->reachable) return failed(LinkFailed::Kind::timeout, "", put.deadline);
  if (!w->process_up) return failed(LinkFailed::Kind::refused, "", hop());
  if (auto refused = w->put(put.assignment, now_)) {
    return failed(LinkFailed::Kind::rejected, *refused, hop());
  }
  poke(*w);
  if (!wants_answer) return;
  if (lost(faults.lose_percent)) return failed(LinkFailed::Kind::timeout, "", put.deadline);
  answer(put.node, put.call, w->answer_to(put.assignment), life);
}

void World::deliver_poll(const PollFrom& poll, std::uint64_t life) {
  ModelWorker* w = listening(poll.address);
  if (w == nullptr || !w->reachable) {
    return fail(poll.node, poll.call, LinkFailed::Kind::timeout, "", life, poll.deadline);
  }
  if (!w->process_up) {
    return fail(poll.node, poll.call, LinkFailed::Kind::refused, "", life, hop());
  }
  if (w->refuses_poll(poll.epoch, poll.session)) {
    return fail(poll.node, poll.call, LinkFailed::Kind::rejected, "an older session", life, hop());
  }
  w->clock = now_;
  if (!w->deaf && w->renew(poll)) poke(*w);
  if (auto news = w->news(poll.incarnation, poll.change)) {
    return answer(poll.node, poll.call, std::move(*news), life);
  }
  held_[w->name].push_back({poll, life});
  const std::string name = w->name;
  at(now_ + poll.wait, [=, this] {
    auto& held = held_[name];
    const auto mine = std::find_if(held.begin(), held.end(), [&](const HeldPoll& h) {
      return h.life == life && h.call.call == poll.call;
    });
    if (mine == held.end()) return;
    held.erase(mine);
    ModelWorker* then = worker(name);
    if (then->reachable && then->process_up) {
      then->clock = now_;
      answer(poll.node, poll.call, then->report(then->change), life);
    } else {
      fail(poll.node, poll.call, LinkFailed::Kind::timeout, "", life, poll.deadline - poll.wait);
    }
  });
}

void World::poke(ModelWorker& w) {
  if (!w.reachable) return;
  w.clock = now_;
  auto held = std::exchange(held_[w.name], {});
  for (HeldPoll& h : held) {
    if (!w.process_up) {
      fail(h.call.node, h.call.call, LinkFailed::Kind::broken, "", h.life, 1ms);
    } else if (auto news = w.news(h.call.incarnation, h.call.change)) {
      answer(h.call.node, h.call.call, std::move(*news), h.life);
    } else {
      held_[w.name].push_back(h);
    }
  }
}

void World::answer(manager::NodeNo node, std::uint64_t call, api::Report report,
                   std::uint64_t life) {
  if (lost(faults.lose_percent)) return fail(node, call, LinkFailed::Kind::timeout, "", life, 5s);
  auto shared = std::make_shared<api::Report>(std::move(report));
  at(now_ + hop(), [=, this] { give(LinkAnswered{node, call, *shared}, life); });
}

void World::fail(manager::NodeNo node, std::uint64_t call, LinkFailed::Kind kind,
                 std::string message, std::uint64_t life, Duration after) {
  at(now_ + after, [=, this] { give(LinkFailed{node, call, kind, message}, life); });
}

void World::give(manager::Input input, std::uint64_t life) {
  if (life != life_ || manager_ == nullptr) return;
  const auto over = [&](manager::NodeNo node, std::uint64_t call) {
    puts_[static_cast<std::uint32_t>(node)].erase(call);
    polls_[static_cast<std::uint32_t>(node)].erase(call);
  };
  if (auto* a = std::get_if<LinkAnswered>(&input)) over(a->node, a->call);
  if (auto* f = std::get_if<LinkFailed>(&input)) over(f->node, f->call);
  step(std::move(input));
}

void World::run_for(Duration span) {
  const Instant end = now_ + span;
  for (;;) {
    Instant next = end;
    if (!queue_.empty()) next = std::min(next, queue_.begin()->first);
    if (manager_ != nullptr) next = std::min(next, manager_->next_wake());
    for (auto& w : workers) next = std::min(next, w->next_tick());
    if (next > end || (next == end && next <= now_ && queue_.empty())) break;
    now_ = std::max(now_, next);
    for (auto& w : workers) {
      if (w->next_tick() > now_) continue;
      w->tick(now_);
      poke(*w);
    }
    if (!queue_.empty() && queue_.begin()->first <= now_) {
      auto what = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      what();
    } else if (manager_ != nullptr && manager_->next_wake() <= now_) {
      // It does much in parts; but not for ever.
      int parts = 0;
      do {
        step(manager::Wake{});
      } while (manager_->next_wake() <= now_ && ++parts < 10);
      if (manager_->next_wake() <= now_) {
        problem("the manager wants to be woken at once again");
        break;
      }
    } else if (now_ >= end) {
      break;
    }
  }
  now_ = end;
}

std::string World::history() const {
  std::string out;
  for (const Event& e : events) {
    out += fmt::format("{} {} {} {} {} {}\n", e.revision, e.at.us, e.kind, e.name, e.node, e.text);
  }
  return out;
}

void World::problem(std::string text) {
  if (problems.size() < 20) problems.push_back(fmt::format("at {} ms: {}", now_.us / 1000, text));
}

void World::check_worker(const ModelWorker& w) {
  if (!w.in_use().fits_in(w.capacity)) problem(w.name + " is over-committed");
  for (const auto& [key, c] : w.containers) {
    const auto [at, is_new] = seen_on_.try_emplace(key, w.name);
    if (at->second != w.name) {
      problem(fmt::format("attempt {} of {} on {} and {}", key.attempt, c.spec.name, at->second,
                          w.name));
    }
  }
}

// Wherever it runs, an exclusive task runs once.
void World::check_exclusive() {
  std::map<TaskId, std::string> alive;
  for (const auto& w : workers) {
    for (const auto& [key, c] : w->containers) {
      if (!c.spec.exclusive || !ModelWorker::is_alive(c)) continue;
      const std::string here = fmt::format("attempt {} on {}", key.attempt, w->name);
      const auto [at, is_first] = alive.try_emplace(key.task, here);
      if (!is_first) problem(fmt::format("{} twice: {} and {}", c.spec.name, at->second, here));
    }
  }
}

void World::check() {
  for (const auto& w : workers) check_worker(*w);
  check_exclusive();
  for (const auto& n : manager_->nodes()) {
    if (n.state == manager::NodeState::ready && !n.reserved.fits_in(n.info.capacity)) {
      problem("more is reserved on " + n.name + " than it has");
    }
  }
  for (const auto& [id, attempt] : stopped_at_) {
    auto t = manager_->task(id.str());
    if (!t.ok()) continue;
    if ((*t)->attempt != attempt) problem("a stopped task was placed again");
    if ((*t)->desired != Desired::stop && !(*t)->is_terminal()) problem("a stop was forgotten");
  }
  if (manager_->counters().sweeps_with_findings != 0) problem("the sweep found something");
}

}  // namespace cube::test
