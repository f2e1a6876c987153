// A cluster of thousands of nodes and up to a million tasks, on one machine: starts the real
// manager with its real store, stands in for the workers (bench/fake_nodes.h), submits, reads
// meanwhile, and prints what it took. bench/scale.sh builds and runs this.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "bench/fake_nodes.h"
#include "bench/wire.h"

namespace cube::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Options {
  std::string cube, data_dir, policy = "epvm";
  std::uint32_t nodes = 100, tasks = 10'000, batch = 200, names = 1'000, clients = 2;
  std::uint16_t port = 0, nodes_port = 0;
  int give_up_s = 600;
};

double s_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// --- The manager's process ----------------------------------------------------------------------

class Manager {
 public:
  explicit Manager(const Options& options) : options_(options) {}
  ~Manager() {
    if (pid_ > 0) stop();
  }

  void start() {
    const std::string port = std::to_string(options_.port);
    const std::string log = options_.data_dir + "/manager.log";
    pid_ = ::fork();
    if (pid_ < 0) die("fork failed");
    if (pid_ > 0) return;
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(fd, STDERR_FILENO);
    ::dup2(fd, STDOUT_FILENO);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // it ends with this program, however that ends
    ::execl(options_.cube.c_str(), options_.cube.c_str(), "manager", "--host", "127.0.0.1", "-p",
            port.c_str(), "--cluster", "scale", "--scheduler", options_.policy.c_str(),
            "--data-dir", (options_.data_dir + "/manager").c_str(), nullptr);
    ::_exit(127);
  }

  void stop() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }

  // A number of /proc/PID/status, in MiB.
  double status_mib(std::string_view field) const {
    std::ifstream in(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with(field)) {
        return static_cast<double>(std::atoll(line.c_str() + field.size() + 1)) / 1024;
      }
    }
    return 0;
  }

  // User and system time so far, in seconds.
  std::pair<double, double> cpu_s() const {
    std::ifstream in(fmt::format("/proc/{}/stat", pid_));
    std::string text;
    std::getline(in, text);
    text.erase(0, text.rfind(')') + 2);
    long long user = 0, system = 0;
    std::sscanf(text.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user,
                &system);
    const auto hz = static_cast<double>(::sysconf(_SC_CLK_TCK));
    return {static_cast<double>(user) / hz, static_cast<double>(system) / hz};
  }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(options_.port); }

  bool listens() const {
    std::string text;
    std::ifstream in("/proc/net/tcp");
    const std::string mark = fmt::format("0100007F:{:04X} 00000000:0000 0A", options_.port);
    while (std::getline(in, text)) {
      if (text.find(mark) != std::string::npos) return true;
    }
    return false;
  }

  bool ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = -1;
    return true;
  }

 private:
  const Options& options_;
  pid_t pid_ = -1;
};

template <class Condition>
void await(const Options& options, Manager& manager, std::string_view what, Condition condition) {
  const auto begin = Clock::now();
  while (!condition()) {
    if (manager.ended()) die("the manager ended; see " + options.data_dir + "/manager.log");
    if (s_since(begin) > options.give_up_s) die(fmt::format("{}: not in time", what));
    std::this_thread::sleep_for(milliseconds(2));
  }
}

// --- What clients do ----------------------------------------------------------------------------

// Ids that were answered, for those who read.
class Known {
 public:
  void add(std::string id) {
    std::lock_guard lock(mutex_);
    ids_.push_back(std::move(id));
  }
  std::optional<std::string> one(Rng& rng) {
    std::lock_guard lock(mutex_);
    if (ids_.empty()) return std::nullopt;
    return ids_[rng.below(ids_.size())];
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> ids_;
};

std::string task_json(std::uint32_t number, const Options& options) {
  return fmt::format(
      R"({{"Name":"job-{}","Image":"registry.example/team/service:1.4.2","Cpu":0.1,)"
      R"("Memory":"64MiB","RestartPolicy":"always","Env":["MODE=production","REGION=a"]}})",
      number % options.names);
}

// Submits batches until all tasks are in; keeps a few ids of each answer.
void submit(const Options& options, const std::string& endpoint, std::atomic<std::uint32_t>& next,
            Known& known) {
  static constexpr std::string_view mark = "{\"ID\":\"";
  Wire wire(endpoint);
  for (;;) {
    const std::uint32_t first = next.fetch_add(options.batch);
    if (first >= options.tasks) return;
    const std::uint32_t last = std::min(options.tasks, first + options.batch);
    std::string body = "[";
    for (std::uint32_t i = first; i < last; ++i) {
      body += (i == first ? "" : ",") + task_json(i, options);
    }
    body += "]";
    const Answer answer = wire.expect(201, "POST", "/tasks", body, "Prefer: return=minimal\r\n");
    const auto at = answer.body.find(mark);
    if (at != std::string::npos) known.add(answer.body.substr(at + mark.size(), 36));
  }
}

// Times of one kind of request, in milliseconds.
struct Times {
  std::vector<double> ms;
  std::string line(std::string_view what) {
    if (ms.empty()) return fmt::format("| {} | - | - | - | 0 |\n", what);
    std::ranges::sort(ms);
    const auto at = [&](double q) {
      return ms[static_cast<std::size_t>(q * static_cast<double>(ms.size() - 1))];
    };
    return fmt::format("| {} | {:.2f} | {:.2f} | {:.2f} | {} |\n", what, at(0.5), at(0.99),
                       ms.back(), ms.size());
  }
};

void repeat_until(const std::atomic<bool>& stop, milliseconds pause, Times& times,
                  const std::function<bool()>& request) {
  while (!stop) {
    const auto begin = Clock::now();
    if (request()) times.ms.push_back(1000 * s_since(begin));
    std::this_thread::sleep_for(pause);
  }
}

// --- The run ------------------------------------------------------------------------------------

double cpu_of_this_process() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return s(use.ru_utime) + s(use.ru_stime);
}

std::uint64_t metric(Wire& wire, std::string_view name) {
  const std::string page = "\n" + wire.expect(200, "GET", "/metrics").body;
  const auto at = page.find(fmt::format("\n{} ", name));
  if (at == std::string::npos) die(fmt::format("no metric {}", name));
  return std::stoull(page.substr(at + name.size() + 2));
}

std::uint32_t ready_nodes(Wire& wire) {
  std::this_thread::sleep_for(milliseconds(200));  // the page is long
  const std::string page = wire.expect(200, "GET", "/metrics").body;
  std::uint32_t out = 0;
  static constexpr std::string_view mark = "cube_node_ready{";
  for (auto at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
    if (page.compare(page.find('\n', at) - 2, 2, " 1") == 0) ++out;
  }
  return out;
}

void raise_file_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

struct Loaded {
  double accepted_s = 0, assigned_s = 0, running_s = 0;
  Times task, node, post;
};

Loaded load(const Options& options, Manager& manager, FakeNodes& nodes) {
  Loaded out;
  Known known;
  std::atomic<std::uint32_t> next = 0;
  std::atomic<bool> stop = false;
  std::atomic<std::uint32_t> extra = 0;
  const auto begin = Clock::now();
  std::vector<std::jthread> readers;
  readers.emplace_back([&] {
    Wire wire(manager.endpoint());
    Rng rng(1);
    repeat_until(stop, milliseconds(5), out.task, [&] {
      const auto id = known.one(rng);
      if (id) wire.expect(200, "GET", "/tasks/" + *id);
      return id.has_value();
    });
  });
  readers.emplace_back([&] {
    Wire wire(manager.endpoint());
    Rng rng(2);
    repeat_until(stop, milliseconds(10), out.node, [&] {
      const auto node = static_cast<std::uint32_t>(rng.below(options.nodes));
      wire.expect(200, "GET", "/nodes/" + FakeNodes::name(node));
      return true;
    });
  });
  readers.emplace_back([&] {
    Wire wire(manager.endpoint());
    repeat_until(stop, milliseconds(20), out.post, [&] {
      wire.expect(201, "POST", "/tasks", task_json(extra++, options));
      return true;
    });
  });
  {
    std::vector<std::jthread> submitters;
    for (std::uint32_t i = 0; i < options.clients; ++i) {
      submitters.emplace_back([&] { submit(options, manager.endpoint(), next, known); });
    }
  }
  out.accepted_s = s_since(begin);
  await(options, manager, "all assigned", [&] { return nodes.assigned() >= options.tasks; });
  out.assigned_s = s_since(begin);
  stop = true;
  readers.clear();
  const std::uint64_t all = std::uint64_t{options.tasks} + extra;
  await(options, manager, "all running", [&] { return nodes.acknowledged() >= all; });
  out.running_s = s_since(begin);
  return out;
}

void run(const Options& options) {
  raise_file_limit();
  std::filesystem::create_directories(options.data_dir);
  Manager manager(options);
  manager.start();
  await(options, manager, "the manager listens", [&] { return manager.listens(); });
  FakeNodes nodes({.count = options.nodes, .port = options.nodes_port});
  Wire wire(manager.endpoint());
  const auto begin = Clock::now();
  for (std::uint32_t i = 0; i < options.nodes; ++i) {
    wire.expect(204, "POST", "/nodes", nodes.join_json(i));
  }
  await(options, manager, "all nodes ready", [&] { return ready_nodes(wire) == options.nodes; });
  fmt::print("{} nodes ready after {:.1f} s\n\n", options.nodes, s_since(begin));

  const auto [user0, system0] = manager.cpu_s();
  const double own0 = cpu_of_this_process();
  Loaded loaded = load(options, manager, nodes);
  const auto [user1, system1] = manager.cpu_s();
  const double own1 = cpu_of_this_process();
  const double tasks = options.tasks;
  fmt::print("| | s | per second |\n|---|---:|---:|\n");
  for (const auto& [what, s] : {std::pair{"accepted, durably", loaded.accepted_s},
                                {"placed, and with their workers", loaded.assigned_s},
                                {"running, as the manager has it", loaded.running_s}}) {
    fmt::print("| {} | {:.1f} | {:.0f} |\n", what, s, tasks / s);
  }
  fmt::print(
      "\n| while it was loaded, ms | p50 | p99 | most | requests |\n|---|---:|---:|---:|---:|\n");
  fmt::print("{}", loaded.task.line("GET /tasks/{id}"));
  fmt::print("{}", loaded.node.line("GET /nodes/{name}"));
  fmt::print("{}", loaded.post.line("POST /tasks, one"));
  const auto stored = static_cast<double>(metric(wire, "cube_store_bytes_used"));
  fmt::print("\n| the manager | |\n|---|---:|\n");
  fmt::print("| CPU, user + system, s | {:.1f} + {:.1f} |\n", user1 - user0, system1 - system0);
  fmt::print("| CPU per task, us | {:.1f} |\n", 1e6 * (user1 - user0 + system1 - system0) / tasks);
  fmt::print("| resident, MiB (most) | {:.0f} ({:.0f}) |\n", manager.status_mib("VmRSS"),
             manager.status_mib("VmHWM"));
  fmt::print("| of it memory of its own, and pages of the store's file | {:.0f}, {:.0f} |\n",
             manager.status_mib("RssAnon"), manager.status_mib("RssFile"));
  fmt::print("| stored per task, bytes | {:.0f} |\n", stored / tasks);
  fmt::print("| PUT /assignment: calls, MiB | {}, {:.0f} |\n", nodes.puts(),
             static_cast<double>(nodes.put_bytes()) / (1 << 20));
  fmt::print("| CPU of clients and workers meanwhile, s | {:.1f} |\n", own1 - own0);

  const auto stopping = Clock::now();
  manager.stop();
  const double stop_s = s_since(stopping);
  const auto restart = Clock::now();
  manager.start();
  await(options, manager, "the manager listens", [&] { return manager.listens(); });
  Wire again(manager.endpoint());
  again.expect(200, "GET", "/healthz");
  const double answers_s = s_since(restart);
  await(options, manager, "all nodes ready", [&] { return ready_nodes(again) == options.nodes; });
  fmt::print("| stop, s | {:.2f} |\n", stop_s);
  fmt::print("| restart until it answers, s | {:.2f} |\n", answers_s);
  fmt::print("| restart until every node is ready, s | {:.2f} |\n", s_since(restart));
  fmt::print("| resident after the restart, MiB | {:.0f} |\n", manager.status_mib("VmRSS"));
  std::fflush(stdout);
}

}  // namespace
}  // namespace cube::bench

int main(int argc, char** argv) {
  cube::bench::Options options;
  CLI::App app("Loads a manager with thousands of nodes and many tasks");
  app.add_option("--cube", options.cube, "the program to measure")->required();
  app.add_option("--data-dir", options.data_dir, "a directory for store and log")->required();
  app.add_option("--port", options.port, "of the manager")->required();
  app.add_option("--nodes-port", options.nodes_port, "of all nodes together")->required();
  app.add_option("--nodes", options.nodes);
  app.add_option("--tasks", options.tasks);
  app.add_option("--batch", options.batch, "tasks of one request");
  app.add_option("--names", options.names, "different specs");
  app.add_option("--clients", options.clients, "that submit at the same time");
  app.add_option("--scheduler", options.policy);
  app.add_option("--give-up", options.give_up_s, "seconds");
  CLI11_PARSE(app, argc, argv);
  cube::bench::run(options);
}
