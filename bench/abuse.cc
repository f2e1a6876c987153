// A manager under abuse: slow, idle, flooding and lying clients, in turn and all at once, while a
// healthy one is served and measured.
//
// Ends with 1 when a promise is broken: a healthy request not answered as it should be, a node
// lost, an attacker served, more memory than allowed, or, with --p99-ms, slower than that.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "bench/wire.h"

namespace cube::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using Json = nlohmann::json;

struct Options {
  std::string manager = "127.0.0.1:5555";
  int pid = 0;
  int seconds = 10;
  double p99_ms = 0;  // 0: not judged
  double memory_mb = 0;
  std::string only;  // the name of one row
};

// One way of misbehaving, by so many connections, each again and again.
struct Attack {
  std::string name;
  int connections = 0;
  std::string opening;  // sent at once
  std::string piece = "";
  std::chrono::milliseconds piece_every = 0ms;  // 0: never
  bool reads = true;
  std::chrono::milliseconds pause = 100ms;  // before the next connection
};

const std::string get = "GET /nodes HTTP/1.1\r\nHost: localhost\r\n";
const std::string post = "POST /tasks HTTP/1.1\r\nHost: localhost\r\n";

std::string post_of(std::string_view body) {
  return fmt::format("{}Content-Length: {}\r\n\r\n{}", post, body.size(), body);
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

std::vector<Attack> attacks() {
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  const std::string half = post + "Content-Length: 4000000\r\n\r\n";
  return {
      {"1000 idle connections", 1000, ""},
      {"slow headers", 200, get + "X: ", "x", 200ms},
      {"slow bodies", 200, half + std::string(60'000, 'x'), "x", 200ms},
      {"bodies that stop just before their end", 100, half + std::string(3'900'000, 'x')},
      {"slow readers", 100, repeated("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 50),
       "", 0ms, false},
      {"followers that do not read", 200,
       "GET /events?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "", 0ms, false},
      {"header bombs", 20, get + repeated("X: y\r\n", 200'000)},
      {"body bombs", 10, post + "Transfer-Encoding: chunked\r\n\r\n" + repeated(chunk, 256)},
      {"JSON a million levels deep", 10, post_of(std::string(1'000'000, '['))},
      {"JSON of a million values", 4, post_of("[" + repeated("[],", 1'000'000) + "0]")},
      {"both lengths", 50,
       post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
  };
}

sockaddr_in address_of(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(endpoint.c_str() + colon + 1)));
  if (::inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    die(endpoint + ": give a numeric address and a port");
  }
  return address;
}

// All the connections of one attack, on a thread of its own, until the end.
class Attackers {
 public:
  Attackers(const Attack& attack, const sockaddr_in& to, const std::atomic<bool>& over)
      : attack_(attack), to_(to), over_(over), all_(static_cast<std::size_t>(attack.connections)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Attackers() { thread_.join(); }

  std::atomic<std::uint64_t> opened = 0;
  std::atomic<std::uint64_t> served = 0;  // answered with 2xx

 private:
  struct One {
    int fd = -1;
    std::size_t sent = 0;  // of the opening
    Clock::time_point next{};
    bool answered = false;
  };

  void run() {
    std::vector<pollfd> polls(all_.size());
    while (!over_) {
      for (std::size_t i = 0; i < all_.size(); ++i) polls[i] = tend(all_[i]);
      ::poll(polls.data(), polls.size(), 20);
      for (std::size_t i = 0; i < all_.size(); ++i) {
        if (polls[i].fd >= 0 && polls[i].revents != 0) react(all_[i], polls[i].revents);
      }
    }
    for (auto& one : all_) end(one);
  }

  // Opens it when it is time, sends what is due, and says what to wait for.
  pollfd tend(One& one) {
    const auto now = Clock::now();
    if (one.fd < 0 && now >= one.next) open(one);
    if (one.fd < 0) return {-1, 0, 0};
    const bool opening = one.sent < attack_.opening.size();
    if (!opening && attack_.piece_every > 0ms && now >= one.next) {
      one.next = now + attack_.piece_every;
      (void)!::send(one.fd, attack_.piece.data(), attack_.piece.size(), MSG_NOSIGNAL);
    }
    const short reads = attack_.reads ? POLLIN : 0;
    return {one.fd, static_cast<short>(reads | (opening ? POLLOUT : 0)), 0};
  }

  void open(One& one) {
    one = {};
    one.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (one.fd < 0) die("no more sockets: raise the limit of open files");
    const int small = 4096;
    if (!attack_.reads) ::setsockopt(one.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ::connect(one.fd, reinterpret_cast<const sockaddr*>(&to_), sizeof to_);
    ++opened;
  }

  void react(One& one, short events) {
    if ((events & POLLOUT) != 0) {
      const auto n = ::send(one.fd, attack_.opening.data() + one.sent,
                            attack_.opening.size() - one.sent, MSG_NOSIGNAL);
      if (n > 0) one.sent += static_cast<std::size_t>(n);
      if (n < 0 && errno != EAGAIN) return end(one);
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    char bytes[4096];
    const auto n = ::recv(one.fd, bytes, sizeof bytes, 0);
    if (n <= 0 && !(n < 0 && errno == EAGAIN)) return end(one);
    const std::string_view reply(bytes, n > 0 ? static_cast<std::size_t>(n) : 0);
    if (!std::exchange(one.answered, true) && reply.starts_with("HTTP/1.1 2")) ++served;
    if (!reply.empty()) end(one);  // once more
  }

  void end(One& one) {
    if (one.fd >= 0) ::close(one.fd);
    one.fd = -1;
    one.next = Clock::now() + attack_.pause;
  }

  const Attack& attack_;
  const sockaddr_in to_;
  const std::atomic<bool>& over_;
  std::vector<One> all_;
  std::thread thread_;
};

// --- The healthy client --------------------------------------------------------------------------

// Reads a task and the nodes, and now and then submits a task that has to wait for a node, which is
// a durable write; every tenth time on a new connection.
std::vector<double> be_healthy(const Options& options, Clock::time_point until) {
  const std::string task =
      R"({"Name":"waits","Image":"echo","Constraints":["node.name==nowhere"]})";
  std::vector<double> took_ms;
  auto wire = std::make_unique<Wire>(options.manager);
  const std::string id = Json::parse(wire->expect(201, "POST", "/tasks", task).body)["ID"];
  for (int i = 0; took_ms.empty() || Clock::now() < until; ++i) {
    const auto begin = Clock::now();
    if (i % 10 == 0) wire = std::make_unique<Wire>(options.manager);
    if (i % 25 == 0) {
      wire->expect(201, "POST", "/tasks", task);
    } else {
      wire->expect(200, "GET", i % 2 == 0 ? "/tasks/" + id : "/nodes");
    }
    took_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    std::this_thread::sleep_for(5ms);
  }
  return took_ms;
}

// A field of /proc/PID/status in MB.
double memory_mb(int pid, const std::string& field) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::atof(line.c_str() + field.size() + 1) / 1000;
  }
  return 0;
}

double nodes_lost(const Options& options) {
  Wire wire(options.manager);
  const std::string page = wire.expect(200, "GET", "/metrics").body;
  constexpr std::string_view name = "\ncube_nodes_lost_total ";
  const auto at = page.find(name);
  if (at == std::string::npos) die("no cube_nodes_lost_total");
  return std::atof(page.c_str() + at + name.size());
}

// One row of the table; false when a promise was broken.
bool measure(const Options& options, const std::string& name, const std::vector<Attack>& chosen) {
  const auto to = address_of(options.manager);
  const double lost_before = nodes_lost(options);
  std::atomic<bool> over = false;
  std::uint64_t opened = 0, served = 0;
  int connections = 0;
  std::vector<double> took_ms;
  {
    std::vector<std::unique_ptr<Attackers>> all;
    for (const auto& attack : chosen) {
      all.push_back(std::make_unique<Attackers>(attack, to, over));
      connections += attack.connections;
    }
    took_ms = be_healthy(options, Clock::now() + std::chrono::seconds(options.seconds));
    over = true;
    for (std::size_t i = 0; i < all.size(); ++i) {
      opened += all[i]->opened;
      if (chosen[i].name.find("read") == std::string::npos) served += all[i]->served;
    }
  }
  const double p99 = quantile(took_ms, 0.99), peak_mb = memory_mb(options.pid, "VmHWM");
  const double lost = nodes_lost(options) - lost_before;
  fmt::print("| {} | {} | {} | {} | {:.1f} | {:.1f} | {:.1f} | {:.0f} | {:.0f} |\n", name,
             connections, opened, took_ms.size(), quantile(took_ms, 0.5), p99, quantile(took_ms, 1),
             peak_mb, lost);
  std::fflush(stdout);
  bool kept = true;
  const auto broken = [&kept](std::string_view what) {
    fmt::print(stderr, "abuse: {}\n", what);
    kept = false;
  };
  if (served > 0) broken("an attacker was served");
  if (lost > 0) broken("a node was declared lost");
  if (options.memory_mb > 0 && peak_mb > options.memory_mb) broken("too much memory");
  if (options.p99_ms > 0 && p99 > options.p99_ms) broken("the healthy client waited too long");
  return kept;
}

int run(const Options& options) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  fmt::print(
      "| attack | connections | opened | healthy requests | p50, ms | p99, ms | max, ms | "
      "peak resident so far, MB | nodes lost |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  const auto all = attacks();
  std::vector<std::pair<std::string, std::vector<Attack>>> rows{{"none", {}}};
  for (const auto& attack : all) rows.push_back({attack.name, {attack}});
  rows.push_back({"all of these at once", all});
  bool kept = true, any = false;
  for (const auto& [name, chosen] : rows) {
    if (!options.only.empty() && options.only != name) continue;
    any = true;
    kept = measure(options, name, chosen) && kept;
  }
  if (!any) die("no row is called \"" + options.only + "\"");
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace cube::bench

int main(int argc, char** argv) {
  cube::bench::Options options;
  CLI::App app{"A manager under abuse, and a healthy client beside it"};
  app.add_option("--manager", options.manager, "host:port of a manager, in numbers");
  app.add_option("--pid", options.pid, "the manager's, for its memory")->required();
  app.add_option("--seconds", options.seconds, "of each attack")->check(CLI::Range(1, 3600));
  app.add_option("--p99-ms", options.p99_ms, "fail above that; not given: only told");
  app.add_option("--memory-mb", options.memory_mb, "fail above that; not given: only told");
  app.add_option("--only", options.only, "one row of the table, by its name");
  CLI11_PARSE(app, argc, argv);
  return cube::bench::run(options);
}
