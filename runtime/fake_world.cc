#include "runtime/fake_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace cube::runtime {
namespace {

constexpr std::size_t log_piece_bytes = 32 * 1024;

using Kind = EngineError::Kind;

bool same_identity(const std::map<std::string, std::string>& a,
                   const std::map<std::string, std::string>& b) {
  static constexpr std::array keys = {"cube.cluster", "cube.node", "cube.task", "cube.attempt",
                                      "cube.restart"};
  return std::all_of(keys.begin(), keys.end(), [&](const char* key) {
    const auto in_a = a.find(key), in_b = b.find(key);
    return in_a != a.end() && in_b != b.end() && in_a->second == in_b->second;
  });
}

// "exit 3" -> 3
std::int32_t exit_code_in(std::string_view script) {
  std::int32_t code = 0;
  const std::size_t at = script.find("exit ");
  if (at == std::string_view::npos) return 0;
  std::from_chars(script.data() + at + 5, script.data() + script.size(), code);
  return code;
}

std::string last_lines(const std::string& text, std::int64_t lines) {
  std::size_t from = text.size();
  for (std::int64_t n = 0; n < lines && from > 0; ++n) {
    const std::size_t before = from >= 2 ? text.rfind('\n', from - 2) : std::string::npos;
    from = before == std::string::npos ? 0 : before + 1;
  }
  return text.substr(from);
}

}  // namespace

FakeRuntime::Behaviour default_program(const ContainerConfig& config) {
  std::vector<std::string> words = config.spec.entrypoint;
  words.insert(words.end(), config.spec.command.begin(), config.spec.command.end());
  FakeRuntime::Behaviour does;
  const std::string& user = config.spec.user;
  if (!user.empty() && user != "root" &&
      user.find_first_not_of("0123456789:") != std::string::npos) {
    does.start_error = EngineError{
        Kind::bad_spec,
        fmt::format("cannot start: unable to find user {}: no matching entries in passwd file",
                    user)};
    return does;
  }
  if (words.empty() || words[0] == "sleep" || words[0] == "cat") return does;
  if (words[0] == "true") {
    does.exits_with = 0;
  } else if (words[0] == "false") {
    does.exits_with = 1;
  } else if (words[0] == "echo") {
    does.exits_with = 0;
    words.erase(words.begin());
    does.log = fmt::format("{}\n", fmt::join(words, " "));
  } else if (words[0] == "sh" && words.size() == 3) {
    if (words[2].find("exit") != std::string::npos) does.exits_with = exit_code_in(words[2]);
  } else {
    // The init process starts all right, and only then finds nothing to run.
    does.exits_with = 127;
    does.log =
        fmt::format("[FATAL tini (7)] exec {} failed: No such file or directory\n", words[0]);
  }
  return does;
}

Outcome<ExecResult> default_exec(const Container&, const std::vector<std::string>& command) {
  ContainerConfig config;
  config.spec.command = command;
  const FakeRuntime::Behaviour does = default_program(config);
  if (does.exits_with == 127) return ExecResult{126, "executable file not found in $PATH"};
  return ExecResult{does.exits_with.value_or(0), does.log};
}

bool includes(const std::map<std::string, std::string>& all,
              const std::map<std::string, std::string>& some) {
  return std::all_of(some.begin(), some.end(), [&](const auto& label) {
    const auto it = all.find(label.first);
    return it != all.end() && it->second == label.second;
  });
}

std::string full_image(const std::string& image) {
  const std::size_t slash = image.rfind('/');
  const std::size_t from = slash == std::string::npos ? 0 : slash;
  return image.find_first_of(":@", from) == std::string::npos ? image + ":latest" : image;
}

void FakeWorld::post(std::function<void()> f) {
  if (loop == nullptr) {
    pending.push_back(std::move(f));
    return;
  }
  loop->post([weak = weak_from_this(), f = std::move(f)] {
    if (const auto alive = weak.lock()) f();
  });
}

FakeContainer* FakeWorld::find(const std::string& id_or_name) {
  for (const auto& one : containers) {
    if (one->seen.id == id_or_name || one->seen.name == id_or_name) return one.get();
  }
  return nullptr;
}

std::vector<Container> FakeWorld::list(const std::map<std::string, std::string>& labels) const {
  std::vector<Container> out;
  for (const auto& one : containers) {
    if (includes(one->seen.labels, labels)) out.push_back(one->seen);
  }
  return out;
}

Outcome<Container> FakeWorld::inspect(const std::string& id_or_name) {
  if (const FakeContainer* found = find(id_or_name)) return found->seen;
  return EngineError{Kind::not_found, fmt::format("no container \"{}\"", id_or_name)};
}

Outcome<Done> FakeWorld::pull(const std::string& image) {
  if (!registry.contains(full_image(image))) {
    return EngineError{Kind::no_image,
                       fmt::format("image \"{}\" cannot be pulled: not found", image)};
  }
  images.insert(full_image(image));
  return Done{};
}

Outcome<std::string> FakeWorld::create(const ContainerConfig& config) {
  const TaskSpec& spec = config.spec;
  if (spec.memory_bytes != 0 && spec.memory_bytes < limits::task_memory_bytes_min) {
    return EngineError{Kind::bad_spec,
                       "the container engine refuses: Minimum memory limit allowed is 6MB"};
  }
  if (!images.contains(full_image(spec.image))) {
    return EngineError{Kind::no_image, fmt::format("no image \"{}\" on this machine", spec.image)};
  }
  if (const FakeContainer* holder = find(config.name)) {
    if (same_identity(holder->seen.labels, config.labels)) return holder->seen.id;
    return EngineError{
        Kind::name_in_use,
        fmt::format("the container name \"{}\" is taken by container {} of image \"{}\", which is "
                    "not this task's",
                    config.name, holder->seen.id.substr(0, 12), holder->config.spec.image)};
  }
  auto made = std::make_unique<FakeContainer>();
  made->config = config;
  made->seen.id = fmt::format("{:012x}{:052x}", next_id_, 0);
  ++next_id_;
  made->seen.name = config.name;
  made->seen.labels = config.labels;
  made->seen.created = now;
  containers.push_back(std::move(made));
  return containers.back()->seen.id;
}

bool FakeWorld::port_is_free(std::uint16_t port) const {
  if (occupied_ports.contains(port)) return false;
  return std::none_of(containers.begin(), containers.end(), [port](const auto& one) {
    return std::any_of(one->seen.ports.begin(), one->seen.ports.end(),
                       [port](const HostPort& taken) { return taken.host_port == port; });
  });
}

std::uint16_t FakeWorld::next_free_port() {
  while (!port_is_free(next_port_)) ++next_port_;
  return next_port_++;
}

std::optional<EngineError> FakeWorld::publish_ports(FakeContainer& container) {
  const TaskSpec& spec = container.config.spec;
  std::vector<HostPort> ports;
  for (const PortBinding& binding : spec.ports) {
    if (binding.host_port != 0 && !port_is_free(binding.host_port)) {
      return EngineError{Kind::port_in_use, fmt::format("port {} is already in use on this machine",
                                                        binding.host_port)};
    }
    const std::uint16_t port = binding.host_port == 0 ? next_free_port() : binding.host_port;
    ports.push_back(
        {binding.container, binding.host_ip.empty() ? "0.0.0.0" : binding.host_ip, port});
  }
  if (spec.publish_all) {
    std::set<Port> exposed(spec.exposed_ports.begin(), spec.exposed_ports.end());
    const auto of_image = image_ports.find(full_image(spec.image));
    if (of_image != image_ports.end()) {
      exposed.insert(of_image->second.begin(), of_image->second.end());
    }
    for (const Port& port : exposed) {
      ports.push_back({port, "0.0.0.0", next_free_port()});
    }
  }
  container.seen.ports = std::move(ports);
  return std::nullopt;
}

Outcome<Container> FakeWorld::start(const std::string& id) {
  FakeContainer* found = find(id);
  if (found == nullptr) {
    return EngineError{Kind::not_found, fmt::format("no container \"{}\"", id)};
  }
  Container& seen = found->seen;
  if (seen.state == ContainerState::running) return seen;  // 304
  found->behaviour = program(found->config);
  auto error = found->behaviour.start_error;
  if (!error) error = publish_ports(*found);
  if (error) {
    // As the real one: it stays `created`, with the reason and a code that no process gave.
    seen.error = error->message;
    seen.exit_code = error->kind == Kind::bad_spec ? 127 : 128;
    return *error;
  }
  seen.state = ContainerState::running;
  seen.pid = next_pid_++;
  seen.exit_code = 0;
  seen.oom_killed = false;
  seen.started = now;
  seen.finished = WallTime{};
  seen.ip = fmt::format("172.17.{}.{}", next_pid_ / 250 % 250, next_pid_ % 250 + 2);
  tell(EngineEvent::Kind::started, seen);
  if (!found->behaviour.log.empty()) write_log(*found, found->behaviour.log);
  if (const auto code = found->behaviour.exits_with) exit(*found, *code, false);
  return seen;
}

void FakeWorld::exit(FakeContainer& container, std::int32_t code, bool oom_killed) {
  Container& seen = container.seen;
  if (seen.state != ContainerState::running) return;
  if (oom_killed) tell(EngineEvent::Kind::oom, seen);
  seen.state = ContainerState::exited;
  seen.exit_code = code;
  seen.oom_killed = oom_killed;
  seen.pid = 0;
  seen.finished = now;
  seen.ip.clear();
  seen.ports.clear();
  tell(EngineEvent::Kind::died, seen);
  std::erase_if(log_followers, [&](const std::shared_ptr<FakeFollower>& follower) {
    if (follower->container_id != seen.id) return false;
    tell_log(follower, [](LogSink& log) { log.on_end(std::nullopt); });
    return true;
  });
}

Outcome<ExecResult> FakeWorld::exec(const std::string& id,
                                    const std::vector<std::string>& command) {
  const FakeContainer* found = find(id);
  if (found == nullptr) {
    return EngineError{Kind::not_found, fmt::format("no container \"{}\"", id)};
  }
  if (found->seen.state != ContainerState::running) {
    return EngineError{Kind::other, fmt::format("container \"{}\" is not running", id)};
  }
  return exec_program(found->seen, command);
}

void FakeWorld::remove(const std::string& id_or_name) {
  FakeContainer* found = find(id_or_name);
  if (found == nullptr) return;
  exit(*found, 137, false);
  const Container gone = found->seen;
  std::erase_if(containers, [found](const auto& one) { return one.get() == found; });
  tell(EngineEvent::Kind::destroyed, gone);
}

void FakeWorld::write_log(FakeContainer& container, const std::string& text) {
  container.log += text;
  for (const auto& follower : log_followers) {
    if (follower->container_id != container.seen.id) continue;
    tell_log(follower, [text](LogSink& log) { log.on_data(false, text); });
  }
}

void FakeWorld::follow(const std::shared_ptr<FakeFollower>& follower, const LogOptions& options) {
  const FakeContainer* found = away ? nullptr : find(follower->container_id);
  if (found == nullptr) {
    EngineError error{Kind::not_found, fmt::format("no container \"{}\"", follower->container_id)};
    if (away) error = {Kind::unavailable, *away};
    return tell_log(follower, [error](LogSink& log) { log.on_end(error); });
  }
  follower->container_id = found->seen.id;
  const std::string text = options.tail ? last_lines(found->log, *options.tail) : found->log;
  const bool goes_on = options.follow && found->seen.state == ContainerState::running;
  if (goes_on) log_followers.push_back(follower);
  tell_log(follower, [](LogSink& log) {
    if (log.on_open) log.on_open();
  });
  for (std::size_t at = 0; at < text.size(); at += log_piece_bytes) {
    const std::string piece = text.substr(at, log_piece_bytes);
    tell_log(follower, [piece](LogSink& log) { log.on_data(false, piece); });
  }
  if (!goes_on) tell_log(follower, [](LogSink& log) { log.on_end(std::nullopt); });
}

void FakeWorld::tell_log(const std::shared_ptr<FakeFollower>& follower,
                         std::function<void(LogSink&)> f) {
  post([follower, f = std::move(f)] {
    follower->due.push_back(f);
    follower->run_due();
  });
}

void FakeWorld::tell(EngineEvent::Kind kind, const Container& container) {
  if (away) return;  // and never told later
  EngineEvent event;
  event.kind = kind;
  event.container_id = container.id;
  event.container_name = container.name;
  event.labels = container.labels;
  event.exit_code = kind == EngineEvent::Kind::died ? container.exit_code : 0;
  event.at = now;
  for (const auto& watcher : watchers) {
    if (!includes(container.labels, watcher->labels)) continue;
    post([watcher, event] {
      if (watcher->open) watcher->events.on_event(event);
    });
  }
}

EngineInfo FakeWorld::info() const {
  EngineInfo info;
  info.id = "FAKE:ENGINE";
  info.version = "20.10.24";
  info.api_version = "1.41";
  info.platform = "linux/amd64";
  info.data_dir = "/";
  info.cpus = 2;
  info.memory_bytes = 4LL * 1024 * 1024 * 1024;
  info.cgroup_version = 1;
  info.cgroup_driver = "cgroupfs";
  return info;
}

}  // namespace cube::runtime
