// How a new table takes the place of the old: services and replicas that stay keep their state.

#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"
#include "ingress/core.h"
#include "ingress/listener.h"
#include "ingress/upstream.h"

namespace cube::ingress {

namespace {

// The replica of the same task and address that is there already, in the table or on its way out.
std::shared_ptr<Replica> find_known(Core& core, const Service& service,
                                    const api::RoutedReplica& spec) {
  for (const auto& replica : service.replicas) {
    if (replica->spec.task == spec.task && replica->spec.address == spec.address) return replica;
  }
  const auto found = core.leaving.find(spec.task);
  if (found == core.leaving.end() || found->second->spec.address != spec.address) return nullptr;
  auto replica = found->second;
  core.leaving.erase(found);
  replica->leaving = false;
  return replica;
}

void close_idle(Core& core, Replica& replica) {
  while (!replica.idle.empty()) core.drop(*replica.idle.back());
}

void set_replicas(Core& core, Service& service, const std::vector<api::RoutedReplica>& specs) {
  std::vector<std::shared_ptr<Replica>> replicas;
  for (const auto& spec : specs) {
    auto replica = find_known(core, service, spec);
    if (!replica) {
      const auto address = SocketAddress::parse(spec.address);
      if (!address) {
        core.say(LogLevel::warn, "ingress.address",
                 fmt::format("a replica of {}: \"{}\" is no address of numbers", service.name,
                             spec.address));
        continue;
      }
      replica = std::make_shared<Replica>(spec, *address);
    }
    replica->spec.slot = spec.slot;
    replicas.push_back(std::move(replica));
  }
  for (const auto& old : service.replicas) {
    if (std::find(replicas.begin(), replicas.end(), old) != replicas.end()) continue;
    old->leaving = true;
    close_idle(core, *old);
    if (old->in_flight > 0) core.leaving[old->spec.task] = old;
  }
  service.replicas = std::move(replicas);
  service.choice.clear();
  for (const auto& replica : service.replicas) service.choice.push_back(replica.get());
}

void set_rules(Core& core, Service& service, const service::IngressRules& rules) {
  if (rules.balance != service.rules.balance) {
    service.balancer = Balancer(rules.balance, core.seed + stable_hash(service.id.str()));
  }
  const bool same_limit = rules.rate_limit == service.rules.rate_limit;
  if (rules.rate_limit.requests == 0 || rules.rate_limit.per <= 0us) {
    service.rate_limit.reset();
  } else if (!same_limit || !service.rate_limit) {
    service.rate_limit.emplace(rules.rate_limit.requests, rules.rate_limit.per);
  }
  service.rules = rules;
}

}  // namespace

void Core::set_table(const api::RouteTable& table) {
  std::vector<std::shared_ptr<Service>> next;
  std::map<Uuid, std::shared_ptr<Service>> still_known;
  for (const auto& spec : table.services) {
    const auto found = known.find(spec.id);
    auto service = found != known.end()
                       ? found->second
                       : std::make_shared<Service>(spec.id, seed + stable_hash(spec.id.str()));
    if (found == known.end()) service->since = wall_now();
    service->name = spec.name;
    service->reason = spec.reason;
    set_rules(*this, *service, spec.rules);
    set_replicas(*this, *service, spec.replicas);
    still_known[spec.id] = service;
    next.push_back(std::move(service));
  }
  for (const auto& [id, service] : known) {
    if (!still_known.contains(id)) set_replicas(*this, *service, {});
  }
  known = std::move(still_known);
  services = std::move(next);
  routes = Routes(table);
  version = table.version;
  for (const auto& conflict : routes.conflicts()) {
    const auto& before = conflicts;
    if (std::find(before.begin(), before.end(), conflict) != before.end()) continue;
    say(LogLevel::warn, "ingress.conflict", conflict);
  }
  conflicts = routes.conflicts();
  for (const auto& listener : listeners) {  // the common one may have waited for this
    const auto listens = listener->listen();
    if (!listens) say(LogLevel::warn, "ingress.listen", listens.error().message);
  }
  set_listeners();
}

Result<void> Core::listen_on(std::uint16_t service_port) {
  // Where the port can be shared a second socket would take away half of its connections.
  for (const auto& other : listeners) {
    if (other->service_port() != 0 || other->port() != service_port) continue;
    return Error{Code::conflict,
                 fmt::format("port {} is the one that all services of this ingress share; a Path "
                             "or Hosts lead there, or it takes another Port",
                             service_port)};
  }
  auto listener = Listener::bind(*this, service_port, service_port);
  if (!listener) return std::move(listener).error();
  CUBE_TRY((*listener)->listen());
  listeners.push_back(std::move(*listener));
  return {};
}

void Core::set_listeners() {
  const auto ports = routes.ports();
  for (auto& listener : listeners) {
    const std::uint16_t port = listener->service_port();
    if (port == 0 || std::binary_search(ports.begin(), ports.end(), port)) continue;
    listener->close();
    reactor.bury(std::move(listener));
  }
  std::erase(listeners, nullptr);
  bool failed = false;
  for (const std::uint16_t port : ports) {
    const bool there = std::any_of(listeners.begin(), listeners.end(),
                                   [port](const auto& l) { return l->service_port() == port; });
    if (there || draining) continue;
    const auto listens = listen_on(port);
    if (listens) {
      closed_ports.erase(port);
      continue;
    }
    failed = true;
    const auto [shut, is_new] = closed_ports.try_emplace(port);
    shut->second = listens.error().message;
    if (is_new) {
      say(LogLevel::warn, "ingress.listen", listens.error().message + "; trying on");
    }
  }
  std::erase_if(closed_ports, [&ports](const auto& shut) {
    return !std::binary_search(ports.begin(), ports.end(), shut.first);
  });
  if (failed) reactor.wheel().arm(retry_listen, reactor.now() + listen_retry);
}

void Core::replica_idle(Replica& replica) {
  const auto found = leaving.find(replica.spec.task);
  if (found == leaving.end() || found->second.get() != &replica) return;
  const auto keeps_alive = found->second;
  leaving.erase(found);
  if (on_busy_shrunk) on_busy_shrunk();
}

std::vector<TaskId> Core::busy() const {
  std::vector<TaskId> tasks;
  for (const auto& [task, replica] : leaving) tasks.push_back(task);
  return tasks;
}

}  // namespace cube::ingress
