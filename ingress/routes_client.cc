#include "ingress/routes_client.h"

#include <fmt/format.h>

#include <atomic>
#include <future>
#include <random>

#include "base/rng.h"
#include "base/text.h"
#include "ingress/reactor.h"

namespace cube::ingress {

namespace {

constexpr Duration poll_wait = 10s;
constexpr Duration poll_deadline = poll_wait + 10s;  // then the manager is taken to be hung
constexpr Duration retry_first = 100ms;
constexpr Duration retry_max = 1s;
constexpr Duration report_every = 1s;
constexpr std::size_t table_bytes_max = 256 * 1024 * 1024;
constexpr std::size_t busy_named_max = 200;  // in one call; more of them wait their turn

std::string made_up_id() {
  std::random_device device;
  const auto draw = [&device] { return (std::uint64_t{device()} << 32) | device(); };
  return Uuid::from_random(draw(), draw()).str();
}

}  // namespace

struct RoutesClient::Impl : std::enable_shared_from_this<Impl> {
  Impl(http::Loop& loop_, Proxy& proxy_, RoutesClientOptions options_)
      : loop(loop_), proxy(proxy_), options(std::move(options_)), client(loop_) {
    if (options.id.empty()) options.id = made_up_id();
  }

  // All on the loop's thread.
  void begin();
  void end();
  void poll();
  void ask(const ProxyState& state);
  void answered(Result<void> end);
  void take(api::RouteTable table);
  void failed(std::string why);
  void poll_after(Duration d);
  void busy_shrunk();
  void report();
  void send_report(const ProxyState& state);
  void tell_ports();
  std::string target(const ProxyState& state) const;
  const http::Endpoint& manager() const { return options.managers[manager_index]; }

  // From another thread back to the loop's, if there still is anyone.
  template <class F>
  auto on_loop(F f) {
    return [weak = weak_from_this(), f = std::move(f)](auto... arguments) {
      if (auto self = weak.lock()) {
        self->loop.post([weak, f, arguments...] {
          auto alive = weak.lock();
          if (alive && !alive->ended) f(*alive, arguments...);
        });
      }
    };
  }

  http::Loop& loop;
  Proxy& proxy;
  RoutesClientOptions options;
  http::Client client;
  bool ended = false;
  std::size_t manager_index = 0;
  std::unique_ptr<http::CallHandle> call;
  std::unique_ptr<http::Loop::Timer> poll_timer, report_timer, deadline_timer;
  int status = 0;
  std::string body;
  std::string in_force;     // the version
  bool reads_body = false;  // an answer is coming: nothing ends the call any more
  Instant asked_at{0};
  Duration retry = retry_first;
  std::string last_said;
  std::vector<api::RouteReport::Refused> told_ports;  // as they were told last
  std::atomic<std::int64_t> heard_us = 0;             // monotonic; 0: never
  std::atomic<bool> got_table = false, manager_answers = false;
};

void RoutesClient::Impl::begin() {
  proxy.on_busy_shrunk(on_loop([](Impl& self) { self.busy_shrunk(); }));
  poll();
  report();
}

void RoutesClient::Impl::end() {
  ended = true;
  call.reset();
  poll_timer.reset();
  report_timer.reset();
  deadline_timer.reset();
}

void RoutesClient::Impl::poll() {
  poll_timer.reset();
  proxy.state(on_loop([](Impl& self, const ProxyState& state) {
    if (!self.call) self.ask(state);
  }));
}

std::string RoutesClient::Impl::target(const ProxyState& state) const {
  std::string out = fmt::format("/routes?ingress={}", http::url_encode(options.id));
  if (!in_force.empty()) {
    out += fmt::format("&after={}&wait={}", http::url_encode(in_force), poll_wait / 1s);
  }
  std::string busy;
  for (std::size_t i = 0; i < state.busy.size() && i < busy_named_max; ++i) {
    busy += (i > 0 ? "," : "") + state.busy[i].str();
  }
  return busy.empty() ? out : out + "&busy=" + busy;
}

void RoutesClient::Impl::ask(const ProxyState& state) {
  http::Call request;
  request.target = target(state);
  request.deadline = poll_deadline;
  status = 0;
  body.clear();
  reads_body = false;
  asked_at = monotonic_now();
  const auto weak = weak_from_this();
  http::StreamHandlers handlers;
  handlers.on_head = [weak](const http::Answer& head) {
    auto self = weak.lock();
    if (!self) return;
    self->status = head.status;
    self->reads_body = true;
  };
  handlers.on_data = [weak](std::string_view bytes) {
    auto self = weak.lock();
    if (self && self->body.size() <= table_bytes_max) self->body += bytes;
  };
  handlers.on_end = [weak](Result<void> result) {
    if (auto self = weak.lock()) self->answered(std::move(result));
  };
  call = client.stream(manager(), std::move(request), std::move(handlers));
  // The call's own deadline is for the head alone.
  deadline_timer = loop.after(poll_deadline, [weak] {
    if (auto self = weak.lock()) self->failed("the answer does not end");
  });
}

void RoutesClient::Impl::answered(Result<void> result) {
  if (!result) return failed(result.error().message);
  if (status != 200) {
    return failed(fmt::format("{}: status {}", manager().str(), status));
  }
  auto table = api::parse_route_table(body);
  if (!table) return failed(manager().str() + ": " + table.error().message);
  heard_us = monotonic_now().us;
  manager_answers = true;
  retry = retry_first;
  const std::string said = "routes come from the manager at " + manager().str();
  if (said != last_said && options.log) options.log(LogLevel::info, "ingress.routes", said);
  last_said = said;
  call.reset();
  deadline_timer.reset();
  if (table->version != in_force || !got_table) return take(std::move(*table));
  // The same again: after the wait, or because an earlier call was ended for a shrunk busy set. A
  // manager that does not wait is not asked in a circle.
  const Duration took = monotonic_now() - asked_at;
  took < retry_max ? poll_after(retry_first) : poll();
}

void RoutesClient::Impl::take(api::RouteTable table) {
  const std::string version = table.version;
  proxy.set_table(std::move(table), on_loop([version](Impl& self) {
                    self.in_force = version;
                    self.got_table = true;
                    self.poll();  // which says that it is in force
                    self.tell_ports();
                  }));
}

void RoutesClient::Impl::failed(std::string why) {
  manager_answers = false;
  const std::string said =
      fmt::format("no routes from the manager: {}; {}", why,
                  got_table ? "the last known stay in force" : "every request gets a 503");
  if (said != last_said && options.log) options.log(LogLevel::warn, "ingress.routes", said);
  last_said = said;
  call.reset();
  deadline_timer.reset();
  manager_index = (manager_index + 1) % options.managers.size();
  poll_after(retry);
  retry = std::min(retry * 2, retry_max);
}

void RoutesClient::Impl::poll_after(Duration d) {
  poll_timer = loop.after(d, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->poll();
  });
}

// The manager waits for a replica's last request: it is told at once, by asking anew.
void RoutesClient::Impl::busy_shrunk() {
  if (!call || reads_body) return;  // the next call says it
  call.reset();
  deadline_timer.reset();
  poll();
}

void RoutesClient::Impl::send_report(const ProxyState& state) {
  if (!manager_answers || state.report.services.empty()) return;
  told_ports = state.report.refused;
  http::Call post;
  post.method = "POST";
  post.target = "/routes/report?ingress=" + http::url_encode(options.id);
  post.body = api::route_report_json(state.report);
  post.deadline = 5s;
  // Lost, it is made up for by the next: the counts are totals.
  client.call(manager(), std::move(post), [](const Result<http::Answer>&) {});
}

// Who made a service with a port of its own waits until it is there, and hears of it if it is not.
void RoutesClient::Impl::tell_ports() {
  proxy.state(on_loop([](Impl& self, const ProxyState& state) {
    if (state.report.refused != self.told_ports) self.send_report(state);
  }));
}

void RoutesClient::Impl::report() {
  report_timer = loop.after(report_every, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->proxy.state(self->on_loop([](Impl& alive, const ProxyState& state) {
      alive.send_report(state);
      alive.report();
    }));
  });
}

RoutesClient::RoutesClient(http::Loop& loop, Proxy& proxy, RoutesClientOptions options)
    : impl_(std::make_shared<Impl>(loop, proxy, std::move(options))) {
  loop.post([impl = impl_] { impl->begin(); });
}

RoutesClient::~RoutesClient() {
  impl_->proxy.on_busy_shrunk({});
  auto over = std::make_shared<std::promise<void>>();
  auto done = over->get_future();
  impl_->loop.post([impl = impl_, moved = std::move(over)] {
    impl->end();
    moved->set_value();
  });
  try {
    done.get();
  } catch (const std::future_error&) {
    impl_->end();  // the loop has ended
  }
}

bool RoutesClient::has_table() const {
  return impl_->got_table;
}

std::string RoutesClient::metrics() const {
  const std::int64_t heard = impl_->heard_us;
  const double age_s =
      heard == 0 ? -1 : static_cast<double>(monotonic_now().us - heard) / 1'000'000;
  return fmt::format(
      "# HELP cube_ingress_manager_up 1: the manager answered when it was last asked.\n"
      "# TYPE cube_ingress_manager_up gauge\ncube_ingress_manager_up {}\n"
      "# HELP cube_ingress_routes_age_seconds Since the manager last confirmed the table; -1: "
      "never."
      "\n# TYPE cube_ingress_routes_age_seconds gauge\ncube_ingress_routes_age_seconds {:.3f}\n",
      impl_->manager_answers ? 1 : 0, age_s);
}

}  // namespace cube::ingress
