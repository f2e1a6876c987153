#include "sim/client.h"

#include <fmt/format.h>

namespace cube::sim {
namespace {

constexpr Duration answer_deadline = 5s, try_again_after = 1s;

std::int64_t some(Rng& rng, std::uint64_t least, std::uint64_t most) {
  return static_cast<std::int64_t>(least + rng.below(most - least + 1));
}

}  // namespace

Client::Client(Sim& sim, ManagerHost& manager, std::uint32_t number, std::uint32_t tasks_max)
    : sim_(sim),
      manager_(manager),
      name_(fmt::format("c{}", number)),
      rng_(sim.root.split("client " + name_)),
      specs_(sim.root.split("specs of " + name_)),
      network_(sim.root.split("network of " + name_)),
      tasks_max_(tasks_max),
      tasks_left_(tasks_max) {}

void Client::next() {
  // With many tasks so often that half of the time is enough for them.
  const std::uint64_t pace = tasks_max_ > 24 ? 2 * tasks_max_ : 12;
  const auto most = static_cast<std::uint64_t>(sim_.options.chaos.count()) / pace;
  sim_.timeline.after(Duration(static_cast<std::int64_t>(rng_.below(most + 1))), [this] {
    if (sim_.calm) return;
    act();
    next();
  });
}

void Client::act() {
  const std::uint32_t what = pick(100);
  if (known_.empty() || (what < 50 && tasks_left_ > 0)) return submit();
  if (what < 68) return stop();
  if (what < 78 && !submissions_.empty()) {  // it forgot that it was answered
    const RequestPtr old = submissions_[pick(submissions_.size())];
    if (!old->over || old->key.empty()) return;
    const auto repeat = std::make_shared<Request>(*old);
    repeat->over = false;
    repeat->tries = 0;
    ++unanswered_;
    return send(repeat);
  }
  read();
}

TaskSpec Client::draw_spec(const std::string& name) {
  Rng& r = specs_;
  static constexpr std::string_view images[] = {"echo", "web", "data:2"};
  static constexpr RestartPolicy::Kind kinds[] = {
      RestartPolicy::Kind::always, RestartPolicy::Kind::always, RestartPolicy::Kind::unset,
      RestartPolicy::Kind::on_failure, RestartPolicy::Kind::no};
  TaskSpec spec;
  spec.name = name;
  spec.image = images[r.below(3)];
  spec.cpu_milli = 250 * some(r, 0, 5);
  spec.memory_bytes = r.below(4) == 0 ? 256LL << 20 : 0;
  spec.restart.kind = kinds[r.below(5)];
  if (spec.restart.kind == RestartPolicy::Kind::on_failure) {
    spec.restart.max = static_cast<std::uint32_t>(r.below(4));
  }
  if (r.below(6) == 0) {
    spec.ports = {{Port{80, "tcp"}, static_cast<std::uint16_t>(8080 + r.below(3)), ""}};
  }
  if (r.below(8) == 0) spec.pull = TaskSpec::Pull::always;
  spec.stop_grace = some(r, 1, 10) * 1s;
  Program program;
  if (r.below(10) < 4) {
    program.ends_after = some(r, 50, r.below(2) == 0 ? 3'000 : 90'000) * 1ms;
    program.exit_code = static_cast<std::int32_t>(r.below(3));
  }
  program.stops_after = r.below(4) == 0 ? some(r, 1, 20) * 1s : some(r, 20, 900) * 1ms;
  spec.command = command_of(program);
  if (r.below(7) == 0) {
    spec.health.kind = HealthCheck::Kind::http;
    spec.health.path = "/";
    spec.health.port = 80;
    spec.health.interval = some(r, 1, 5) * 1s;
    spec.health.timeout = 1s;
    spec.health.retries = 2;
  }
  spec.exclusive = r.below(1000) < sim_.options.exclusive;
  return spec;
}

void Client::submit() {
  const auto request = std::make_shared<Request>();
  const std::uint32_t number = ++requests_;
  const std::uint32_t items = std::min(tasks_left_, 1 + (pick(5) == 0 ? pick(5) : 0));
  if (items == 0) return;
  tasks_left_ -= items;
  request->name = fmt::format("{}-{}", name_, number);
  // A request can be repeated when it has a key, or when it names its tasks itself.
  const bool keyed = pick(3) != 0;
  const bool named = !keyed || pick(2) == 0;
  if (keyed) request->key = request->name;
  for (std::uint32_t i = 0; i < items; ++i) {
    api::Submission s;
    if (named) s.id = TaskId(rng_.uuid());
    s.spec = draw_spec(fmt::format("{}.{}", request->name, i));
    request->items.push_back(std::move(s));
  }
  submissions_.push_back(request);
  ++unanswered_;
  send(request);
}

void Client::stop() {
  const auto request = std::make_shared<Request>();
  request->stop = known_[pick(known_.size())];
  request->name = "stop " + request->stop.str().substr(0, 8);
  ++unanswered_;
  send(request);
}

// Reads run between batches: they see committed state.
void Client::read() {
  const TaskId id = known_[pick(known_.size())];
  sim_.timeline.after(hop(), [this, id] {
    auto& process = manager_.process();
    if (!process.is_up() || process.is_paused()) return;
    const auto task = process.core().task(id.str());
    if (!task.ok()) return sim_.checks.fail("{} reads {}: {}", name_, id.str(), "not found");
    std::uint32_t& last = seen_attempt_[id];
    if ((*task)->attempt < last) {
      sim_.checks.fail("{} reads attempt {} of {} after {}", name_, (*task)->attempt,
                       (*task)->spec->name, last);
    }
    last = (*task)->attempt;
  });
}

Duration Client::hop() {
  const auto most = sim_.calm ? 0 : static_cast<std::uint64_t>(sim_.options.delay_max.count());
  return 200us + Duration(static_cast<std::int64_t>(network_.below(most + 1)));
}

void Client::send(const RequestPtr& request) {
  const std::uint64_t attempt = ++request->tries;
  again(request, attempt, answer_deadline);  // should no answer come
  if (lost()) return;
  sim_.timeline.after(hop(), [this, request, attempt] { arrive(request, attempt); });
}

// At most one more try follows each.
void Client::again(const RequestPtr& request, std::uint64_t attempt, Duration after) {
  sim_.timeline.after(after, [this, request, attempt] {
    if (!request->over && request->tries == attempt) send(request);
  });
}

void Client::arrive(const RequestPtr& request, std::uint64_t attempt) {
  auto& process = manager_.process();
  if (!process.is_up()) return again(request, attempt, try_again_after);
  const bool is_stop = request->items.empty();
  if (!is_stop && process.disk().is_full()) return again(request, attempt, try_again_after);
  process.ask(
      [&](manager::Token token) -> manager::Input {
        if (is_stop) return manager::Stop{token, request->stop.str()};
        return manager::Submit{token, request->items, request->key};
      },
      [this, request, attempt](const decltype(manager::Reply::body)* body) {
        if (body == nullptr) return again(request, attempt, try_again_after);
        // What the daemon says is a promise, whether it arrives or not.
        if (const auto* tasks = std::get_if<std::vector<Task>>(body)) {
          sim_.checks.submission_answered(request->key, *tasks);
        } else if (std::holds_alternative<manager::Accepted>(*body)) {
          sim_.checks.stop_answered(request->stop);
        }
        if (lost()) return;
        sim_.timeline.after(hop(), [this, request, attempt, copy = *body] {
          if (const auto* error = std::get_if<Error>(&copy); error != nullptr) {
            if (http_status(error->code) >= 500) return again(request, attempt, try_again_after);
          }
          answered(request, &copy);
        });
      });
}

void Client::answered(const RequestPtr& request, const decltype(manager::Reply::body)* body) {
  if (std::exchange(request->over, true)) return;
  --unanswered_;
  if (const auto* error = std::get_if<Error>(body)) {
    return sim_.checks.fail("{}: {}: {}", name_, request->name, error->message);
  }
  sim_.story.tell("{}: {} is acknowledged", name_, request->name);
  const auto* tasks = std::get_if<std::vector<Task>>(body);
  if (tasks == nullptr) return;
  for (const Task& t : *tasks) known_.push_back(t.id);
}

}  // namespace cube::sim
