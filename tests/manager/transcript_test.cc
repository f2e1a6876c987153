// The stories of tests/golden/manager: commands to a model cluster, and all that the manager says.

#include "tests/support/transcript.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sstream>

#include "base/text.h"
#include "tests/manager/world.h"

namespace cube::test {
namespace {

using Words = std::vector<std::string>;

// "cpu=2" -> the value after "cpu=", if one of `words` is so.
std::optional<std::string> option(const Words& words, const std::string& name) {
  for (const std::string& w : words) {
    if (w.starts_with(name + "=")) return w.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::int64_t milli(const std::string& cores) {
  return static_cast<std::int64_t>(std::stod(cores) * 1000);
}

// The id of a task named in a story: of its name, so that stories need not spell it.
TaskId id_of(const std::string& name) {
  return TaskId(Uuid::from_random(stable_hash(name), stable_hash(name, 1)));
}

RestartPolicy::Kind policy_of(const std::string& word) {
  for (auto kind : {RestartPolicy::Kind::no, RestartPolicy::Kind::always,
                    RestartPolicy::Kind::unless_stopped, RestartPolicy::Kind::on_failure}) {
    if (RestartPolicy{kind}.name() == word) return kind;
  }
  return RestartPolicy::Kind::unset;
}

class Story {
 public:
  std::string run(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string w; in >> w;) words.push_back(w);
    if (words.empty()) return "";
    std::string out = command(words);
    for (const std::string& p : world_.problems) out += "PROBLEM " + p + "\n";
    world_.problems.clear();
    return out;
  }

 private:
  using Command = std::string (Story::*)(const Words&);

  std::string command(const Words& w) {
    static const std::map<std::string, Command> commands{
        {"nodes", &Story::nodes},
        {"submit", &Story::submit},
        {"batch", &Story::batch},
        {"stop", &Story::stop},
        {"status", &Story::status},
        {"node", &Story::node},
        {"events", &Story::events},
        {"containers", &Story::containers},
        {"advance", &Story::advance},
        {"cut", &Story::cut},
        {"heal", &Story::heal},
        {"deaf", &Story::deaf},
        {"leaseless", &Story::leaseless},
        {"kill-worker", &Story::kill_worker},
        {"start-worker", &Story::start_worker},
        {"wipe", &Story::wipe},
        {"engine", &Story::engine},
        {"break", &Story::break_node},
        {"mend", &Story::mend},
        {"kill-manager", &Story::kill_manager},
        {"start-manager", &Story::start_manager},
        {"lose-commit", &Story::lose_commit},
        {"exit", &Story::exit},
        {"unhealthy", &Story::unhealthy},
        {"join", &Story::join},
        {"forget", &Story::forget},
        {"readdress", &Story::readdress},
        {"calls", &Story::calls},
        {"unwanted", &Story::unwanted},
        {"alias", &Story::alias},
        {"service", &Story::service},
        {"services", &Story::services},
        {"routes", &Story::routes},
        {"ingress", &Story::ingress},
        {"drain", &Story::availability},
        {"pause", &Story::availability},
        {"activate", &Story::availability},
    };
    const auto at = commands.find(w[0]);
    return at == commands.end() ? "unknown command\n" : (this->*at->second)(w);
  }

  // nodes 3 cpu=2 memory=4GiB [deadline=10s]: workers n1..n3, named to the manager, which starts.
  std::string nodes(const Words& w) {
    if (auto d = option(w, "deadline")) world_.config.node_deadline = *parse_duration(*d);
    for (int i = 1; i <= std::stoi(w.at(1)); ++i) {
      world_.config.workers.push_back(add(fmt::format("n{}", i), w).address);
    }
    world_.start_manager();
    world_.run_for(100ms);
    return node(w);
  }

  ModelWorker& add(const std::string& name, const Words& w) {
    Resources capacity{4000, 8LL << 30, 100LL << 30};
    if (auto v = option(w, "cpu")) capacity.cpu_milli = milli(*v);
    if (auto v = option(w, "memory")) capacity.memory_bytes = *parse_bytes(*v);
    return world_.add_worker(name, capacity);
  }

  api::Submission submission(const std::string& name, const Words& w) {
    api::Submission s;
    s.id = id_of(option(w, "id").value_or(name));
    s.spec.name = name;
    s.spec.image = option(w, "image").value_or("echo");
    if (auto v = option(w, "cpu")) s.spec.cpu_milli = milli(*v);
    if (auto v = option(w, "memory")) s.spec.memory_bytes = *parse_bytes(*v);
    if (auto v = option(w, "policy")) s.spec.restart.kind = policy_of(*v);
    if (auto v = option(w, "constraint")) s.spec.constraints = {*v};
    if (auto v = option(w, "state")) s.event_state = std::stoi(*v);
    s.spec.exclusive = std::find(w.begin(), w.end(), "exclusive") != w.end();
    if (auto v = option(w, "port")) {
      const auto port = static_cast<std::uint16_t>(std::stoi(*v));
      s.spec.ports = {{Port{port, "tcp"}, port, ""}};
    }
    return s;
  }

  std::string said(const std::optional<manager::Reply>& reply) {
    if (!reply) return "no reply\n";
    if (const auto* e = std::get_if<Error>(&reply->body)) {
      return fmt::format("error {}: {}\n", http_status(e->code), e->message);
    }
    std::string out;
    if (const auto* view = std::get_if<api::ServiceView>(&reply->body)) return line_of(*view);
    if (const auto* tasks = std::get_if<std::vector<Task>>(&reply->body)) {
      for (const Task& t : *tasks) out += line_of(t);
      return out;
    }
    return "accepted\n";
  }

  std::string submit(const Words& w) {
    return said(world_.submit({submission(w.at(1), w)}, option(w, "key").value_or("")));
  }

  // batch a,b,c cpu=1
  std::string batch(const Words& w) {
    std::vector<api::Submission> items;
    std::istringstream names(w.at(1));
    for (std::string name; std::getline(names, name, ',');) items.push_back(submission(name, w));
    return said(world_.submit(std::move(items)));
  }

  std::string stop(const Words& w) { return said(world_.stop(w.at(1))); }

  static std::string line_of(const Task& t) {
    std::string out =
        fmt::format("{:<6} {:<9} {}", t.spec->name, name(t.wire_state()), name(t.status.observed));
    if (!t.node.empty()) out += fmt::format(" {}/a{}", t.node, t.attempt);
    if (t.of.version > 0) out += fmt::format(" v{}{}", t.of.version, t.draining ? " draining" : "");
    if (t.restart_count() > 0) out += fmt::format(" restarts={}", t.restart_count());
    if (t.moves > 0) out += fmt::format(" moves={}", t.moves);
    if (!t.reason().empty()) out += fmt::format(" ({})", t.reason());
    return out + "\n";
  }

  std::string status(const Words&) {
    std::string out;
    for (const Task* t : world_.manager().tasks()) out += line_of(*t);
    return out.empty() ? "no tasks\n" : out;
  }

  std::string node(const Words&) {
    std::string out;
    for (const auto& n : world_.manager().nodes()) {
      out += fmt::format("{:<4} {:<8} {} cpu={}/{} tasks={}", n.name, name(n.state), n.address,
                         n.reserved.cpu_milli, n.info.capacity.cpu_milli, n.task_count);
      if (!n.reason.empty()) out += fmt::format(" ({})", n.reason);
      out += "\n";
    }
    if (auto paused = world_.manager().paused_reason(); !paused.empty()) {
      out += "paused: " + paused + "\n";
    }
    return out.empty() ? "no nodes\n" : out;
  }

  // Since the last time.
  std::string events(const Words&) {
    std::string out;
    for (; told_ < world_.events.size(); ++told_) {
      const Event& e = world_.events[told_];
      out += fmt::format("{:<18}", e.kind);
      if (!e.name.empty()) out += " " + e.name;
      if (!e.task.is_nil()) out += fmt::format(" a{}.{}", e.attempt, e.restart);
      if (e.task.is_nil() && !e.node.empty()) out += " " + e.node;
      out += ": " + e.text + "\n";
    }
    return out.empty() ? "nothing new\n" : out;
  }

  std::string containers(const Words&) {
    std::string out;
    for (const auto& w : world_.workers) {
      out += w->name + ":";
      for (const auto& [key, c] : w->containers) {
        out += fmt::format(" {}/a{} {}", c.spec.name, key.attempt, name(c.status.observed));
      }
      out += "\n";
    }
    return out;
  }

  std::string advance(const Words& w) {
    world_.run_for(*parse_duration(w.at(1)));
    return "";
  }

  ModelWorker& at(const Words& w) { return *world_.worker(w.at(1)); }

  // The network to a node is cut; what runs there goes on.
  std::string cut(const Words& w) {
    at(w).reachable = false;
    return "";
  }
  std::string heal(const Words& w) {
    at(w).reachable = true;
    return "";
  }
  // Nothing reaches it any more; what it says still arrives.
  std::string deaf(const Words& w) {
    at(w).deaf = true;
    return "";
  }
  // An older worker, or one without its guard.
  std::string leaseless(const Words& w) {
    at(w).keeps_lease = false;
    ++at(w).change;
    world_.poke(at(w));
    return "";
  }
  std::string kill_worker(const Words& w) {
    at(w).process_up = false;
    world_.poke(at(w));
    return "";
  }
  std::string start_worker(const Words& w) {
    at(w).restart_process();
    return "";
  }
  // Its machine is set up anew: no containers, another identity.
  std::string wipe(const Words& w) {
    at(w).lose_store(WorkerId(Uuid::from_random(99, ++wiped_)));
    world_.poke(at(w));
    return "";
  }
  std::string engine(const Words& w) {
    at(w).engine_ready = w.at(2) == "up";
    ++at(w).change;
    world_.poke(at(w));
    return "";
  }
  // break n1 port 80 is in use: every start there fails so.
  std::string break_node(const Words& w) {
    std::string why;
    for (std::size_t i = 2; i < w.size(); ++i) why += (i > 2 ? " " : "") + w[i];
    at(w).cannot_start = why;
    return "";
  }
  std::string mend(const Words& w) {
    at(w).cannot_start.clear();
    return "";
  }

  std::string kill_manager(const Words&) {
    world_.kill_manager();
    return "";
  }
  std::string start_manager(const Words&) {
    world_.start_manager();
    return "";
  }
  // lose-commit submit web: the manager dies between the step and its commit.
  std::string lose_commit(const Words& w) {
    const Words rest(w.begin() + 1, w.end());
    world_.step(manager::Submit{9'000'000, {submission(rest.at(1), rest)}, ""}, true);
    return "the manager is gone\n";
  }

  // exit web 3, exit web 0, exit web oom
  std::string exit(const Words& w) {
    return happens(w, [&](ModelWorker& worker, ModelWorker::Container& c) {
      const bool oom = w.at(2) == "oom";
      const int code = oom ? 137 : std::stoi(w.at(2));
      const Failure failure = oom ? Failure::oom : code == 0 ? Failure::none : Failure::exit;
      worker.exits(c, code, failure, oom ? "out of memory" : fmt::format("exit code {}", code),
                   world_.now());
    });
  }
  std::string unhealthy(const Words& w) {
    return happens(w, [&](ModelWorker& worker, ModelWorker::Container& c) {
      worker.exits(c, 143, Failure::unhealthy, "unhealthy: GET /health: 500", world_.now());
    });
  }

  template <class F>
  std::string happens(const Words& w, F what) {
    for (auto& worker : world_.workers) {
      auto* c = worker->running(id_of(w.at(1)));
      if (c == nullptr || !worker->reachable) continue;
      what(*worker, *c);
      world_.poke(*worker);
      world_.run_for(10ms);
      return "";
    }
    return "it does not run\n";
  }

  std::string join(const Words& w) {
    ModelWorker* known = world_.worker(w.at(1));
    ModelWorker& worker = known != nullptr ? *known : add(w.at(1), w);
    auto out = said(world_.join(worker));
    world_.run_for(100ms);
    return out;
  }
  // unwanted n1 other:5556: another worker, there, asks to join under the name n1.
  std::string unwanted(const Words& w) {
    ModelWorker& worker = add(w.at(1), w);
    worker.address = w.at(2);
    auto out = said(world_.join(worker));
    world_.run_for(100ms);
    return out;
  }
  std::string readdress(const Words& w) {
    at(w).address = w.at(2);
    return "";
  }
  // alias n1 other:5556: that address leads to n1 too, and the manager is told of it.
  std::string alias(const Words& w) {
    at(w).alias = w.at(2);
    world_.config.workers.push_back(w.at(2));
    return "";
  }
  static std::string line_of(const api::ServiceView& s) {
    const api::ServiceStatus& st = s.status;
    std::string out =
        fmt::format("{:<5} {:<12} version {} replicas={} ready={} updated={}", s.spec.name,
                    st.state, s.version, st.replicas, st.ready, st.updated);
    if (st.failures > 0) out += fmt::format(" failures={}", st.failures);
    if (!st.message.empty()) out += " (" + st.message + ")";
    for (const std::string& warning : st.warnings) out += "\n    warning: " + warning;
    return out + "\n";
  }

  // What `service create` and `service update` say of the spec; the rest is as it was.
  static void change(service::ServiceSpec& spec, const Words& w) {
    spec.task.image = option(w, "image").value_or(spec.task.image);
    if (auto v = option(w, "replicas")) spec.replicas = static_cast<std::uint32_t>(std::stoul(*v));
    if (auto v = option(w, "parallelism")) {
      spec.update.parallelism = static_cast<std::uint32_t>(std::stoul(*v));
    }
    if (auto v = option(w, "order")) {
      using Order = service::UpdatePolicy::Order;
      spec.update.order = *v == "stop-first" ? Order::stop_first : Order::start_first;
    }
    if (auto v = option(w, "on-failure")) {
      using Then = service::UpdatePolicy::OnFailure;
      spec.update.on_failure = *v == "rollback"   ? Then::rollback
                               : *v == "continue" ? Then::go_on
                                                  : Then::pause;
    }
    if (auto v = option(w, "max-per-node")) {
      spec.max_per_node = static_cast<std::uint32_t>(std::stoul(*v));
    }
    if (auto v = option(w, "cpu")) spec.task.cpu_milli = milli(*v);
    if (auto v = option(w, "volume")) spec.volume.name = *v;
    if (auto v = option(w, "nfs")) {
      spec.volume.options = {{"type", "nfs"}, {"o", "addr=store"}, {"device", *v}};
    }
    if (!spec.volume.name.empty()) spec.volume.target = "/data";
    if (auto v = option(w, "start")) {
      spec.port_range = {static_cast<std::uint16_t>(std::stoul(*v)), {80, "tcp"}};
    }
    if (auto v = option(w, "requests")) {
      spec.autoscale.by = service::AutoscalePolicy::By::requests;
      spec.autoscale.max = static_cast<std::uint32_t>(std::stoul(*v));
    }
    spec.global = spec.global || std::find(w.begin(), w.end(), "global") != w.end();
  }

  // service create web replicas=3 image=echo, service update web image=bad, ...
  std::string service(const Words& w) {
    const std::string& verb = w.at(1);
    const std::string& name = w.at(2);
    const auto present = world_.manager().service(name);
    service::ServiceSpec spec;
    if (present.ok()) {
      spec = present->spec;
    } else {
      spec.name = name;
      spec.task.image = "echo";
      spec.task.ports = {{{80, "tcp"}, 0, ""}};
      spec.task.health.kind = HealthCheck::Kind::http;
      spec.task.health.path = "/health";
    }
    change(spec, w);
    if (spec.port_range.start != 0) spec.task.ports.clear();
    const auto token = world_.token();
    std::optional<std::uint64_t> version;
    if (auto v = option(w, "if-match")) version = std::stoull(*v);
    manager::ServiceInput input;
    if (verb == "create") input = manager::CreateService{token, spec};
    if (verb == "update") input = manager::UpdateService{token, name, spec, version};
    if (verb == "scale") input = manager::ScaleService{token, name, spec.replicas};
    if (verb == "rollback") input = manager::RollBackService{token, name, version};
    if (verb == "rm") input = manager::RemoveService{token, name};
    return said(world_.step(std::move(input)));
  }

  std::string services(const Words&) {
    std::string out;
    for (const auto& s : world_.manager().services()) out += line_of(s);
    return out.empty() ? "no services\n" : out;
  }

  std::string routes(const Words&) {
    const auto table = world_.manager().routes();
    std::string out;
    for (const auto& s : table.services) {
      out += s.name + ":";
      for (const auto& r : s.replicas) out += fmt::format(" {}={}", r.slot, r.address);
      out += "\n";
    }
    return out.empty() ? "no routes\n" : out;
  }

  // ingress i1 [busy=web.1] [counted=40]: it has the present table, and these replicas out of it
  // still have requests.
  std::string ingress(const Words& w) {
    std::vector<TaskId> busy;
    for (const Task* t : world_.manager().tasks()) {
      if (t->draining && t->spec->name == option(w, "busy")) busy.push_back(t->id);
    }
    world_.step(manager::ServiceInput(
        manager::IngressAsked{w.at(1), world_.manager().routes_version(), busy}));
    if (auto counted = option(w, "counted")) {
      api::RouteReport report;
      for (const auto& s : world_.manager().services()) {
        auto& told = report.services.emplace_back();
        told.id = s.id.uuid;
        told.counted = std::stoull(*counted);
      }
      world_.step(manager::ServiceInput(manager::IngressReported{w.at(1), report}));
    }
    return "";
  }

  std::string availability(const Words& w) {
    using manager::Availability;
    const auto wanted = w[0] == "drain"   ? Availability::drain
                        : w[0] == "pause" ? Availability::pause
                                          : Availability::active;
    return said(world_.step(manager::SetAvailability{world_.token(), w.at(1), wanted}));
  }

  std::string forget(const Words& w) { return said(world_.forget(w.at(1))); }

  // The calls made since the last time; the first one begins to write them down.
  std::string calls(const Words&) {
    world_.log_calls = true;
    return std::exchange(world_.call_log, "");
  }

  World world_;
  std::size_t told_ = 0;
  std::uint64_t wiped_ = 0;
};

TEST_CASE("the manager's stories") {
  run_transcripts("manager", [] {
    auto story = std::make_shared<Story>();
    return [story](const std::string& line) { return story->run(line); };
  });
}

}  // namespace
}  // namespace cube::test
