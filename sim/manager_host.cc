#include "sim/manager_host.h"

#include <fmt/format.h>

#include "api/codec.h"

namespace cube::sim {
namespace {

using Kind = manager::LinkFailed::Kind;

constexpr Duration announce_every = 10s, announce_again = 1s;
constexpr std::uint64_t compare_every_commits = 64;

std::string in_words(const api::Fence& f) {
  return fmt::format("{}.{}.{}", f.epoch, f.session, f.generation);
}

// What of a task must be the same after a restart; the rest is words, and made anew.
Task essence(Task t) {
  t.waits_for.clear();
  return t;
}

}  // namespace

ManagerHost::ManagerHost(Sim& sim, std::vector<std::unique_ptr<WorkerHost>>& workers)
    : sim_(sim),
      workers_(workers),
      network_(sim.root.split("network")),
      rng_(sim.root.split("manager")),
      drift_(sim.draw_drift("clock of the manager")),
      process_(
          sim, "manager",
          {[this](auto records, auto life) { return load(std::move(records), life); },
           [this] {
             return Now{drift_.local(sim_.timeline.now()), wall()};
           },
           [this](Instant local) { return drift_.when(local); },
           [this](auto writes) { committed(writes); },
           [this](const manager::Reply& reply) { answering(reply); },
           [this](manager::Effects& effects) { send(effects); },
           [this] {
             under_way_.clear();
             ignored_ = 0;
             step_ends_.clear();
             sim_.checks.manager_loaded(core());
             sim_.services.manager_loaded();
             break_routes();
           },
           [this](const manager::Effects& effects) { stepped(effects); }, [this] { on_died(); },
           [this](const manager::Effects& effects) {
             step_ends_.push_back(effects.writes.size());
           }}) {
  for (auto& w : workers_) by_address_[w->address()] = w.get();
}

Result<manager::Manager> ManagerHost::load(Process::Records records, std::uint64_t life) {
  manager::Config config;
  config.cluster = "sim";
  config.policy = sim_.options.policy;
  config.quarantine_first = 30s;  // over, also when doubled, before peace is judged
  if (!sim_.options.workers_join) {
    for (const auto& w : workers_) config.workers.push_back(w->address());
  }
  return manager::Manager::load(std::move(config), rng_.split(fmt::format("life {}", life)),
                                std::move(records));
}

void ManagerHost::stepped(const manager::Effects& effects) {
  sim_.checks.manager_stepped(core(), effects);
  const std::uint64_t ignored = core().counters().reports_ignored;
  sim_.hits(Hit::reports_ignored, ignored - std::exchange(ignored_, ignored));
  const bool small = workers_.size() < 50;
  if (sim_.options.services == 0) return;
  if (small ? !effects.writes.empty() : ++steps_ % 500 == 0) sim_.services.stepped(core());
}

void ManagerHost::committed(std::span<const store::Write> writes) {
  sim_.checks.manager_committed(writes);
  if (sim_.options.services > 0) sim_.services.committed(writes, step_ends_, core());
  if (++commits_ % compare_every_commits == 0 && workers_.size() < 50) compare_with_records();
}

// Memory is the fold of what is committed: a manager loaded now would know the same.
void ManagerHost::compare_with_records() {
  manager::Config config;
  config.cluster = "sim";
  const auto other = manager::Manager::load(std::move(config), Rng(1), process_.disk().records());
  if (!other.ok()) return sim_.checks.fail("the records cannot be loaded");
  const auto here = core().tasks();
  const auto there = other->tasks();
  if (here.size() != there.size()) return sim_.checks.fail("the records hold other tasks");
  for (std::size_t i = 0; i < here.size(); ++i) {
    if (essence(*here[i]) == essence(*there[i])) continue;
    sim_.checks.fail("the record of {} is not what the manager knows", here[i]->spec->name);
  }
  const auto services = core().services();
  const auto recorded = other->services();
  if (services.size() != recorded.size())
    return sim_.checks.fail("the records hold other services");
  for (std::size_t i = 0; i < services.size(); ++i) {
    const auto& a = services[i];
    const auto& b = recorded[i];
    if (a.id == b.id && a.spec == b.spec && a.version == b.version &&
        a.task_version == b.task_version && a.status.state == b.status.state &&
        a.status.replicas == b.status.replicas && a.status.failures == b.status.failures) {
      continue;
    }
    sim_.checks.fail("the record of service {} is not what the manager knows", a.spec.name);
  }
}

void ManagerHost::answering(const manager::Reply& reply) {
  if (const auto* error = std::get_if<Error>(&reply.body)) {
    sim_.story.mix(error->message);
  } else {
    sim_.story.mix("ok");
  }
}

// --- The network ------------------------------------------------------------------------------

Duration ManagerHost::hop(const std::string& node) {
  if (sim_.calm) return 1ms;
  const Way& the_way = way(node);
  const Duration slow = sim_.timeline.now() < the_way.slow_until ? the_way.slow_by : Duration{};
  if (draw(sim_.options.held)) {
    return slow + (5'000 + static_cast<std::int64_t>(network_.below(60'000))) * 1ms;
  }
  const auto most = static_cast<std::uint64_t>(sim_.options.delay_max.count());
  return slow + 200us + Duration(static_cast<std::int64_t>(network_.below(most + 1)));
}

WorkerHost* ManagerHost::listening(const std::string& address) {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

void ManagerHost::heal() {
  for (auto& [node, way] : ways_) way = {};
}

void ManagerHost::send(manager::Effects& effects) {
  const std::uint64_t g = process_.generation();
  step_ends_.clear();
  if (effects.routes_changed) routes_changed();
  for (manager::Send& send : effects.sends) {
    const auto call = std::make_shared<Call>();
    call->generation = g;
    call->is_put = std::holds_alternative<manager::PutTo>(send);
    std::visit(
        [&](auto& to) {
          call->node = to.node;
          call->id = to.call;
        },
        send);
    if (++under_way_[{static_cast<std::uint32_t>(call->node), call->is_put}] > 1) {
      sim_.checks.fail("two calls of one kind to node {}", static_cast<std::uint32_t>(call->node));
    }
    if (auto* put = std::get_if<manager::PutTo>(&send)) {
      sim_.checks.assignment_sent(put->address, put->assignment);
      sim_.story.tell("manager -> {}: assignment {} of {}", put->address,
                      in_words(put->assignment.fence), put->assignment.tasks.size());
      if (sim_.options.codec) {
        auto parsed = api::parse_assignment(api::assignment_json(put->assignment));
        if (!parsed.ok()) return sim_.checks.fail("JSON: {}", parsed.error().message);
        put->assignment = std::move(*parsed);
      }
      const auto shared = std::make_shared<api::Assignment>(std::move(put->assignment));
      make(
          call, put->address, put->deadline,
          [shared](WorkerHost& w, auto answer) { w.put(*shared, std::move(answer)); }, true);
    } else {
      const auto& poll = std::get<manager::PollFrom>(send);
      make(
          call, poll.address, poll.deadline,
          [poll](WorkerHost& w, auto answer) { w.poll(poll, std::move(answer)); }, false);
    }
  }
}

void ManagerHost::make(const CallPtr& call, const std::string& address, Duration deadline,
                       std::function<void(WorkerHost&, WorkerHost::Answer)> deliver,
                       bool may_repeat) {
  sim_.timeline.after(deadline, [this, call] { fail(call, Kind::timeout, ""); });
  WorkerHost* to = listening(address);
  if (to == nullptr) return;
  const std::size_t copies = may_repeat && draw(sim_.options.duplicated) ? 2 : 1;
  for (std::size_t i = 0; i < copies; ++i) {
    if (draw(sim_.options.lost)) continue;
    sim_.timeline.after(hop(to->name()), [this, call, to, deliver] {
      if (sim_.timeline.now() < way(to->name()).out_cut_until) return;
      arrive(call, *to, deliver);
    });
  }
}

void ManagerHost::arrive(const CallPtr& call, WorkerHost& to,
                         const std::function<void(WorkerHost&, WorkerHost::Answer)>& deliver) {
  if (!to.process().is_up()) {
    sim_.timeline.after(hop(to.name()), [this, call, &to] {
      if (sim_.timeline.now() < way(to.name()).back_cut_until) return;
      fail(call, Kind::refused, "");
    });
    return;
  }
  deliver(to, [this, call, &to](const decltype(worker::Reply::body)* body) {
    answered(call, to, body);
  });
}

void ManagerHost::answered(const CallPtr& call, WorkerHost& from,
                           const decltype(worker::Reply::body)* body) {
  if (draw(sim_.options.lost)) return;
  std::function<void()> outcome;
  if (body == nullptr) {
    outcome = [this, call] { fail(call, Kind::broken, "the connection broke"); };
  } else if (const auto* error = std::get_if<Error>(body)) {
    const bool rejected = http_status(error->code) < 500;
    outcome = [this, call, rejected, message = error->message] {
      fail(call, rejected ? Kind::rejected : Kind::broken, message);
    };
  } else {
    auto report = std::make_shared<api::Report>(std::get<api::Report>(*body));
    if (sim_.options.codec) {
      auto parsed = api::parse_report(api::report_json(*report));
      if (!parsed.ok()) return sim_.checks.fail("JSON: {}", parsed.error().message);
      *report = std::move(*parsed);
    }
    outcome = [this, call, report] {
      finish(call, manager::LinkAnswered{call->node, call->id, *report});
    };
  }
  sim_.timeline.after(hop(from.name()), [this, &from, outcome = std::move(outcome)] {
    if (sim_.timeline.now() < way(from.name()).back_cut_until) return;
    outcome();
  });
}

void ManagerHost::fail(const CallPtr& call, Kind kind, std::string message) {
  finish(call, manager::LinkFailed{call->node, call->id, kind, std::move(message)});
}

void ManagerHost::finish(const CallPtr& call, manager::Input input) {
  if (std::exchange(call->over, true) || call->generation != process_.generation()) return;
  --under_way_[{static_cast<std::uint32_t>(call->node), call->is_put}];
  process_.post(std::move(input), call->generation);
}

// --- Joins ------------------------------------------------------------------------------------

void ManagerHost::announce(WorkerHost& worker) {
  const auto again = [this, &worker](Duration after) {
    sim_.timeline.after(after, [this, &worker] { announce(worker); });
  };
  const bool cut = sim_.timeline.now() < way(worker.name()).out_cut_until ||
                   sim_.timeline.now() < way(worker.name()).back_cut_until;
  if (cut || draw(sim_.options.lost) || !process_.is_up() || !worker.process().is_up()) {
    return again(announce_again);
  }
  sim_.timeline.after(hop(worker.name()), [this, &worker, again] {
    if (!process_.is_up() || !worker.process().is_up()) return again(announce_again);
    process_.ask(
        [&](manager::Token token) -> manager::Input {
          return manager::JoinNode{
              token, {"sim", worker.name(), worker.core().info().worker, worker.address()}};
        },
        [again](const auto* body) {
          const bool known = body != nullptr && std::holds_alternative<manager::Accepted>(*body);
          again(known ? announce_every : announce_again);
        });
  });
}

// --- Ingresses --------------------------------------------------------------------------------

void ManagerHost::tell_routes(const RoutesAnswer& answer) {
  const api::RouteTable table = core().routes();
  sim_.services.table_told(table);
  answer(&table);
}

// Answered at once when there is something new to tell, else when there is, or after its wait.
void ManagerHost::ask_routes(const RoutesAsked& asked, RoutesAnswer answer) {
  if (!process_.is_up()) return answer(nullptr);
  sim_.services.ingress_asked(asked.ingress, process_.acts_at());
  process_.post(
      manager::ServiceInput(manager::IngressAsked{asked.ingress, asked.applied, asked.busy}),
      process_.generation());
  const std::uint64_t number = ++last_parked_;
  parked_[number] = std::move(answer);
  const auto end = [this, number] {
    const auto at = parked_.find(number);
    if (at == parked_.end()) return;
    const RoutesAnswer late = std::move(at->second);
    parked_.erase(at);
    process_.is_up() ? tell_routes(late) : late(nullptr);
  };
  const Instant now = sim_.timeline.now(), acts = process_.acts_at();
  if (acts == now && (asked.wait == 0s || core().routes_version() != asked.applied)) return end();
  // A manager that stands still looks when it goes on.
  sim_.timeline.at(std::max(acts, now + asked.wait), end);
}

void ManagerHost::routes_changed() {
  const auto all = std::exchange(parked_, {});
  for (const auto& [number, answer] : all) tell_routes(answer);
}

// The manager ended, and its connections with it.
void ManagerHost::break_routes() {
  const auto all = std::exchange(parked_, {});
  for (const auto& [number, answer] : all) answer(nullptr);
}

void ManagerHost::report_routes(const std::string& ingress, const api::RouteReport& report) {
  if (!process_.is_up()) return;
  process_.post(manager::ServiceInput(manager::IngressReported{ingress, report}),
                process_.generation());
}

}  // namespace cube::sim
