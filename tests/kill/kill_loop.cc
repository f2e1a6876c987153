// The real program on a real engine, killed: clients submit, stop and read while a manager and its
// workers are ended by SIGKILL at moments drawn from a seed and started again. Then peace: within
// --peace seconds what runs must be what was acknowledged. scripts/kill runs it; docs/testing.md
// says what for.

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/kill/client.h"
#include "tests/kill/daemon.h"
#include "tests/kill/engine_log.h"
#include "tests/kill/http.h"

namespace cube::kill {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t containers_max = 40;  // no new tasks while the engine has more

struct Options {
  std::string cube, engine = "/var/run/docker.sock";
  std::uint64_t seed = 0;
  int kills = 25, workers = 3, clients = 8, peace = 30;
  bool keep = false;
};

void wait_a_little(milliseconds time) {
  std::this_thread::sleep_for(time);  // paced
}

class KillLoop {
 public:
  explicit KillLoop(Options options)
      : options_(std::move(options)),
        chance_(options_.seed),
        cluster_(fmt::format("kill-{}", getpid())),
        directory_(fmt::format("/tmp/cube-{}", cluster_)),
        engine_(options_.engine, cluster_) {
    std::filesystem::create_directories(directory_);
    make_daemons();
  }

  int run() {
    const std::string foreign = start_foreign();
    for (auto& daemon : daemons_) daemon.start();
    if (!eventually(30, [this] { return nodes_ready(); })) {
      journal_.breach("the cluster does not come up");
    }
    chaos();
    for (auto& daemon : daemons_) {
      if (!daemon.is_up()) daemon.start();
    }
    demand_peace("after the last kill");
    check_all_known();
    check_sometimes();
    end_in_order_and_open_again();
    stop_everything();
    check_foreign(foreign);
    for (auto& daemon : daemons_) end(daemon, SIGTERM);
    clean();
    return report();
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return chance_() % bound; }

  void make_daemons() {
    std::string workers;
    for (int i = 0; i < options_.workers; ++i) {
      worker_ports_.push_back(free_port());
      workers += fmt::format("{}127.0.0.1:{}", i == 0 ? "" : ",", worker_ports_.back());
    }
    manager_ = fmt::format("127.0.0.1:{}", free_port());
    const auto add = [this](const std::string& name, const std::string& port,
                            std::vector<std::string> more) {
      std::vector<std::string> all = {options_.cube, name == "manager" ? "manager" : "worker",
                                      "--port",      port,
                                      "--cluster",   cluster_,
                                      "--data-dir",  directory_ + "/" + name};
      all.insert(all.end(), more.begin(), more.end());
      daemons_.emplace_back(name, std::move(all), directory_ + "/" + name + ".log");
    };
    add("manager", manager_.substr(manager_.find(':') + 1),
        {"--workers", workers, "--node-deadline", "3s"});
    for (int i = 0; i < options_.workers; ++i) {
      const std::string name = fmt::format("n{}", i + 1);
      add(name, std::to_string(worker_ports_[static_cast<std::size_t>(i)]),
          {"--name", name, "--docker-host", "unix://" + options_.engine});
    }
  }

  // A stranger's container, which nobody may touch.
  std::string start_foreign() {
    const Json config = {{"Image", "cube-test/busybox"},
                         {"Cmd", {"sleep", "100000"}},
                         {"Labels", {{"cube.cluster", cluster_ + "-other"}}}};
    const Answer made =
        ask(options_.engine, "POST", "/containers/create?name=other-" + cluster_, config.dump());
    if (made.status != 201) {
      journal_.breach("no foreign container: " + made.body);
      return {};
    }
    ask(options_.engine, "POST", "/containers/other-" + cluster_ + "/start");
    return Json::parse(made.body).at("Id");
  }

  void check_foreign(const std::string& id) {
    const Answer seen = ask(options_.engine, "GET", "/containers/" + id + "/json");
    if (seen.status != 200 || !Json::parse(seen.body).at("State").at("Running").get<bool>() ||
        Json::parse(seen.body).at("RestartCount") != 0) {
      journal_.breach("a stranger's container was touched: " + seen.body);
    }
    ask(options_.engine, "DELETE", "/containers/other-" + cluster_ + "?force=1");
  }

  // --- Chaos ------------------------------------------------------------------------------------

  void chaos() {
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.clients; ++i) {
      clients_.emplace_back(i, chance_(), manager_, journal_);
    }
    for (auto& client : clients_)
      threads.emplace_back([&] { client.run(clients_end_, engine_free_); });
    int kills = 0;
    std::vector<Clock::time_point> back(daemons_.size());
    auto next_kill = Clock::now() + milliseconds(500);
    while (kills < options_.kills && journal_.breaches().empty()) {
      const auto now = Clock::now();
      for (std::size_t i = 0; i < daemons_.size(); ++i) {
        if (daemons_[i].is_up() || now < back[i]) continue;
        daemons_[i].start();
        journal_.tell("start " + daemons_[i].name());
      }
      if (now >= next_kill) {
        const std::size_t victim = below(3) == 0 ? 0 : 1 + below(daemons_.size() - 1);
        next_kill = now + milliseconds(200 + below(1800));
        if (daemons_[victim].is_up()) {
          ++kills;
          end(daemons_[victim], SIGKILL);
          // Mostly back at once, now and then after it was given up.
          const bool long_away = victim != 0 && below(10) == 0;
          back[victim] = now + milliseconds(long_away ? 4000 + below(4000) : below(700));
          journal_.count(long_away ? "kill, long away" : "kill of " + daemons_[victim].name());
        }
      }
      check_counters();
      wait_a_little(milliseconds(20));
    }
    for (auto& daemon : daemons_) {
      if (!daemon.is_up()) daemon.start();
    }
    clients_end_ = true;
    for (auto& thread : threads) thread.join();
  }

  void end(Daemon& daemon, int signal) {
    journal_.tell(fmt::format("signal {} to {}", signal, daemon.name()));
    if (!daemon.end(signal)) journal_.breach(daemon.name() + " ended by itself: " + daemon.log());
  }

  // Some counters of every process, as far as it tells before it is killed; epochs never fall.
  void check_counters() {
    if (Clock::now() < next_counters_) return;
    next_counters_ = Clock::now() + milliseconds(300);
    engine_free_ = engine_.containers().size() < containers_max;
    const double epoch = metric(manager_, "cube_manager_epoch");
    if (epoch > 0 && epoch < epoch_) journal_.breach("the epoch fell");
    if (epoch > 0) epoch_ = epoch;
    if (metric(manager_, "cube_sweep_findings_total") > 0) note_finding("manager");
    for (const auto port : worker_ports_) {
      const std::string worker = fmt::format("127.0.0.1:{}", port);
      adopted_ += metric(worker, "cube_containers_adopted_total") > 0;
      refused_ += metric(worker, "cube_assignments_refused_total") > 0;
    }
    lost_ += metric(manager_, "cube_nodes_lost_total") > 0;
  }

  void note_finding(const std::string& who) { journal_.count("sweep with findings: " + who); }

  static double metric(const std::string& endpoint, const std::string& name) {
    const Answer page = ask(endpoint, "GET", "/metrics");
    const auto at = page.body.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(page.body.substr(at + name.size() + 2));
  }

  // --- Peace ------------------------------------------------------------------------------------

  bool eventually(int seconds, const std::function<bool()>& good) {
    const auto deadline = Clock::now() + std::chrono::seconds(seconds);
    while (!good()) {
      if (Clock::now() > deadline) return false;
      wait_a_little(milliseconds(100));
    }
    return true;
  }

  Json get(const std::string& target) {
    const Answer answer = ask(manager_, "GET", target);
    return answer.status == 200 ? Json::parse(answer.body) : Json::array();
  }

  bool nodes_ready() {
    const Json nodes = get("/nodes");
    std::size_t ready = 0;
    for (const Json& node : nodes) ready += node.at("State") == "ready";
    return ready == worker_ports_.size();
  }

  void demand_peace(const std::string& when) {
    std::vector<std::string> differences;
    const auto begin = Clock::now();
    const bool peace = eventually(options_.peace, [&] {
      differences = compare();
      return differences.empty();
    });
    const std::chrono::duration<double> took = Clock::now() - begin;
    if (peace) return fmt::print("{}: as asked after {:.1f} s\n", when, took.count());
    for (const auto& difference : differences) journal_.breach(when + ": " + difference);
    fmt::print("not as asked {}; what follows may only say so again\n", when);
  }

  // What the engine runs against what the manager says; empty: they agree.
  std::vector<std::string> compare() {
    std::vector<std::string> out;
    if (!nodes_ready()) out.emplace_back("not every node is ready");
    std::map<std::string, std::vector<Seen>> by_task;
    for (auto& seen : engine_.containers()) by_task[seen.task].push_back(seen);
    std::map<std::string, std::pair<std::size_t, std::int64_t>> node_use;
    for (const Json& task : get("/tasks")) {
      const std::string id = task.at("ID");
      const auto difference = compare_task(task, by_task[id]);
      if (!difference.empty()) out.push_back(difference + ": " + task.dump());
      by_task.erase(id);
      if (task.at("State") < 3) ++node_use[task.at("Node")].first;
    }
    for (const auto& [id, containers] : by_task) {
      for (const Seen& seen : containers) out.push_back("nobody's container " + seen.id);
    }
    for (const Json& node : get("/nodes")) {
      const std::size_t count = node_use[node.at("Name")].first;
      if (node.at("TaskCount") != count || node.at("MemoryAllocated") != count * 16 * 1024) {
        out.push_back(fmt::format("{} tasks on node {}", count, node.dump().substr(0, 400)));
      }
    }
    return out;
  }

  static std::string compare_task(const Json& task, const std::vector<Seen>& containers) {
    std::vector<Seen> running;
    for (const Seen& seen : containers) {
      if (seen.running()) running.push_back(seen);
    }
    if (task.at("State") >= 3) {
      if (!running.empty()) return "over, but a container runs";
      if (task.at("Desired") == "stop" && !containers.empty()) return "stopped, but not gone";
      return containers.size() > 1 ? "over, with more than one container" : "";
    }
    if (task.at("Desired") == "stop") return "still stopping";
    // What is asked of these is to end and come back: never the same for both that are asked here.
    const bool flaps = task.at("Name").get<std::string>().ends_with("flap");
    if (flaps && running.size() <= 1) return "";
    if (task.at("State") != 2) return "not running";
    if (running.size() != 1) return fmt::format("{} containers run", running.size());
    const Seen& one = running.front();
    if (task.at("Attempt") != one.attempt || task.at("Restart") != one.restart ||
        task.at("ContainerID") != one.id || task.at("Node") != one.node) {
      return fmt::format("another container runs: attempt {} restart {} {}", one.attempt,
                         one.restart, one.id);
    }
    return "";
  }

  // Acknowledged means present; present means asked for, once.
  void check_all_known() {
    std::map<std::string, Json> listed;
    std::set<std::string> names;
    for (const Json& task : get("/tasks")) {
      listed[task.at("ID")] = task;
      if (!names.insert(task.at("Name")).second) journal_.breach("twice: " + task.dump());
    }
    std::size_t known = 0;
    for (auto& client : clients_) {
      for (const auto& [id, task] : std::map(client.tasks())) {
        ++known;
        const auto found = listed.find(id);
        if (found == listed.end()) {
          journal_.breach(fmt::format("acknowledged and gone: {} {}", task.name, id));
          continue;
        }
        client.check(found->second);
        if (task.stopped && found->second.at("State") < 3) journal_.breach("not stopped: " + id);
      }
    }
    if (known != listed.size()) {
      journal_.breach(fmt::format("{} tasks listed, {} acknowledged", listed.size(), known));
    }
    fmt::print("{} tasks acknowledged, all there\n", known);
  }

  // A run in which these never happened proves little.
  void check_sometimes() {
    fmt::print("scrapes that saw adopted containers: {}, refused assignments: {}, lost nodes: {}\n",
               adopted_, refused_, lost_);
    if (adopted_ == 0) journal_.breach("too weak: no container was ever adopted");
    if (journal_.counts()["submit repeated"] == 0) {
      journal_.breach("too weak: no submission was ever repeated");
    }
    if (journal_.counts()["key conflict"] == 0 && options_.kills >= 100) {
      journal_.breach("too weak: no idempotency key was ever used for something else");
    }
    if (lost_ == 0 && options_.kills >= 100) journal_.breach("too weak: no node was ever lost");
  }

  // What goes on by itself, or is over, is the same after the daemons' orderly end and return.
  void end_in_order_and_open_again() {
    const auto read = [this] {
      std::map<std::string, Json> out;
      for (const Json& task : get("/tasks")) out[task.at("ID")] = task;
      return out;
    };
    const auto before = read();
    for (auto& daemon : daemons_) end(daemon, SIGTERM);
    for (auto& daemon : daemons_) daemon.start();
    demand_peace("after an orderly restart");
    const auto after = read();
    if (after.size() != before.size()) journal_.breach("an orderly restart lost tasks");
    for (const auto& [id, task] : before) {
      const std::string name = task.at("Name");
      const bool goes_on = name.ends_with("stay") || name.ends_with("deaf");
      if (!goes_on && task.at("State") < 3) continue;
      const auto same = [&](const char* field) { return after.at(id).at(field) == task.at(field); };
      if (!same("State") || !same("ContainerID") || !same("Attempt")) {
        journal_.breach(fmt::format("an orderly restart changed a task: {} -> {}", task.dump(),
                                    after.at(id).dump()));
      }
    }
  }

  void stop_everything() {
    for (const Json& task : get("/tasks")) {
      const std::string id = task.at("ID");
      const Answer answer = ask(manager_, "DELETE", "/tasks/" + id);
      if (answer.status != 204) journal_.breach(fmt::format("stop {}: {}", id, answer.status));
    }
    if (!eventually(options_.peace, [this] { return engine_.containers().empty(); })) {
      journal_.breach(fmt::format("all stopped, {} containers left", engine_.containers().size()));
    }
    demand_peace("with everything stopped");
  }

  void clean() {
    for (const Seen& seen : engine_.containers()) {
      ask(options_.engine, "DELETE", "/containers/" + seen.id + "?force=1");
    }
  }

  int report() {
    auto breaches = journal_.breaches();
    for (const auto& breach : engine_.violations()) breaches.push_back(breach);
    for (const auto& [what, count] : journal_.counts()) fmt::print("{}: {}\n", what, count);
    for (const auto& [what, count] : engine_.counts()) fmt::print("engine, {}: {}\n", what, count);
    if (breaches.empty()) {
      if (!options_.keep) std::filesystem::remove_all(directory_);
      fmt::print("seed {}: {} kills, no breach\n", options_.seed, options_.kills);
      return 0;
    }
    fmt::print("\nThe story's end:\n");
    for (const auto& line : journal_.story()) fmt::print("{}\n", line);
    fmt::print("\n{} breaches:\n", breaches.size());
    for (const auto& breach : breaches) fmt::print("- {}\n", breach);
    fmt::print("\nlogs and stores: {}\nreproduce: scripts/kill --seed {} --kills {}\n", directory_,
               options_.seed, options_.kills);
    return 1;
  }

  const Options options_;
  std::mt19937_64 chance_;
  const std::string cluster_, directory_;
  EngineLog engine_;
  Journal journal_;
  std::string manager_;
  std::vector<std::uint16_t> worker_ports_;
  std::deque<Daemon> daemons_;  // the manager first
  std::deque<Client> clients_;
  std::atomic<bool> clients_end_ = false, engine_free_ = true;
  Clock::time_point next_counters_{};
  double epoch_ = 0;
  std::uint64_t adopted_ = 0, refused_ = 0, lost_ = 0;
};

}  // namespace
}  // namespace cube::kill

int main(int argc, char** argv) {
  cube::kill::Options options;
  options.seed = std::random_device{}() % 1'000'000;
  CLI::App app{"Kills a real cluster, and checks what comes of it"};
  app.add_option("--cube", options.cube, "the program under test")->required();
  app.add_option("--engine", options.engine, "the engine's socket");
  app.add_option("--seed", options.seed, "of all chances; default: another each time");
  app.add_option("--kills", options.kills, "how many")->take_last();
  app.add_option("--workers", options.workers, "how many");
  app.add_option("--peace", options.peace, "seconds until all must be as asked");
  app.add_option("--clients", options.clients, "how many");
  app.add_flag("--keep", options.keep, "keep logs and stores also when all is well");
  CLI11_PARSE(app, argc, argv);
  fmt::print("seed {}\n", options.seed);
  return cube::kill::KillLoop(std::move(options)).run();
}
