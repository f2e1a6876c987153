#include "sim/ingress_host.h"

#include <fmt/format.h>

#include <algorithm>

namespace cube::sim {
namespace {

// As in ingress/routes_client.cc.
constexpr Duration poll_wait = 10s, poll_deadline = 20s, retry_first = 100ms, retry_max = 1s;
constexpr Duration report_every = 1s;

}  // namespace

IngressHost::IngressHost(Sim& sim, ManagerHost& manager, std::uint32_t number)
    : sim_(sim),
      manager_(manager),
      name_(fmt::format("i{}", number)),
      network_(sim.root.split("network of ingress " + name_)),
      traffic_(sim.root.split("traffic of ingress " + name_)) {}

void IngressHost::start() {
  if (up_) return;
  up_ = true;
  id_ = fmt::format("{}-{}", name_, ++life_);
  sim_.story.tell("ingress {} starts", id_);
  retry_ = retry_first;
  sim_.services.ingress_lives(id_, [this](const TaskId& task) { return uses(task); });
  poll();
  report();
  next_request();
}

void IngressHost::crash() {
  if (!up_) return;
  sim_.story.tell("ingress {} is killed", id_);
  if (!in_flight_.empty()) sim_.hits(Hit::ingress_ended);
  sim_.services.ingress_gone(id_);
  up_ = false;
  ++life_;
  leave_call();
  table_ = {};
  in_flight_.clear();
  counted_.clear();
  manager_answers_ = false;
}

void IngressHost::heal() {
  cut_until_ = {};
  start();
}

bool IngressHost::uses(const TaskId& task) const {
  if (in_flight_.contains(task)) return true;
  return std::ranges::any_of(table_.services, [&](const api::RoutedService& s) {
    return std::ranges::any_of(s.replicas,
                               [&](const api::RoutedReplica& r) { return r.task == task; });
  });
}

std::vector<TaskId> IngressHost::busy() const {
  std::set<TaskId> listed;
  for (const api::RoutedService& s : table_.services) {
    for (const api::RoutedReplica& r : s.replicas) listed.insert(r.task);
  }
  std::vector<TaskId> out;
  for (const auto& [task, count] : in_flight_) {
    if (!listed.contains(task)) out.push_back(task);
  }
  return out;
}

Duration IngressHost::hop() {
  const auto most = sim_.calm ? 0 : static_cast<std::uint64_t>(sim_.options.delay_max.count());
  return 200us + Duration(static_cast<std::int64_t>(network_.below(most + 1)));
}

void IngressHost::later(Duration after, std::uint64_t call, std::function<void()> what) {
  sim_.timeline.after(after, [this, life = life_, call, what = std::move(what)] {
    if (up_ && life == life_ && (call == 0 || call == call_)) what();
  });
}

// --- The table ----------------------------------------------------------------------------------

void IngressHost::poll() {
  const std::uint64_t call = ++call_;
  waits_ = true;
  asked_at_ = sim_.timeline.now();
  later(poll_deadline, call, [this] { failed(); });
  if (loses()) return;
  // What has left arrives, whatever becomes of the ingress.
  ManagerHost::RoutesAsked asked{id_, table_.version, busy(),
                                 table_.version.empty() ? 0s : poll_wait};
  sim_.timeline.after(hop(), [this, life = life_, call, asked = std::move(asked)] {
    manager_.ask_routes(asked, [this, life, call](const api::RouteTable* table) {
      if (life != life_ || call != call_ || loses()) return;
      if (table == nullptr) return later(hop(), call, [this] { failed(); });
      waits_ = false;  // an answer is coming: nothing ends the call any more
      later(hop(), call, [this, copy = *table] { answered(copy); });
    });
  });
}

void IngressHost::answered(const api::RouteTable& table) {
  manager_answers_ = true;
  retry_ = retry_first;
  const bool is_new = table.version != table_.version;
  if (is_new) {
    table_ = table;
    for (const api::RoutedService& s : table_.services) {
      counted_.try_emplace(s.id, Counted{0, calendar_begin + (sim_.timeline.now() - Instant{})});
    }
    std::erase_if(counted_, [&](const auto& item) {
      return std::ranges::none_of(table_.services,
                                  [&](const auto& s) { return s.id == item.first; });
    });
    return poll();  // which says that it is in force
  }
  const bool at_once = sim_.timeline.now() - asked_at_ < retry_max;
  const std::uint64_t call = call_;
  later(at_once ? retry_first : 0s, call, [this] { poll(); });
}

void IngressHost::failed() {
  manager_answers_ = false;
  leave_call();
  const std::uint64_t call = call_;
  later(retry_, call, [this] { poll(); });
  retry_ = std::min(retry_ * 2, retry_max);
}

// The manager waits for a replica's last request: it is told at once, by asking anew.
void IngressHost::busy_shrunk() {
  if (waits_) poll();
}

// --- What it serves -----------------------------------------------------------------------------

api::RouteReport IngressHost::counts() const {
  api::RouteReport out;
  for (const auto& [id, counted] : counted_) {
    out.services.push_back({id, counted.requests, 0, counted.requests, counted.since, {}});
  }
  return out;
}

void IngressHost::report() {
  later(report_every, 0, [this] {
    if (sim_.calm) {  // a trickle that never ends
      for (const api::RoutedService& s : table_.services) {
        if (!s.replicas.empty()) ++counted_[s.id].requests;
      }
    }
    if (manager_answers_ && !counted_.empty() && !loses()) {
      later(hop(), 0, [this, id = id_, told = counts()] { manager_.report_routes(id, told); });
    }
    report();
  });
}

void IngressHost::next_request() {
  later(Duration(static_cast<std::int64_t>(traffic_.below(1'500'000))), 0, [this] {
    if (sim_.calm) return;  // those under way end; the trickle is counted with the reports
    if (!table_.services.empty()) {
      const auto& service = table_.services[traffic_.below(table_.services.size())];
      const auto many = static_cast<std::uint32_t>(1 + traffic_.below(traffic_.below(3) ? 5 : 100));
      const auto most = traffic_.below(4) == 0 ? 20'000'000 : 500'000;
      const auto takes = Duration(static_cast<std::int64_t>(1000 + traffic_.below(most)));
      if (!service.replicas.empty()) request(service, many, takes);
    }
    next_request();
  });
}

void IngressHost::request(const api::RoutedService& service, std::uint32_t many, Duration takes) {
  counted_[service.id].requests += many;
  const TaskId task = service.replicas[traffic_.below(service.replicas.size())].task;
  ++in_flight_[task];
  later(takes, 0, [this, task] { request_ends(task); });
}

void IngressHost::request_ends(const TaskId& task) {
  const auto at = in_flight_.find(task);
  if (--at->second > 0) return;
  in_flight_.erase(at);
  const bool had_left = !uses(task);
  if (had_left) busy_shrunk();
}

}  // namespace cube::sim
