// A service of many replicas up, updated and down: Cube beside Docker Swarm, on one engine, in
// turns in one run. bench/converge.sh starts the daemons and the swarm and runs this; the tables go
// to standard output as Markdown.
//
// Both are asked over their HTTP API, on one kept connection, equally often. A state counts when
// the engine's own list of containers (`docker ps`) agrees with what is said.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
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

struct Options {
  std::string manager, engine = "unix:///var/run/docker.sock", image = "echo:latest", cluster;
  int replicas = 40, rounds = 5, parallelism = 4, poll_ms = 50, deadline_s = 300;
  std::string order = "start-first";
};

double s_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string escaped(const Json& value) {  // for a query
  std::string out;
  for (const char c : value.dump()) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

// --- What the engine says ----------------------------------------------------------------------

class Engine {
 public:
  Engine(const Options& options, std::string label)
      : wire_(options.engine), label_(std::move(label)) {}

  // Containers with the label: those that run (`docker ps`), or all (`docker ps -a`).
  std::size_t count(bool all) {
    const std::string filters = escaped({{"label", {label_}}});
    const Answer seen = wire_.expect(
        200, "GET", fmt::format("/containers/json?all={}&filters={}", all ? 1 : 0, filters));
    return Json::parse(seen.body).size();
  }

 private:
  Wire wire_;
  std::string label_;
};

// --- The two that are compared -----------------------------------------------------------------

class Contestant {
 public:
  virtual ~Contestant() = default;
  virtual void create(const std::string& greeting) = 0;
  virtual void update(const std::string& greeting) = 0;
  virtual void remove() = 0;
  // All replicas run and are of the present version, and nothing of another version runs.
  virtual bool is_there() = 0;
};

class Cube : public Contestant {
 public:
  explicit Cube(const Options& options) : options_(options), manager_(options.manager) {}
  void create(const std::string& greeting) override {
    manager_.expect(201, "POST", "/services", spec(greeting));
  }
  void update(const std::string& greeting) override {
    manager_.expect(200, "PUT", "/services/converge", spec(greeting));
  }
  void remove() override { manager_.expect(202, "DELETE", "/services/converge"); }
  bool is_there() override {
    const Answer seen = manager_.expect(200, "GET", "/services/converge");
    const Json status = Json::parse(seen.body).at("Status");
    if (status.at("State") == "paused") die("Cube's update stopped: " + status.dump());
    const int wanted = options_.replicas;
    return status.at("Running") == wanted && status.at("Updated") == wanted;
  }

 private:
  std::string spec(const std::string& greeting) const {
    return Json{
        {"Name", "converge"},
        {"Replicas", options_.replicas},
        {"Update",
         {{"Order", options_.order},
          {"Parallelism", options_.parallelism},
          {"Delay", "0s"},
          {"Monitor", "1ms"}}},
        {"Task",
         {{"Image", options_.image}, {"Env", {"GREETING=" + greeting}}, {"PublishAll", false}}}}
        .dump();
  }

  const Options& options_;
  Wire manager_;
};

class Swarm : public Contestant {
 public:
  explicit Swarm(const Options& options) : options_(options), engine_(options.engine) {}
  void create(const std::string& greeting) override {
    engine_.expect(201, "POST", "/services/create", spec(greeting));
    greeting_ = greeting;
  }
  void update(const std::string& greeting) override {
    const Answer seen = engine_.expect(200, "GET", "/services/converge");
    const auto version = Json::parse(seen.body).at("Version").at("Index").get<std::uint64_t>();
    engine_.expect(200, "POST", fmt::format("/services/converge/update?version={}", version),
                   spec(greeting));
    greeting_ = greeting;
  }
  void remove() override { engine_.expect(200, "DELETE", "/services/converge"); }
  bool is_there() override {
    const Answer seen =
        engine_.expect(200, "GET", "/tasks?filters=" + escaped({{"service", {"converge"}}}));
    int fresh = 0;
    for (const Json& task : Json::parse(seen.body)) {
      if (task.at("Status").at("State") != "running") continue;
      if (task.at("Spec").at("ContainerSpec").at("Env").at(0) != "GREETING=" + greeting_)
        return false;
      ++fresh;
    }
    return fresh == options_.replicas;
  }

 private:
  // `Init` because Cube's containers have it; no port is published, as with Cube.
  std::string spec(const std::string& greeting) const {
    return Json{
        {"Name", "converge"},
        {"TaskTemplate",
         {{"ContainerSpec",
           {{"Image", options_.image}, {"Env", {"GREETING=" + greeting}}, {"Init", true}}}}},
        {"Mode", {{"Replicated", {{"Replicas", options_.replicas}}}}},
        {"UpdateConfig",
         {{"Order", options_.order},
          {"Parallelism", options_.parallelism},
          {"Delay", 0},
          {"Monitor", 1'000'000}}}}
        .dump();
  }

  const Options& options_;
  Wire engine_;
  std::string greeting_;
};

// --- A round -----------------------------------------------------------------------------------

enum Phase : std::size_t { up, updated, down, gone, phases };
constexpr std::array<std::string_view, phases> phase_names = {
    "up: all run", "updated: all run anew, none of the old", "down: none runs",
    "down: nothing is left in the engine"};
using Times = std::array<std::vector<double>, phases>;

class Side {
 public:
  Side(const Options& options, Contestant& contestant, std::string label)
      : options_(options), contestant_(contestant), engine_(options, std::move(label)) {}

  void round(int number, Times& times) {
    const auto keep = [&](Phase phase, double took) { times[phase].push_back(took); };
    auto begin = Clock::now();
    contestant_.create(fmt::format("{}-first", number));
    keep(up, when_there(begin));
    begin = Clock::now();
    contestant_.update(fmt::format("{}-second", number));
    keep(updated, when_there(begin));
    begin = Clock::now();
    contestant_.remove();
    keep(down, when([&] { return engine_.count(false) == 0; }, begin));
    keep(gone, when([&] { return engine_.count(true) == 0; }, begin));
  }

 private:
  double when(const std::function<bool()>& is_so, Clock::time_point begin) const {
    while (!is_so()) {
      if (s_since(begin) > options_.deadline_s) die("not within the deadline");
      std::this_thread::sleep_for(milliseconds(options_.poll_ms));
    }
    return s_since(begin);
  }
  // Both say so: what is on its way out runs by the engine a little longer.
  double when_there(Clock::time_point begin) {
    const auto wanted = static_cast<std::size_t>(options_.replicas);
    return when([&] { return contestant_.is_there() && engine_.count(false) == wanted; }, begin);
  }

  const Options& options_;
  Contestant& contestant_;
  Engine engine_;
};

std::string listed(const std::vector<double>& values) {
  std::string out;
  for (const double v : values) out += fmt::format("{}{:.2f}", out.empty() ? "" : ", ", v);
  return out;
}

void print(const Times& cube, const Times& swarm) {
  fmt::print(
      "| from the request, s | Cube, median | Swarm, median | Cube / Swarm | Cube, each round "
      "| Swarm, each round |\n|---|---:|---:|---:|---|---|\n");
  for (std::size_t phase = 0; phase < phases; ++phase) {
    const double ours = median(cube[phase]), theirs = median(swarm[phase]);
    fmt::print("| {} | {:.2f} | {:.2f} | {:.2f} | {} | {} |\n", phase_names[phase], ours, theirs,
               ours / theirs, listed(cube[phase]), listed(swarm[phase]));
  }
}

// What the engine itself can do, with nobody above it: create and start, `threads` at a time.
double bare_s(const Options& options, std::size_t threads) {
  const std::string label = "bench.converge=bare";
  const Json settings = {{"Image", options.image},
                         {"Labels", {{"bench.converge", "bare"}}},
                         {"HostConfig", {{"Init", true}}}};
  const auto begin = Clock::now();
  std::vector<std::string> ids(static_cast<std::size_t>(options.replicas));
  in_parallel(threads, ids.size(), [&] {
    return [&ids, &settings, wire = std::make_shared<Wire>(options.engine)](std::size_t i) {
      const Answer made = wire->expect(201, "POST", "/containers/create", settings.dump());
      ids[i] = Json::parse(made.body).at("Id");
      wire->expect(204, "POST", "/containers/" + ids[i] + "/start");
    };
  });
  const double took = s_since(begin);
  Wire wire(options.engine);
  for (const std::string& id : ids) wire.expect(204, "DELETE", "/containers/" + id + "?force=1");
  return took;
}

int run(const Options& options) {
  Cube cube(options);
  Swarm swarm(options);
  Side ours(options, cube, "cube.cluster=" + options.cluster);
  Side theirs(options, swarm, "com.docker.swarm.service.name=converge");
  Times cube_times, swarm_times;
  std::vector<double> bare;
  for (int i = 1; i <= options.rounds; ++i) {  // who begins changes with each round
    if (i % 2 == 1) ours.round(i, cube_times);
    theirs.round(i, swarm_times);
    if (i % 2 == 0) ours.round(i, cube_times);
    bare.push_back(bare_s(options, 8));
  }
  fmt::print("{} replicas, median of {} rounds in turns; an update {} at a time, {}:\n\n",
             options.replicas, options.rounds, options.parallelism, options.order);
  print(cube_times, swarm_times);
  fmt::print(
      "\nThe engine alone, create and start, 8 at a time: {:.2f} s ({}). To get there Cube took "
      "{:.2f} times that, Swarm {:.2f} times.\n",
      median(bare), listed(bare), median(cube_times[up]) / median(bare),
      median(swarm_times[up]) / median(bare));
  return 0;
}

}  // namespace
}  // namespace cube::bench

int main(int argc, char** argv) {
  cube::bench::Options options;
  CLI::App app{"A service up, updated and down: Cube beside Docker Swarm"};
  app.add_option("--manager", options.manager, "host:port of a manager with one worker")
      ->required();
  app.add_option("--cluster", options.cluster, "of that manager")->required();
  app.add_option("--engine", options.engine, "unix:///path of the socket of a swarm's manager");
  app.add_option("--image", options.image, "image that goes on running");
  app.add_option("--replicas", options.replicas, "of the service");
  app.add_option("--rounds", options.rounds, "of each");
  app.add_option("--parallelism", options.parallelism, "of the update");
  app.add_option("--order", options.order, "of the update: start-first or stop-first");
  app.add_option("--poll-ms", options.poll_ms, "between two looks");
  CLI11_PARSE(app, argc, argv);
  return cube::bench::run(options);
}
