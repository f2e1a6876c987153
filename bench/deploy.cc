// How long a deployment takes through Cube, beside the bare Engine API on the same machine, with
// the same image and the same container settings, in turns in one run. bench/deploy.sh starts the
// daemons and runs this; the tables go to standard output as Markdown.

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "bench/wire.h"

namespace cube::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr int running = 2;  // State on the wire
constexpr std::size_t posters = 4;
constexpr std::size_t parallelisms[] = {1, 2, 4, 8, 16};

struct Options {
  std::string manager, engine = "unix:///var/run/docker.sock", image = "echo:latest";
  int manager_pid = 0, worker_pid = 0;
  int rounds = 30, burst = 40, burst_rounds = 3, idle_tasks = 20, idle_s = 30;
};

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// --- The bare Engine API
// --------------------------------------------------------------------------

class Bare {
 public:
  Bare(const Options& options, std::string settings)
      : engine_(options.engine), settings_(std::move(settings)) {}

  // Create, start, inspect: what any client must do to know that it runs.
  static void run_one(Wire& engine, const std::string& name, const std::string& settings) {
    const Answer made = engine.expect(201, "POST", "/containers/create?name=" + name, settings);
    const std::string id = Json::parse(made.body).at("Id");
    engine.expect(204, "POST", "/containers/" + id + "/start");
    const Answer seen = engine.expect(200, "GET", "/containers/" + id + "/json");
    if (!Json::parse(seen.body).at("State").at("Running").get<bool>())
      die(name + " is not running");
  }

  double one_ms() {
    Wire& engine = warm_;
    engine.expect(200, "GET", "/_ping");
    const auto begin = Clock::now();
    run_one(engine, name(0), settings_);
    const double took = ms_since(begin);
    remove(1);
    return took;
  }

  double many_ms(std::size_t parallel, std::size_t count) {
    const auto begin = Clock::now();
    in_parallel(parallel, count, [this] {
      auto engine = std::make_shared<Wire>(engine_);
      return [this, engine](std::size_t i) { run_one(*engine, name(i), settings_); };
    });
    const double took = ms_since(begin);
    remove(count);
    return took;
  }

 private:
  std::string name(std::size_t i) const { return fmt::format("cube-bench-{}-{}", ::getpid(), i); }
  void remove(std::size_t count) {
    in_parallel(4, count, [this] {
      auto engine = std::make_shared<Wire>(engine_);
      return [this, engine](std::size_t i) {
        engine->expect(204, "DELETE", "/containers/" + name(i) + "?force=1&v=1");
      };
    });
  }

  std::string engine_, settings_;
  Wire warm_{engine_};
};

// --- Through the manager
// --------------------------------------------------------------------------

class Cube {
 public:
  explicit Cube(const Options& options) : options_(options) {}

  static std::string post(Wire& manager, const std::string& body) {
    return Json::parse(manager.expect(201, "POST", "/tasks", body).body).at("ID");
  }

  std::string task_json(std::size_t i) const {
    return Json{{"Name", fmt::format("bench-{}", i)},
                {"Image", options_.image},
                {"ExposedPorts", {{"7777/tcp", Json::object()}}}}
        .dump();
  }

  Json task(const std::string& id) {
    return Json::parse(manager_.expect(200, "GET", "/tasks/" + id).body);
  }

  double one_ms() {
    const std::string body = task_json(0);
    manager_.expect(200, "GET", "/nodes");
    const auto begin = Clock::now();
    const std::string id = post(manager_, body);
    while (!is_running(task(id))) std::this_thread::sleep_for(std::chrono::microseconds(500));
    const double took = ms_since(begin);
    stop_all({id});
    return took;
  }

  std::vector<std::string> post_many(std::size_t count) {
    std::vector<std::string> ids(count);
    in_parallel(posters, count, [this, &ids] {
      auto manager = std::make_shared<Wire>(options_.manager);
      return [this, &ids, manager](std::size_t i) { ids[i] = post(*manager, task_json(i)); };
    });
    return ids;
  }

  void wait_until_all_run(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {  // what runs stays so: each is waited for in turn
      while (!is_running(task(id))) std::this_thread::sleep_for(milliseconds(1));
    }
  }

  double many_ms(std::size_t count) {
    const auto begin = Clock::now();
    const auto ids = post_many(count);
    wait_until_all_run(ids);
    const double took = ms_since(begin);
    stop_all(ids);
    return took;
  }

  // Returns when the engine holds none of their containers, so that the next round starts clean.
  void stop_all(const std::vector<std::string>& ids) {
    std::vector<std::string> containers;
    for (const std::string& id : ids) {
      containers.push_back(task(id).at("ContainerID"));
      manager_.expect(204, "DELETE", "/tasks/" + id);
    }
    Wire engine(options_.engine);
    for (const std::string& container : containers) {
      const auto is_over = [&] {
        const Answer seen = engine.request("GET", "/containers/" + container + "/json");
        return seen.status == 404 || !Json::parse(seen.body).at("State").at("Running").get<bool>();
      };
      while (!is_over()) std::this_thread::sleep_for(milliseconds(5));
    }
  }

  // The settings of a container that the worker made, in the form in which the engine takes them.
  std::string container_settings() {
    const std::string id = post(manager_, task_json(0));
    wait_until_all_run({id});
    Wire engine(options_.engine);
    const std::string container = task(id).at("ContainerID");
    const Json seen =
        Json::parse(engine.expect(200, "GET", "/containers/" + container + "/json").body);
    Json settings = seen.at("Config");
    settings["HostConfig"] = seen.at("HostConfig");
    settings["Labels"] = {{"bench", "deploy"}};
    settings.erase("Hostname");
    stop_all({id});
    return settings.dump();
  }

 private:
  static bool is_running(const Json& task) {
    const int state = task.at("State");
    if (state > running) die("a task ended: " + task.dump());
    return state == running;
  }

  const Options& options_;
  Wire manager_{options_.manager};
};

// --- The daemons at rest
// --------------------------------------------------------------------------

struct Idle {
  double resident_mb = 0, cpu_percent = 0;
};

// From the scheduler's own account, in nanoseconds: the clock ticks of /proc/pid/stat are too
// coarse for a daemon that does almost nothing.
double cpu_s(int pid) {
  double ns_sum = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    double ns = 0;
    std::ifstream(thread.path() / "schedstat") >> ns;
    ns_sum += ns;
  }
  return ns_sum / 1e9;
}

double resident_mb(int pid) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) * 1024 / 1e6;
  }
  die(fmt::format("process {} is gone", pid));
}

void measure_idle(Cube& cube, const Options& options) {
  const auto ids = cube.post_many(static_cast<std::size_t>(options.idle_tasks));
  cube.wait_until_all_run(ids);
  std::this_thread::sleep_for(milliseconds(5000));  // let the last reports settle
  const int pids[] = {options.manager_pid, options.worker_pid};
  const double before[] = {cpu_s(pids[0]), cpu_s(pids[1])};
  const auto begin = Clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(options.idle_s));
  const double wall_s = ms_since(begin) / 1000;
  fmt::print("At rest with {} containers, over {} s:\n\n", ids.size(), options.idle_s);
  fmt::print("| daemon | resident, MB | CPU, % of one core |\n|---|---:|---:|\n");
  const char* const names[] = {"manager", "worker"};
  for (int i = 0; i < 2; ++i) {
    fmt::print("| {} | {:.1f} | {:.2f} |\n", names[i], resident_mb(pids[i]),
               100 * (cpu_s(pids[i]) - before[i]) / wall_s);
  }
  cube.stop_all(ids);
}

// --- Tables
// -----------------------------------------------------------------------------------------

void print_row(std::string_view name, const std::vector<double>& ms) {
  fmt::print("| {} | {:.1f} | {:.1f} | {:.1f} |\n", name, median(ms), quantile(ms, 0.1),
             quantile(ms, 0.9));
}

void measure_one(Cube* cube, Bare& bare, const Options& options) {
  std::vector<double> through_cube, directly;
  for (int round = -2; round < options.rounds; ++round) {  // the first two warm up
    const double a = cube != nullptr ? cube->one_ms() : 0;
    const double b = bare.one_ms();
    if (round < 0) continue;
    through_cube.push_back(a);
    directly.push_back(b);
  }
  fmt::print("\nOne task, from the request to visibly running, {} rounds in turns:\n\n",
             options.rounds);
  fmt::print("| | median, ms | 10 % | 90 % |\n|---|---:|---:|---:|\n");
  if (cube != nullptr) print_row("Cube: POST /tasks until State 2", through_cube);
  print_row("Engine API: create, start, inspect", directly);
  if (cube != nullptr) {
    fmt::print("| difference of medians | {:.1f} | | |\n", median(through_cube) - median(directly));
  }
}

void measure_many(Cube* cube, Bare& bare, const Options& options) {
  const auto count = static_cast<std::size_t>(options.burst);
  std::vector<double> through_cube;
  std::vector<std::vector<double>> directly(std::size(parallelisms));
  for (int round = 0; round < options.burst_rounds; ++round) {
    if (cube != nullptr) through_cube.push_back(cube->many_ms(count));
    for (std::size_t i = 0; i < std::size(parallelisms); ++i) {
      directly[i].push_back(bare.many_ms(parallelisms[i], count));
    }
  }
  const auto rate = [&](const std::vector<double>& ms) {
    return static_cast<double>(count) / median(ms) * 1000;
  };
  fmt::print("\n{} tasks at once on one worker, median of {} rounds in turns:\n\n", count,
             options.burst_rounds);
  fmt::print("| | s | tasks per s |\n|---|---:|---:|\n");
  if (cube != nullptr) {
    fmt::print("| Cube | {:.2f} | {:.1f} |\n", median(through_cube) / 1000, rate(through_cube));
  }
  double best = 0;
  for (std::size_t i = 0; i < std::size(parallelisms); ++i) {
    fmt::print("| Engine API, {} at a time | {:.2f} | {:.1f} |\n", parallelisms[i],
               median(directly[i]) / 1000, rate(directly[i]));
    best = std::max(best, rate(directly[i]));
  }
  if (cube != nullptr) {
    fmt::print("| Cube, of the best of these | | {:.0f} % |\n", 100 * rate(through_cube) / best);
  }
}

int run(const Options& options) {
  if (options.manager.empty()) {  // only the floor of this machine
    Bare bare(options, Json{{"Image", options.image}, {"HostConfig", {{"Init", true}}}}.dump());
    measure_one(nullptr, bare, options);
    measure_many(nullptr, bare, options);
    return 0;
  }
  Cube cube(options);
  // First, while the daemons remember nothing but these.
  if (options.manager_pid != 0 && options.worker_pid != 0) measure_idle(cube, options);
  Bare bare(options, cube.container_settings());
  measure_one(&cube, bare, options);
  measure_many(&cube, bare, options);
  return 0;
}

}  // namespace
}  // namespace cube::bench

int main(int argc, char** argv) {
  cube::bench::Options options;
  CLI::App app{"Deployment through Cube beside the bare Engine API"};
  app.add_option("--manager", options.manager,
                 "host:port of a manager with one worker; without it only the engine is measured");
  app.add_option("--engine", options.engine, "unix:///path of the engine's socket");
  app.add_option("--image", options.image, "image that goes on running");
  app.add_option("--manager-pid", options.manager_pid, "for memory and CPU at rest");
  app.add_option("--worker-pid", options.worker_pid, "for memory and CPU at rest");
  app.add_option("--rounds", options.rounds, "of one task");
  app.add_option("--burst", options.burst, "tasks at once");
  app.add_option("--burst-rounds", options.burst_rounds, "of so many");
  app.add_option("--idle-tasks", options.idle_tasks, "tasks while at rest");
  app.add_option("--idle-s", options.idle_s, "seconds at rest");
  CLI11_PARSE(app, argc, argv);
  return cube::bench::run(options);
}
