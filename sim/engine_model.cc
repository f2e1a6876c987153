#include "sim/engine_model.h"

#include <fmt/format.h>

#include <algorithm>

namespace cube::sim {
namespace {

using runtime::Container;
using runtime::ContainerState;
using runtime::EngineError;
using Kind = runtime::EngineEvent::Kind;

bool lives(const Container& c) {
  return c.state == ContainerState::running || c.state == ContainerState::paused;
}

EngineError no_such(const std::string& id) {
  return {EngineError::Kind::not_found, "no such container: " + id};
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

std::string verb_of(const worker::Operation& operation) {
  return std::visit(Overloaded{
                        [](const worker::ListContainers&) { return "list"; },
                        [](const worker::InspectContainer&) { return "inspect"; },
                        [](const worker::PullImage&) { return "pull"; },
                        [](const worker::CreateContainer&) { return "create"; },
                        [](const worker::StartContainer&) { return "start"; },
                        [](const worker::StopContainer&) { return "stop"; },
                        [](const worker::RemoveContainer&) { return "remove"; },
                    },
                    operation.what);
}

Container* EngineModel::find(const std::string& id_or_name) {
  for (auto& [name, c] : containers_) {
    if (name == id_or_name || c.id == id_or_name) return &c;
  }
  return nullptr;
}

void EngineModel::tell(Kind kind, const Container& c, WallTime now) {
  runtime::EngineEvent event;
  event.kind = kind;
  event.container_id = c.id;
  event.container_name = c.name;
  event.labels = c.labels;
  event.exit_code = c.exit_code;
  event.at = now;
  events.push_back(std::move(event));
}

void EngineModel::end(Container& c, std::int32_t code, WallTime now, bool oom) {
  c.state = ContainerState::exited;
  c.exit_code = code;
  c.oom_killed = oom;
  c.finished = now;
  c.pid = 0;
  c.ip.clear();
  c.ports.clear();
  on_change(Change::ended, c);
}

bool EngineModel::port_is_free(std::uint16_t port) const {
  if (occupied_ports.contains(port)) return false;
  for (const auto& [name, c] : containers_) {
    for (const HostPort& taken : c.ports) {
      if (taken.host_port == port) return false;
    }
  }
  return true;
}

EngineModel::Outcome EngineModel::create(const runtime::ContainerConfig& config, WallTime now) {
  if (!images.contains(config.spec.image)) {
    return EngineError{EngineError::Kind::no_image, "no such image: " + config.spec.image};
  }
  if (containers_.contains(config.name)) {
    ++names_refused;
    return EngineError{EngineError::Kind::name_in_use,
                       fmt::format("name {} is in use", config.name)};
  }
  Container c;
  c.id = fmt::format("{}{}", id_prefix, ++last_id_);
  c.name = config.name;
  c.labels = config.labels;
  c.created = now;
  specs_[c.name] = config.spec;
  const Container& made = containers_[c.name] = std::move(c);
  on_change(Change::created, made);
  return made.id;
}

EngineModel::Outcome EngineModel::start(const std::string& id, WallTime now) {
  Container* c = find(id);
  if (c == nullptr) return no_such(id);
  if (lives(*c)) {
    ++already_started;
    return *c;
  }
  for (const PortBinding& binding : specs_[c->name].ports) {
    if (binding.host_port == 0 || port_is_free(binding.host_port)) continue;
    c->error = fmt::format("port {} is already allocated", binding.host_port);
    return EngineError{EngineError::Kind::port_in_use, c->error};
  }
  c->error.clear();
  c->state = ContainerState::running;
  c->pid = ++last_pid_;
  c->started = now;
  c->ip = fmt::format("172.17.0.{}", c->pid - 100);
  for (const PortBinding& binding : specs_[c->name].ports) {
    const auto port = binding.host_port != 0 ? binding.host_port : ++last_port_;
    c->ports.push_back({binding.container, "0.0.0.0", port});
  }
  on_change(Change::started, *c);
  tell(Kind::started, *c, now);
  return *c;
}

EngineModel::Outcome EngineModel::apply(const worker::Operation& operation, WallTime now) {
  const std::string verb = verb_of(operation);
  auto& scripted = failures[verb];
  if (!scripted.empty()) {
    EngineError error = scripted.front();
    scripted.pop_front();
    // As the real one: a start that failed leaves its reason with the container.
    if (const auto* start_it = std::get_if<worker::StartContainer>(&operation.what)) {
      if (Container* c = find(start_it->id)) c->error = error.message;
    }
    return error;
  }
  return std::visit(
      Overloaded{
          [&](const worker::ListContainers& list) -> Outcome {
            std::vector<Container> out;
            for (const auto& [name, c] : containers_) {
              const bool matches =
                  std::all_of(list.labels.begin(), list.labels.end(), [&](const auto& label) {
                    const auto it = c.labels.find(label.first);
                    return it != c.labels.end() && it->second == label.second;
                  });
              if (!matches) continue;
              Container listed;  // a list tells no more than this
              listed.id = c.id, listed.name = c.name, listed.labels = c.labels;
              listed.state = c.state, listed.created = c.created;
              out.push_back(std::move(listed));
            }
            return out;
          },
          [&](const worker::InspectContainer& inspect) -> Outcome {
            const Container* c = find(inspect.id_or_name);
            if (c == nullptr) return no_such(inspect.id_or_name);
            return *c;
          },
          [&](const worker::PullImage& pull) -> Outcome {
            images.insert(pull.image);
            return runtime::Done{};
          },
          [&](const worker::CreateContainer& create_it) { return create(create_it.config, now); },
          [&](const worker::StartContainer& start_it) { return start(start_it.id, now); },
          [&](const worker::StopContainer& stop) -> Outcome {
            Container* c = find(stop.id);
            if (c != nullptr && lives(*c)) {
              tell(Kind::killed, *c, now);
              end(*c, stop_code, now, false);
              tell(Kind::died, *c, now);
            }
            return runtime::Done{};
          },
          [&](const worker::RemoveContainer& remove) -> Outcome {
            if (Container* c = find(remove.id)) remove_by_hand(c->name, now);
            return runtime::Done{};
          },
      },
      operation.what);
}

bool EngineModel::exit(const std::string& name, std::int32_t code, WallTime now, bool oom) {
  Container* c = find(name);
  if (c == nullptr || !lives(*c)) return false;
  end(*c, code, now, oom);
  tell(Kind::died, *c, now);
  return true;
}

bool EngineModel::signal(const std::string& name, WallTime now) {
  Container* c = find(name);
  if (c == nullptr || !lives(*c)) return false;
  tell(Kind::killed, *c, now);
  return true;
}

bool EngineModel::kill(const std::string& name, std::int32_t code, WallTime now) {
  return signal(name, now) && exit(name, code, now);
}

void EngineModel::term_all(std::int32_t code, WallTime now) {
  for (auto& [name, c] : containers_) kill(name, code, now);
}

bool EngineModel::remove_by_hand(const std::string& name, WallTime now) {
  Container* c = find(name);
  if (c == nullptr) return false;
  if (lives(*c)) {
    tell(Kind::killed, *c, now);
    end(*c, 137, now, false);
    tell(Kind::died, *c, now);
  }
  tell(Kind::destroyed, *c, now);
  on_change(Change::removed, *c);
  specs_.erase(c->name);
  containers_.erase(std::string(c->name));
  return true;
}

bool EngineModel::pause(const std::string& name, bool paused, WallTime now) {
  Container* c = find(name);
  if (c == nullptr || !lives(*c)) return false;
  c->state = paused ? ContainerState::paused : ContainerState::running;
  tell(paused ? Kind::paused : Kind::unpaused, *c, now);
  return true;
}

void EngineModel::kill_all(std::int32_t code, WallTime now) {
  for (auto& [name, c] : containers_) {
    if (lives(c)) end(c, code, now, false);
  }
  events.clear();
}

void EngineModel::reboot(WallTime now) {
  kill_all(255, now);
}

std::size_t EngineModel::live(const AttemptKey& key) const {
  const auto has = [&](const Container& c, std::string_view label, const std::string& value) {
    const auto it = c.labels.find(std::string(label));
    return it != c.labels.end() && it->second == value;
  };
  return static_cast<std::size_t>(
      std::count_if(containers_.begin(), containers_.end(), [&](const auto& entry) {
        return lives(entry.second) && has(entry.second, worker::label_task, key.task.str()) &&
               has(entry.second, worker::label_attempt, std::to_string(key.attempt));
      }));
}

}  // namespace cube::sim
