#include "tests/worker/script.h"

#include <fmt/format.h>

#include <sstream>

#include "base/assert.h"
#include "base/text.h"

namespace cube::test {
namespace {

TaskId id_of(const std::string& name) {
  return TaskId(Uuid::from_random(stable_hash(name), stable_hash(name, 1)));
}

worker::Config config() {
  worker::Config out;
  out.name = "n1";
  out.mount_dirs = {"/srv"};
  out.version = "test";
  out.boot_id = "boot-1";
  return out;
}

std::vector<std::string> split(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// The value of "name=value" among `words`, or `otherwise`.
std::string option(const std::vector<std::string>& words, const std::string& name,
                   const std::string& otherwise) {
  for (const std::string& word : words) {
    if (word.starts_with(name + '=')) return word.substr(name.size() + 1);
  }
  return otherwise;
}

std::uint64_t number(const std::string& text) {
  return std::stoull(text);
}

api::Fence fence_from(const std::string& text) {
  api::Fence fence;
  char dot = 0;
  std::istringstream(text) >> fence.epoch >> dot >> fence.session >> dot >> fence.generation;
  return fence;
}

Duration duration(const std::string& text) {
  return parse_duration(text).value();
}

std::string_view state_name(runtime::ContainerState state) {
  using enum runtime::ContainerState;
  switch (state) {
    case created:
      return "created";
    case running:
      return "running";
    case paused:
      return "paused";
    case restarting:
      return "restarting";
    case removing:
      return "removing";
    case exited:
      return "exited";
    case dead:
      return "dead";
  }
  CUBE_UNREACHABLE();
}

runtime::EngineError::Kind error_kind(const std::string& name) {
  using enum runtime::EngineError::Kind;
  const std::map<std::string, runtime::EngineError::Kind> kinds = {
      {"unavailable", unavailable}, {"no-image", no_image}, {"name-in-use", name_in_use},
      {"port-in-use", port_in_use}, {"bad-spec", bad_spec}, {"not-found", not_found},
      {"no-registry", no_registry}, {"no-space", no_space}, {"other", other},
  };
  return kinds.at(name);
}

// Somebody sends a signal that the container does not heed, or not yet.
bool signal(EngineModel& engine, const std::string& name, WallTime now) {
  const auto found = engine.containers().find(name);
  if (found == engine.containers().end()) return false;
  runtime::EngineEvent event;
  event.kind = runtime::EngineEvent::Kind::killed;
  event.signal = 15;
  event.container_id = found->second.id;
  event.labels = found->second.labels;
  event.at = now;
  engine.events.push_back(std::move(event));
  return true;
}

}  // namespace

Script::Script() : world_(config()) {
  began_ = world_.mono;
  world_.on_effects = [this](const auto& effects) { print(effects); };
  world_.on_failure = [this](const auto& operation, const auto& error) {
    print(fmt::format("  failed: {}: {}", text(operation), error.message));
  };
  world_.answer_probe = [this](const worker::Probe& probe) -> std::optional<bool> {
    for (const auto& [container, c] : world_.engine.containers()) {
      if (c.id != probe.container_id) continue;
      const auto found = health_.find(split(short_name(container)).front());
      if (found == health_.end() || found->second == "ok") return true;
      if (found->second == "hang") return std::nullopt;
    }
    return false;
  };
}

// --- Names ------------------------------------------------------------------------------------

std::string Script::name_of(const TaskId& id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? id.str().substr(0, 8) : found->second;
}

// Container names are long; "web 1.0" says the same. `text` with every one of them replaced.
std::string Script::short_name(std::string text) const {
  for (const auto& [id, name] : names_) {
    const std::string prefix = "cube-" + id.str();
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
      unsigned attempt = 0, restart = 0;
      char a = 0, r = 0, dash = 0;
      std::istringstream rest(text.substr(at + prefix.size()));
      rest >> dash >> a >> attempt >> dash >> r >> restart;
      const auto whole = worker::container_name({id, attempt}, restart, "default", "n1");
      if (text.compare(at, whole.size(), whole) != 0) break;
      text.replace(at, whole.size(), fmt::format("{} {}.{}", name, attempt, restart));
    }
  }
  return text;
}

// "web" is the newest container of web, "web/1.0" exactly one, anything else a plain name.
std::string Script::container(const std::string& ref) const {
  std::string best = ref;
  for (const auto& [name, c] : world_.engine.containers()) {
    const std::string known = short_name(name);  // "web 1.0"
    if (known.substr(0, known.find(' ')) == ref &&
        (best == ref || c.created >= world_.engine.containers().at(best).created))
      best = name;
    if (known.substr(0, known.find(' ')) + '/' + known.substr(known.find(' ') + 1) == ref)
      return name;
  }
  return best;
}

// --- Printing ---------------------------------------------------------------------------------

std::string Script::text(const worker::Operation& operation) const {
  const std::string verb = verb_of(operation);
  const auto by_id = [&](const std::string& id) {
    for (const auto& [name, c] : world_.engine.containers()) {
      if (c.id == id) return verb + ' ' + short_name(name);
    }
    return verb + ' ' + short_name(id);
  };
  if (const auto* pull = std::get_if<worker::PullImage>(&operation.what)) {
    return verb + ' ' + pull->image;
  }
  if (const auto* create = std::get_if<worker::CreateContainer>(&operation.what)) {
    return verb + ' ' + short_name(create->config.name);
  }
  if (const auto* inspect = std::get_if<worker::InspectContainer>(&operation.what)) {
    return by_id(inspect->id_or_name);
  }
  if (const auto* start = std::get_if<worker::StartContainer>(&operation.what)) {
    return by_id(start->id);
  }
  if (const auto* stop = std::get_if<worker::StopContainer>(&operation.what)) {
    return by_id(stop->id) + " grace " + format_duration(stop->grace);
  }
  if (const auto* remove = std::get_if<worker::RemoveContainer>(&operation.what)) {
    return by_id(remove->id);
  }
  return verb;
}

std::string Script::text(const AttemptStatus& status) const {
  std::string out = fmt::format("{} {}.{} {}", name_of(status.key.task), status.key.attempt,
                                status.restart, cube::name(status.observed));
  if (status.final) out += " final";
  if (status.failure != Failure::none) {
    out += fmt::format(" failure={}", cube::name(status.failure));
  }
  if (status.failures != 0) out += fmt::format(" failures={}", status.failures);
  if (status.health != Health::unknown) out += fmt::format(" {}", cube::name(status.health));
  if (!status.container_id.empty()) out += " " + status.container_id;
  for (const HostPort& port : status.host_ports) {
    out += fmt::format(" {}->{}", port.container.str(), port.host_port);
  }
  if (!status.reason.empty()) out += fmt::format(" \"{}\"", status.reason);
  return out;
}

void Script::print(const worker::Reply& reply) {
  if (const auto* error = std::get_if<Error>(&reply.body)) {
    return print(fmt::format("reply {}: {}", http_status(error->code), error->message));
  }
  if (std::holds_alternative<worker::Deleted>(reply.body))
    return print(std::string("reply deleted"));
  if (const auto* task = std::get_if<Task>(&reply.body)) {
    return print(
        fmt::format("reply task {}: {}", cube::name(task->wire_state()), text(task->status)));
  }
  const auto& report = std::get<api::Report>(reply.body);
  incarnation_ = report.incarnation;
  change_ = report.change;
  stamp_ = report.lease_stamp;
  print(fmt::format("reply report {} fence={}.{}.{} tasks={}{}{}",
                    report.base == 0 ? "full" : "of changes", report.fence.epoch,
                    report.fence.session, report.fence.generation, report.task_count,
                    report.node.engine_ready ? "" : " engine: " + report.node.engine_reason,
                    report.lease_stamp == 0 ? " no lease" : ""));
  for (const AttemptStatus& status : report.attempts) print("  " + text(status));
  for (const AttemptKey& key : report.gone) {
    print(fmt::format("  {} {} gone", name_of(key.task), key.attempt));
  }
}

void Script::print(const worker::Effects& effects) {
  const auto at = world_.mono - began_;
  const std::string stamp = fmt::format("[{:>7.2f}] ", static_cast<double>(at.count()) / 1e6);
  std::string writes;
  for (const store::Write& write : effects.writes) {
    const bool is_put = write.kind == store::Write::Kind::put;
    writes += fmt::format(" {}{}", is_put ? "" : "-", write.key.front());
  }
  if (!writes.empty()) print(stamp + "commit" + writes);
  for (const worker::Note& note : effects.notes) {
    print(fmt::format("{}{}{}: {}", stamp, note.error ? "! " : "", note.kind, note.text));
  }
  for (const worker::Reply& reply : effects.replies) print(reply);
  for (const worker::Operation& operation : effects.operations) {
    // The list of every minute tells nothing in a story.
    const bool is_list = std::holds_alternative<worker::ListContainers>(operation.what);
    if (!is_list || !advancing_) print(stamp + "> " + text(operation));
  }
  for (const worker::Probe& probe : effects.probes) {
    print(fmt::format("{}> probe {}:{}{}", stamp, probe.host, probe.port, probe.path));
  }
}

void Script::status() {
  for (const Task& task : world_.worker().tasks()) {
    print(fmt::format("{}: {}", cube::name(task.wire_state()), text(task.status)));
  }
  if (world_.worker().tasks().empty()) print(std::string("no tasks"));
}

void Script::containers() {
  for (const auto& [name, c] : world_.engine.containers()) {
    print(fmt::format("{} {} {}{}", c.id, short_name(name), state_name(c.state),
                      c.pid != 0 ? fmt::format(" pid {}", c.pid) : ""));
  }
  if (world_.engine.containers().empty()) print(std::string("none"));
}

// --- Commands ---------------------------------------------------------------------------------

// spec NAME [image=] [restart=] [max=] [memory=] [ports=] [pull=] [health=/path] [mount=] ...
void Script::spec(const Words& words) {
  TaskSpec spec;
  spec.name = words.at(1);
  spec.image = option(words, "image", "echo");
  const std::map<std::string, RestartPolicy::Kind> policies = {
      {"", RestartPolicy::Kind::unset},
      {"no", RestartPolicy::Kind::no},
      {"always", RestartPolicy::Kind::always},
      {"on-failure", RestartPolicy::Kind::on_failure}};
  spec.restart.kind = policies.at(option(words, "restart", ""));
  spec.restart.max = static_cast<std::uint32_t>(number(option(words, "max", "0")));
  spec.memory_bytes = parse_bytes(option(words, "memory", "0")).value();
  spec.cpu_milli = static_cast<std::int64_t>(number(option(words, "cpu", "0")));
  const auto port = static_cast<std::uint16_t>(number(option(words, "port", "0")));
  if (port != 0) spec.ports.push_back({{port, "tcp"}, 0, ""});
  const std::string pull = option(words, "pull", "missing");
  if (pull == "always") spec.pull = TaskSpec::Pull::always;
  if (pull == "never") spec.pull = TaskSpec::Pull::never;
  spec.health.path = option(words, "health", "");
  if (!spec.health.path.empty()) spec.health.kind = HealthCheck::Kind::http;
  spec.health.interval = duration(option(words, "interval", "10s"));
  spec.health.start_period = duration(option(words, "start-period", "0s"));
  const std::string mount = option(words, "mount", "");
  if (!mount.empty()) spec.mounts.push_back({Mount::Kind::bind, mount, "/data", false});
  spec.stop_grace = duration(option(words, "grace", "10s"));
  spec.exclusive = words.back() == "exclusive";
  specs_[spec.name] = spec;
  names_[id_of(spec.name)] = spec.name;
}

// assign EPOCH.SESSION.GENERATION [TASK[/ATTEMPT][!]]... [manager=m1] [cluster=default]
// A task with "!" is over: nothing runs, its container is kept.
void Script::assign(const Words& words) {
  worker::PutAssignment put;
  put.token = ++last_token_;
  put.assignment.cluster = option(words, "cluster", "default");
  put.assignment.manager = ManagerId(id_of(option(words, "manager", "m1")).uuid);
  put.assignment.fence = fence_from(words.at(1));
  for (std::size_t i = 2; i < words.size(); ++i) {
    std::string word = words[i];
    if (word.find('=') != std::string::npos) continue;
    api::AssignedTask task;
    task.run = !word.ends_with('!');
    if (!task.run) word.pop_back();
    const auto slash = word.find('/');
    const std::string name = word.substr(0, slash);
    task.id = id_of(name);
    task.attempt =
        slash == std::string::npos ? 1 : static_cast<std::uint32_t>(number(word.substr(slash + 1)));
    if (!specs_.contains(name)) spec({"spec", name});
    task.spec = specs_[name];
    put.assignment.tasks.push_back(std::move(task));
  }
  world_.input(std::move(put));
}

// poll [manager=] [cluster=] [epoch=1] [session=1] [wait=5s] [since=NUMBER|last]
// [other-incarnation]
void Script::poll(const Words& words) {
  worker::PollReport in;
  in.token = ++last_token_;
  const std::string manager = option(words, "manager", "");
  if (!manager.empty()) in.manager = ManagerId(id_of(manager).uuid);
  in.cluster = option(words, "cluster", "");
  in.epoch = number(option(words, "epoch", "1"));
  in.session = number(option(words, "session", "1"));
  in.wait = duration(option(words, "wait", "5s"));
  const std::string since = option(words, "since", "last");
  in.change = since == "last" ? change_ : number(since);
  in.incarnation = words.back() == "other-incarnation" ? incarnation_ + 1 : incarnation_;
  // lease=last answers the report seen last, lease=N one that was made N ago.
  const std::string lease = option(words, "lease", "");
  if (lease == "last") in.lease = {stamp_, 15s};
  if (!lease.empty() && lease != "last") {
    in.lease = {static_cast<std::uint64_t>((world_.mono - duration(lease)).us), 15s};
  }
  world_.input(in);
}

// post TASK [stop|restart]
void Script::post(const Words& words) {
  worker::PostTask in;
  in.token = ++last_token_;
  const std::string& name = words.at(1);
  if (!specs_.contains(name)) spec({"spec", name});
  in.submission.id = id_of(name);
  in.submission.spec = specs_[name];
  if (words.back() == "stop") in.submission.event_state = 3;
  if (words.back() == "restart") {
    in.submission.container_id =
        world_.worker().task(id_of(name).str()).value().status.container_id;
  }
  world_.input(std::move(in));
}

// delete TASK
void Script::remove(const Words& words) {
  world_.input(worker::DeleteTask{++last_token_, id_of(words.at(1))});
}

void Script::advance(const Words& words) {
  world_.advance(duration(words.at(1)));
}

// A container that the worker did not make: somebody else's under our name, or one of ours that
// nobody asked for.
void Script::stray(bool is_ours, const std::string& task) {
  spec({"spec", task});
  runtime::Container c;
  c.id = is_ours ? "orphan" : "foreign";
  c.name = worker::container_name({id_of(task), 1}, 0, "default", "n1");
  c.state = runtime::ContainerState::running;
  if (is_ours) {
    c.labels = {{"cube.cluster", "default"},     {"cube.node", "n1"},        {"cube.attempt", "1"},
                {"cube.restart", "0"},           {"cube.origin", "manager"}, {"cube.name", task},
                {"cube.task", id_of(task).str()}};
  }
  world_.engine.put(std::move(c));
}

// health TASK ok|fail|hang
void Script::health(const Words& words) {
  health_[words.at(1)] = words.at(2);
}

// engine up|down|restart|term CODE|image NAME|no-image NAME|slow VERB TIME|fails VERB KIND
// TEXT...|foreign TASK
void Script::engine(const Words& words) {
  const std::string& what = words.at(1);
  if (what == "up") return world_.engine_up();
  if (what == "down") return world_.engine_down("connection refused");
  if (what == "restart") {
    world_.engine_down("connection refused");
    world_.advance(1s);
    world_.engine.kill_all(137, world_.wall);
    world_.advance(1s);
    return world_.engine_up();
  }
  if (what == "foreign" || what == "orphan") return stray(what == "orphan", words.at(2));
  if (what == "image") {
    world_.engine.images.insert(words.at(2));
  } else if (what == "no-image") {
    world_.engine.images.erase(words.at(2));
  } else if (what == "term") {
    world_.engine.term_all(std::stoi(words.at(2)), world_.wall);
  } else if (what == "slow") {
    world_.delays[words.at(2)] = duration(words.at(3));
  } else if (what == "fails") {
    std::string message = words.at(4);
    for (std::size_t i = 5; i < words.size(); ++i) message += ' ' + words[i];
    world_.engine.failures[words.at(2)].push_back({error_kind(words.at(3)), message});
  } else {
    print("unknown: engine " + what);
  }
}

// worker restart [boot=] [lose-store] [forget-manager] [no-guard] [lease=]
void Script::worker(const Words& words) {
  world_.config.boot_id = option(words, "boot", world_.config.boot_id);
  world_.config.forget_manager = false;
  world_.config.guard_lives = true;
  const std::string lease = option(words, "lease", "");
  world_.config.lease_until = lease.empty() ? Instant{} : world_.mono + duration(lease);
  for (const std::string& word : words) {
    if (word == "lose-store") world_.records.clear();
    if (word == "forget-manager") world_.config.forget_manager = true;
    if (word == "no-guard") world_.config.guard_lives = false;
  }
  if (!option(words, "boot", "").empty()) world_.engine.reboot(world_.wall);
  world_.restart_worker();
}

// What happens to a container from outside. False: there is no such container.
bool Script::by_hand(const Words& words) {
  const std::string& verb = words.at(0);
  const std::string name = container(words.at(1));
  if (verb == "exit") return world_.engine.exit(name, std::stoi(words.at(2)), world_.wall);
  if (verb == "kill") return world_.engine.kill(name, std::stoi(words.at(2)), world_.wall);
  if (verb == "signal") return signal(world_.engine, name, world_.wall);
  if (verb == "oom") return world_.engine.exit(name, 137, world_.wall, true);
  if (verb == "rm") return world_.engine.remove_by_hand(name, world_.wall);
  if (verb == "pause") return world_.engine.pause(name, true, world_.wall);
  if (verb == "unpause") return world_.engine.pause(name, false, world_.wall);
  return false;
}

// freeze TIME: the worker stands still; then what happened meanwhile is told.
void Script::freeze(const Words& words) {
  world_.mono = world_.mono + duration(words.at(1));
  world_.wall = world_.wall + duration(words.at(1));
}

// guard gone|back
void Script::guard(const Words& words) {
  world_.input(worker::GuardChanged{words.at(1) == "back"});
}

void Script::capacity() {
  const Resources capacity = world_.worker().info().capacity;
  print(
      fmt::format("cpu {} m, memory {}", capacity.cpu_milli, format_bytes(capacity.memory_bytes)));
}

void Script::counters() {
  const worker::Counters& c = world_.worker().counters();
  print(fmt::format("started {}, adopted {}, exited {}, restarts {}, sweeps with findings {}",
                    c.containers_started, c.containers_adopted, c.containers_exited, c.restarts,
                    c.sweeps_with_findings));
}

std::string Script::run(const std::string& line) {
  const std::map<std::string, void (Script::*)(const Words&)> commands = {
      {"spec", &Script::spec},       {"assign", &Script::assign}, {"poll", &Script::poll},
      {"post", &Script::post},       {"engine", &Script::engine}, {"worker", &Script::worker},
      {"advance", &Script::advance}, {"delete", &Script::remove}, {"health", &Script::health},
      {"freeze", &Script::freeze},   {"guard", &Script::guard},
  };
  const std::map<std::string, void (Script::*)()> reads = {
      {"status", &Script::status},
      {"containers", &Script::containers},
      {"capacity", &Script::capacity},
      {"counters", &Script::counters},
  };
  out_.clear();
  const Words words = split(line);
  const std::string& verb = words.at(0);
  advancing_ = verb == "advance";
  if (const auto command = commands.find(verb); command != commands.end()) {
    (this->*command->second)(words);
  } else if (const auto read = reads.find(verb); read != reads.end()) {
    (this->*read->second)();
  } else if (verb == "sample") {
    world_.input(worker::HostSampled{{}, {4000, 8LL << 30, 100LL << 30}});
  } else if (words.size() < 2 || !by_hand(words)) {
    print("cannot: " + line);
  }
  if (verb != "freeze") world_.run();
  return out_;
}

}  // namespace cube::test
