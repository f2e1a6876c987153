#include "bench/fake_nodes.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/codec.h"
#include "bench/wire.h"

namespace cube::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t first_address = 0x7f010001;  // 127.1.0.1
constexpr int listen_backlog = 4096;
constexpr int events_max = 256;
constexpr auto tick = std::chrono::milliseconds(10);

WorkerId worker_of(std::uint32_t node) {
  return WorkerId(Uuid::from_random(0x5ca1e, node + 1));
}

// The number behind `"name":` or `name=`; 0 when it is not there.
std::uint64_t number_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  std::uint64_t out = 0;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), out);
  }
  return out;
}

struct Held {
  TaskId id;
  std::uint32_t attempt = 0;
};

struct Connection;

// One worker. `held` grows at its end; the first `running` of them run.
struct Worker {
  std::vector<Held> held;
  std::unordered_map<TaskId, std::uint32_t> attempts;
  api::Fence fence;
  std::size_t running = 0, acknowledged = 0;
  std::uint64_t change = 1;
  std::vector<std::pair<std::uint64_t, std::size_t>> changes;  // (change, running after it)
  Connection* parked = nullptr;                                // its long poll
  std::uint64_t parked_since = 0;
  Clock::time_point parked_until;

  std::size_t running_at(std::uint64_t when) const {
    const auto after = std::ranges::upper_bound(changes, when, {}, [](auto& c) { return c.first; });
    return after == changes.begin() ? 0 : std::prev(after)->second;
  }
};

struct Connection {
  int fd = -1;
  std::uint32_t node = 0;
  std::string in, out;
  bool writes = false;  // epoll tells when there is room to write
};

}  // namespace

class FakeNodes::Loop {
 public:
  explicit Loop(FakeNodes& owner) : owner_(owner), workers_(owner.options_.count) {
    api::Report& r = report_;
    r.incarnation = 1;
    r.node.version = "0.1.0";
    r.node.platform = "linux/amd64";
    r.node.boot_id = "11111111-2222-4333-8444-555555555555";
    r.node.engine_ready = true;
    r.takes_changes = true;
    r.node.capacity = {.cpu_milli = 64'000, .memory_bytes = 256LL << 30, .disk_bytes = 1LL << 40};
    r.node.labels = {{"zone", "a"}, {"disk", "ssd"}};
    r.stats.memory_kb = {{"mem_total", 268435456}, {"mem_available", 200000000}};
    r.stats.disk_all = 1LL << 40;
    r.stats.disk_free = 1LL << 39;
    listen();
  }
  ~Loop() {
    for (auto& [fd, connection] : connections_) ::close(fd);
    ::close(door_);
    ::close(epoll_);
  }

  void run() {
    while (!stop) {
      epoll_event events[events_max];
      const int n = ::epoll_wait(epoll_, events, events_max, static_cast<int>(tick.count()));
      now_ = Clock::now();
      for (int i = 0; i < n; ++i) happened(events[i]);
      start_due();
      if (now_ >= next_expiry_) expire_polls();
    }
  }

  std::atomic<bool> stop = false;

 private:
  void listen() {
    door_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(door_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(owner_.options_.port);
    here.sin_addr.s_addr = htonl(INADDR_ANY);
    if (::bind(door_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
        ::listen(door_, listen_backlog) != 0) {
      die(fmt::format("listen on port {}: {}", owner_.options_.port, std::strerror(errno)));
    }
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(door_, EPOLL_CTL_ADD, EPOLLIN);
  }

  void watch(int fd, int operation, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  void happened(const epoll_event& event) {
    if (event.data.fd == door_) return accept_all();
    const auto at = connections_.find(event.data.fd);
    if (at == connections_.end()) return;
    Connection& c = at->second;
    if ((event.events & EPOLLOUT) != 0) write(c);
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(c);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(door_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      sockaddr_in local{};
      socklen_t size = sizeof local;
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size);
      const std::uint32_t node = ntohl(local.sin_addr.s_addr) - first_address;
      if (node >= workers_.size()) {
        ::close(fd);
        continue;
      }
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Connection& c = connections_[fd];
      c.fd = fd;
      c.node = node;
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void close(Connection& c) {
    Worker& w = workers_[c.node];
    if (w.parked == &c) w.parked = nullptr;
    const int fd = c.fd;
    ::close(fd);
    connections_.erase(fd);
  }

  void read(Connection& c) {
    for (;;) {
      char bytes[64 * 1024];
      const ssize_t got = ::recv(c.fd, bytes, sizeof bytes, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (got <= 0) return close(c);
      c.in.append(bytes, static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < sizeof bytes) break;
    }
    while (take_request(c)) {
    }
  }

  // Handles one whole request; false: there is none.
  bool take_request(Connection& c) {
    const auto end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string_view head = std::string_view(c.in).substr(0, end + 2);
    const std::size_t length = number_after(head, "Content-Length: ");
    if (c.in.size() < end + 4 + length) return false;
    const std::string_view body = std::string_view(c.in).substr(end + 4, length);
    if (head.starts_with("PUT /assignment ") || head.starts_with("PATCH /assignment ")) {
      put(c, body);
    } else if (head.starts_with("GET /report?")) {
      poll(c, head.substr(0, head.find("\r\n")));
    } else {
      answer(c, "404 Not Found", "{}");
    }
    c.in.erase(0, end + 4 + length);
    return true;
  }

  void put(Connection& c, std::string_view body) {
    ++owner_.puts_;
    owner_.put_bytes_ += body.size();
    Worker& w = workers_[c.node];
    const auto tasks = body.find("\"Tasks\":[");
    const std::string_view top = body.substr(0, tasks);
    const api::Fence fence{number_after(top, "\"Epoch\":"), number_after(top, "\"Session\":"),
                           number_after(top, "\"Generation\":")};
    if (fence < w.fence) return answer(c, "409 Conflict", "{\"message\":\"older\"}");
    const std::uint64_t base = number_after(top, "\"Base\":");
    const bool fits = base == 0 || (w.fence.epoch == fence.epoch &&
                                    w.fence.session == fence.session && w.fence.generation == base);
    if (fits) {
      w.fence = fence;
      take_tasks(c.node, w, body.substr(tasks));
    }
    const bool same_life = number_after(top, "\"Incarnation\":") == report_.incarnation;
    send_report(c, w, same_life ? number_after(top, "\"Change\":") : 0);
  }

  void take_tasks(std::uint32_t node, Worker& w, std::string_view list) {
    static constexpr std::string_view mark = "{\"ID\":\"";
    static constexpr std::size_t id_length = 36;
    const std::size_t before = w.held.size();
    for (auto at = list.find(mark); at != std::string_view::npos; at = list.find(mark, at)) {
      at += mark.size();
      const auto id = TaskId::parse(list.substr(at, id_length));
      const auto rest = list.substr(at + id_length, 32);
      const auto attempt = static_cast<std::uint32_t>(number_after(rest, "\"Attempt\":"));
      if (!id) die("an assignment with a task that has no id");
      std::uint32_t& known = w.attempts[*id];
      if (known >= attempt) continue;
      known = attempt;
      w.held.push_back({*id, attempt});
    }
    if (w.held.size() == before) return;
    owner_.assigned_ += w.held.size() - before;
    starting_.push_back({now_ + owner_.options_.start_after, node, w.held.size()});
  }

  void start_due() {
    while (!starting_.empty() && starting_.front().at <= now_) {
      const Starting s = starting_.front();
      starting_.pop_front();
      Worker& w = workers_[s.node];
      w.running = std::max(w.running, s.count);
      w.changes.emplace_back(++w.change, w.running);
      if (w.parked != nullptr) unpark(w);
    }
  }

  void poll(Connection& c, std::string_view target) {
    Worker& w = workers_[c.node];
    const std::pair asks(number_after(target, "&epoch="), number_after(target, "&session="));
    if (asks < std::pair(w.fence.epoch, w.fence.session)) {
      return answer(c, "409 Conflict", "{\"message\":\"older\"}");
    }
    const bool same_life = number_after(target, "incarnation=") == report_.incarnation;
    const std::uint64_t since = same_life ? number_after(target, "&change=") : 0;
    const std::size_t known = w.running_at(since);
    if (known > w.acknowledged) {
      owner_.acknowledged_ += known - w.acknowledged;
      w.acknowledged = known;
    }
    const auto wait = std::chrono::milliseconds(number_after(target, "&wait="));
    if (w.parked != nullptr && w.parked != &c) unpark(w);
    if (since == 0 || since < w.change || wait.count() == 0) return send_report(c, w, since);
    w.parked = &c;
    w.parked_since = since;
    w.parked_until = now_ + wait;
  }

  void unpark(Worker& w) {
    Connection& c = *std::exchange(w.parked, nullptr);
    send_report(c, w, w.parked_since);
  }

  void expire_polls() {
    next_expiry_ = now_ + 10 * tick;
    for (Worker& w : workers_) {
      if (w.parked != nullptr && w.parked_until <= now_) unpark(w);
    }
  }

  void send_report(Connection& c, const Worker& w, std::uint64_t since) {
    api::Report& r = report_;
    if (since > w.change) since = 0;
    r.node.worker = worker_of(c.node);
    r.node.name = FakeNodes::name(c.node);
    r.node.machine = r.node.name;
    r.fence = w.fence;
    r.base = since;
    r.change = w.change;
    r.task_count = static_cast<std::uint32_t>(w.held.size());
    r.attempts.clear();
    for (std::size_t i = since == 0 ? 0 : w.running_at(since); i < w.running; ++i) {
      AttemptStatus& s = r.attempts.emplace_back();
      s.key = {w.held[i].id, w.held[i].attempt};
      s.observed = Observed::running;
      const std::string id = w.held[i].id.str();
      for (const char digit : id + id) {
        if (digit != '-') s.container_id += digit;
      }
      s.container_ip = fmt::format("172.17.{}.{}", i / 250, 2 + i % 250);
      s.started = WallTime{1'700'000'000'000'000 + static_cast<std::int64_t>(i)};
    }
    // Placed and not running yet: told when everything is told.
    for (std::size_t i = since == 0 ? w.running : w.held.size(); i < w.held.size(); ++i) {
      AttemptStatus& s = r.attempts.emplace_back();
      s.key = {w.held[i].id, w.held[i].attempt};
      s.observed = Observed::creating;
    }
    answer(c, "200 OK", api::report_json(r));
  }

  void answer(Connection& c, std::string_view status, std::string_view body) {
    c.out +=
        fmt::format("HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    status, body.size());
    c.out += body;
    write(c);
  }

  void write(Connection& c) {
    while (!c.out.empty()) {
      const ssize_t sent = ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;  // full, or broken, which reading shows
      c.out.erase(0, static_cast<std::size_t>(sent));
    }
    const bool wants = !c.out.empty();
    if (wants == c.writes) return;
    c.writes = wants;
    watch(c.fd, EPOLL_CTL_MOD, wants ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  struct Starting {
    Clock::time_point at;
    std::uint32_t node;
    std::size_t count;  // how many of its tasks run then
  };

  FakeNodes& owner_;
  int door_ = -1, epoll_ = -1;
  std::vector<Worker> workers_;
  std::unordered_map<int, Connection> connections_;
  std::deque<Starting> starting_;
  api::Report report_;  // the parts that all reports share
  Clock::time_point now_ = Clock::now(), next_expiry_{};
};

FakeNodes::FakeNodes(FakeNodesOptions options)
    : options_(std::move(options)), loop_(std::make_unique<Loop>(*this)) {
  thread_ = std::thread([this] { loop_->run(); });
}

FakeNodes::~FakeNodes() {
  loop_->stop = true;
  thread_.join();
}

std::string FakeNodes::address(std::uint32_t node, std::uint16_t port) {
  const std::uint32_t ip = first_address + node;
  return fmt::format("{}.{}.{}.{}:{}", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255, port);
}

std::string FakeNodes::name(std::uint32_t node) {
  return fmt::format("n{:05}", node);
}

std::string FakeNodes::join_json(std::uint32_t node) const {
  return api::join_json(
      {options_.cluster, name(node), worker_of(node), address(node, options_.port)});
}

}  // namespace cube::bench
