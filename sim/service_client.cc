#include "sim/service_client.h"

#include <fmt/format.h>

namespace cube::sim {
namespace {

using service::AutoscalePolicy;
using service::UpdatePolicy;

constexpr Duration answer_deadline = 5s, try_again_after = 1s;
// What was sent before the faults ended has arrived by then.
constexpr Duration settle_after = 5s;
constexpr std::uint16_t first_port = 18'000;

}  // namespace

ServiceClient::ServiceClient(Sim& sim, ManagerHost& manager)
    : sim_(sim),
      manager_(manager),
      rng_(sim.root.split("operator")),
      specs_(sim.root.split("specs of services")),
      network_(sim.root.split("network of the operator")) {}

void ServiceClient::next() {
  const auto most = static_cast<std::uint64_t>(sim_.options.chaos.count()) / 12;
  sim_.timeline.after(Duration(static_cast<std::int64_t>(rng_.below(most + 1))), [this] {
    if (sim_.calm) return;
    if (!waits_) act();
    next();
  });
}

void ServiceClient::act() {
  const std::uint32_t what = pick(100);
  const std::string name = any_name();
  const auto nothing = [](const Body&) {};
  if (what < 30) {
    const auto spec = draw_spec(name);
    return ask(
        "create " + name,
        [spec](auto token) -> manager::Input {
          return manager::ServiceInput(manager::CreateService{token, spec});
        },
        nothing);
  }
  if (what < 60) {
    const auto spec = draw_spec(name);
    return ask(
        "update " + name,
        [spec](auto token) -> manager::Input {
          return manager::ServiceInput(
              manager::UpdateService{token, spec.name, spec, std::nullopt});
        },
        nothing);
  }
  if (what < 70) {
    const std::uint32_t replicas = pick(6);
    return ask(
        fmt::format("scale {} to {}", name, replicas),
        [name, replicas](auto token) -> manager::Input {
          return manager::ServiceInput(manager::ScaleService{token, name, replicas});
        },
        nothing);
  }
  if (what < 76) {
    return ask(
        "roll back " + name,
        [name](auto token) -> manager::Input {
          return manager::ServiceInput(manager::RollBackService{token, name, std::nullopt});
        },
        nothing);
  }
  if (what < 80) {
    return ask(
        "remove " + name,
        [this, name](auto token) -> manager::Input {
          sim_.services.removal_asked(name);
          return manager::ServiceInput(manager::RemoveService{token, name});
        },
        nothing);
  }
  if (what < 84) return stop_a_replica(name);
  const auto node = fmt::format("n{}", 1 + pick(sim_.options.nodes));
  set_availability(node, static_cast<manager::Availability>(pick(3)), nothing);
}

// --- What it asks for ---------------------------------------------------------------------------

service::ServiceSpec ServiceClient::draw_spec(const std::string& name) {
  Rng& r = specs_;
  service::ServiceSpec spec;
  spec.name = name;
  spec.replicas = static_cast<std::uint32_t>(r.below(6));
  spec.global = name == "s3";
  draw_task(spec);
  draw_update(spec.update);
  spec.drain = static_cast<std::int64_t>(r.below(12)) * 1s;
  if (r.below(5) == 0) spec.max_per_node = static_cast<std::uint32_t>(1 + r.below(3));
  if (r.below(4) == 0) spec.spread.clear();
  if (r.below(3) == 0) spec.ingress.path = fmt::format("/{}/{}", name, r.below(3));
  if (!spec.global && r.below(3) == 0) draw_autoscale(spec);
  if (spec.global) spec.replicas = 1;
  if (!spec.global && r.below(5) == 0) {
    spec.port_range = {static_cast<std::uint16_t>(first_port + 100 * (name.back() - '0')),
                       {80, "tcp"}};
    spec.task.ports.clear();
  }
  return spec;
}

// Every version is another task; some never run, some never become healthy, some end again and
// again.
void ServiceClient::draw_task(service::ServiceSpec& spec) {
  Rng& r = specs_;
  TaskSpec& task = spec.task;
  task.image = r.below(8) == 0 ? std::string(missing_image) : "web";
  task.env = {fmt::format("VERSION={}", ++versions_)};
  task.ports = {{Port{80, "tcp"}, 0, ""}};
  if (r.below(4) == 0) task.cpu_milli = 250;
  task.stop_grace = (1 + static_cast<std::int64_t>(r.below(8))) * 1s;
  Program program;
  program.stops_after = (20 + static_cast<std::int64_t>(r.below(3000))) * 1ms;
  if (r.below(8) == 0) {
    program.ends_after = (100 + static_cast<std::int64_t>(r.below(20'000))) * 1ms;
    program.exit_code = 1;
  }
  program.sick = r.below(8) == 0;
  task.command = command_of(program);
  if (r.below(2) == 0 || program.sick) {
    task.health.kind = HealthCheck::Kind::http;
    task.health.path = "/";
    task.health.port = 80;
    task.health.interval = (1 + static_cast<std::int64_t>(r.below(3))) * 1s;
    task.health.timeout = 1s;
    task.health.retries = 2;
  }
}

void ServiceClient::draw_update(UpdatePolicy& update) {
  Rng& r = specs_;
  update.order =
      r.below(2) == 0 ? UpdatePolicy::Order::stop_first : UpdatePolicy::Order::start_first;
  update.parallelism = static_cast<std::uint32_t>(r.below(4));
  update.delay = r.below(2) == 0 ? 0s : static_cast<std::int64_t>(r.below(4)) * 1s;
  update.monitor = static_cast<std::int64_t>(r.below(6)) * 1s;
  update.max_failures_permille = r.below(2) == 0 ? 0 : 400;
  update.on_failure = static_cast<UpdatePolicy::OnFailure>(r.below(3));
  update.progress_deadline = (5 + static_cast<std::int64_t>(r.below(60))) * 1s;
}

void ServiceClient::draw_autoscale(service::ServiceSpec& spec) {
  Rng& r = specs_;
  AutoscalePolicy& a = spec.autoscale;
  a.by = static_cast<AutoscalePolicy::By>(1 + r.below(3));
  a.min = static_cast<std::uint32_t>(1 + r.below(2));
  a.max = a.min + static_cast<std::uint32_t>(r.below(6));
  a.high = 80;
  a.low = 20;
  // More than what comes in when the faults are over: then the least is enough.
  a.per_replica = a.by == AutoscalePolicy::By::rate ? 5 : 60;
  a.interval = (5 + static_cast<std::int64_t>(r.below(10))) * 1s;
  a.up_cooldown = static_cast<std::int64_t>(r.below(5)) * 1s;
  a.down_cooldown = static_cast<std::int64_t>(r.below(10)) * 1s;
  a.stabilization = r.below(2) == 0 ? 0s : static_cast<std::int64_t>(r.below(20)) * 1s;
  a.max_step = static_cast<std::uint32_t>(r.below(3));
  a.remove =
      r.below(2) == 0 ? AutoscalePolicy::Remove::highest : AutoscalePolicy::Remove::least_used;
  spec.replicas = a.min;
}

// As somebody does who does not know what a service is for.
void ServiceClient::stop_a_replica(const std::string& service) {
  auto& process = manager_.process();
  if (!process.is_up()) return;
  const auto tasks = process.core().service_tasks(service);
  if (!tasks.ok() || tasks->empty()) return;
  const TaskId id = (*tasks)[pick(tasks->size())]->id;
  ask(
      "stop " + id.str().substr(0, 8),
      [this, id](auto token) -> manager::Input {
        sim_.services.stop_asked(id);
        return manager::Stop{token, id.str()};
      },
      [](const Body&) {});
}

void ServiceClient::set_availability(const std::string& node, manager::Availability availability,
                                     Then then) {
  ask(
      fmt::format("{} {}", name(availability), node),
      [node, availability](auto token) -> manager::Input {
        return manager::SetAvailability{token, node, availability};
      },
      std::move(then));
}

// --- In the end ---------------------------------------------------------------------------------

void ServiceClient::heal() {
  sim_.timeline.after(settle_after, [this] {
    if (waits_) return heal();
    settle_nodes(1);
  });
}

// One after the other; a node that is forgotten comes back in use.
void ServiceClient::settle_nodes(std::size_t from) {
  if (from > sim_.options.nodes) return settle_services(1);
  set_availability(fmt::format("n{}", from), manager::Availability::active,
                   [this, from](const Body&) { settle_nodes(from + 1); });
}

// Services that can be; the first one in any case, the others where they still are.
void ServiceClient::settle_services(std::size_t from) {
  if (from > sim_.options.services) {
    is_settled_ = true;
    return;
  }
  const auto spec = final_spec(fmt::format("s{}", from));
  const auto create = [this, spec, from] {
    ask(
        "create " + spec.name,
        [spec](auto token) -> manager::Input {
          return manager::ServiceInput(manager::CreateService{token, spec});
        },
        [this, spec, from](const Body& body) {
          if (std::holds_alternative<Error>(body)) {  // it is there, or being removed
            sim_.timeline.after(1s, [this, from] { settle_services(from); });
            return;
          }
          wanted_[spec.name] = spec;
          settle_services(from + 1);
        });
  };
  ask(
      "update " + spec.name,
      [spec](auto token) -> manager::Input {
        return manager::ServiceInput(manager::UpdateService{token, spec.name, spec, std::nullopt});
      },
      [this, spec, from, create](const Body& body) {
        const auto* error = std::get_if<Error>(&body);
        if (error == nullptr) {
          wanted_[spec.name] = spec;
        } else if (from == 1) {
          return create();
        }
        settle_services(from + 1);
      });
}

service::ServiceSpec ServiceClient::final_spec(const std::string& name) {
  auto spec = draw_spec(name);
  spec.task.image = "web";
  spec.task.cpu_milli = 0;
  Program program = program_of(spec.task);
  program.ends_after.reset();
  program.sick = false;
  spec.task.command = command_of(program);
  spec.max_per_node = 0;
  spec.update.on_failure = UpdatePolicy::OnFailure::go_on;
  return spec;
}

// --- Asking -------------------------------------------------------------------------------------

Duration ServiceClient::hop() {
  const auto most = sim_.calm ? 0 : static_cast<std::uint64_t>(sim_.options.delay_max.count());
  return 200us + Duration(static_cast<std::int64_t>(network_.below(most + 1)));
}

void ServiceClient::ask(std::string what, Make make, Then then) {
  waits_ = true;
  const auto request = std::make_shared<Request>();
  request->what = std::move(what);
  request->make = std::move(make);
  request->then = std::move(then);
  send(request);
}

void ServiceClient::send(const RequestPtr& request) {
  const std::uint64_t attempt = ++request->tries;
  again(request, attempt, answer_deadline);
  if (lost()) return;
  sim_.timeline.after(hop(), [this, request, attempt] { arrive(request, attempt); });
}

void ServiceClient::again(const RequestPtr& request, std::uint64_t attempt, Duration after) {
  sim_.timeline.after(after, [this, request, attempt] {
    if (!request->over && request->tries == attempt) send(request);
  });
}

void ServiceClient::arrive(const RequestPtr& request, std::uint64_t attempt) {
  auto& process = manager_.process();
  if (!process.is_up() || process.disk().is_full()) return again(request, attempt, try_again_after);
  process.ask(request->make, [this, request, attempt](const Body* body) {
    if (body == nullptr) return again(request, attempt, try_again_after);
    if (const auto* view = std::get_if<api::ServiceView>(body)) sim_.services.answered(*view);
    if (lost()) return;
    sim_.timeline.after(hop(), [this, request, attempt, copy = *body] {
      const auto* error = std::get_if<Error>(&copy);
      if (error != nullptr && http_status(error->code) >= 500) {
        return again(request, attempt, try_again_after);
      }
      if (std::exchange(request->over, true)) return;
      sim_.story.tell("operator: {}: {}", request->what, error == nullptr ? "ok" : error->message);
      waits_ = false;
      request->then(copy);
    });
  });
}

}  // namespace cube::sim
