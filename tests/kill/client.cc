#include "tests/kill/client.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/kill/http.h"

namespace cube::kill {
namespace {

using Json = nlohmann::json;

constexpr std::size_t alive_max = 4;     // of one client
constexpr std::size_t story_lines = 60;  // kept
constexpr int tries_max = 600;           // of one operation, 100 ms apart and more

struct Kind {
  const char* name;
  const char* policy;
  std::vector<std::string> command;
};

const Kind& kind(std::uint64_t number) {
  static const std::vector<Kind> kinds = {
      {"stay", "always", {"sleep", "100000"}},
      {"stay", "always", {"sleep", "100000"}},
      {"deaf", "always", {"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}},
      {"once", "no", {"sh", "-c", "sleep 1"}},
      {"fail", "on-failure:2", {"sh", "-c", "sleep 1; exit 3"}},
      {"flap", "always", {"sh", "-c", "sleep 2; exit 3"}},
  };
  return kinds[number % kinds.size()];
}

Json spec(const Kind& kind, const std::string& name) {
  return {{"Name", name},      {"Image", "cube-test/busybox"}, {"RestartPolicy", kind.policy},
          {"Memory", "16MiB"}, {"StopGracePeriod", "1s"},      {"Command", kind.command}};
}

}  // namespace

void Journal::tell(const std::string& line) {
  static const auto begin = std::chrono::steady_clock::now();
  const std::chrono::duration<double> at = std::chrono::steady_clock::now() - begin;
  const std::lock_guard lock(mutex_);
  story_.push_back(fmt::format("{:8.3f} {}", at.count(), line));
  if (story_.size() > story_lines) story_.pop_front();
}

void Journal::breach(const std::string& what) {
  tell("BREACH " + what);
  const std::lock_guard lock(mutex_);
  breaches_.push_back(what);
}

void Journal::count(const std::string& what) {
  const std::lock_guard lock(mutex_);
  ++counts_[what];
}

std::deque<std::string> Journal::story() const {
  const std::lock_guard lock(mutex_);
  return story_;
}
std::vector<std::string> Journal::breaches() const {
  const std::lock_guard lock(mutex_);
  return breaches_;
}
std::map<std::string, std::uint64_t> Journal::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Client::pause() {
  std::this_thread::sleep_for(std::chrono::milliseconds(50 + below(150)));  // paced
}

std::size_t Client::alive() const {
  std::size_t count = 0;
  for (const auto& [id, task] : tasks_) count += !task.stopped && !task.is_over();
  return count;
}

Known* Client::any(bool alive) {
  std::vector<Known*> some;
  for (auto& [id, task] : tasks_) {
    if (!alive || (!task.stopped && !task.is_over())) some.push_back(&task);
  }
  return some.empty() ? nullptr : some[below(some.size())];
}

void Client::run(const std::atomic<bool>& stop, const std::atomic<bool>& engine_free) {
  while (!stop) {
    const auto dice = below(100);
    if (dice < 12 && alive() < alive_max && engine_free) {
      submit();
    } else if (dice < 18) {
      stop_one();
    } else {
      read_one();
    }
    pause();
  }
}

void Client::submit() {
  const std::string key = fmt::format("c{}-{}", number_, ++submissions_);
  Json items = Json::array();
  const auto size = below(6) == 0 ? 3 : 1;
  for (int i = 0; i < size; ++i) {
    const Kind& what = kind(below(100));
    items.push_back(spec(what, fmt::format("{}-{}-{}", key, i, what.name)));
  }
  const std::string body = size == 1 ? items[0].dump() : items.dump();
  const int wanted = below(8) == 0 ? 2 : 1;  // now and then once more, though it was answered
  std::vector<std::string> first;
  int answered = 0, tries = 0;
  while (answered < wanted) {
    const Answer answer = ask(manager_, "POST", "/tasks", body, key);
    journal_.tell(fmt::format("submit {} -> {}", key, answer.status));
    if (answer.status == 0) {
      if (++tries > tries_max) return journal_.breach("no manager answers " + key);
      pause();
      continue;
    }
    if (answer.status != 201) {
      return journal_.breach(fmt::format("submit {}: {} {}", key, answer.status, answer.body));
    }
    Json reply = Json::parse(answer.body);
    if (size == 1) reply = Json::array({reply});
    std::vector<std::string> ids;
    for (const Json& task : reply) ids.push_back(task.at("ID"));
    if (ids.size() != items.size()) journal_.breach(key + ": another number of tasks");
    if (answered++ > 0 && ids != first) journal_.breach(key + ": other tasks for the same key");
    first = ids;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto& known = tasks_[ids[i]];
      known.id = ids[i];
      known.name = items[i].at("Name");
      check(reply[i]);
    }
  }
  if (tries > 0) journal_.count("submit repeated");
  if (below(10) == 0) {
    const Answer other = ask(manager_, "POST", "/tasks", spec(kind(0), "other").dump(), key);
    if (other.status == 409) journal_.count("key conflict");
    if (other.status != 409 && other.status != 0) {
      journal_.breach(fmt::format("{} with another body: {}", key, other.status));
    }
  }
}

void Client::stop_one() {
  Known* task = any(true);
  if (task == nullptr) return;
  for (int tries = 0; tries < tries_max; ++tries) {
    const Answer answer = ask(manager_, "DELETE", "/tasks/" + task->id);
    journal_.tell(fmt::format("stop {} {} -> {}", task->name, task->id, answer.status));
    if (answer.status == 204) {
      task->stopped = true;
      return;
    }
    if (answer.status != 0) {
      return journal_.breach(fmt::format("stop {}: {} {}", task->id, answer.status, answer.body));
    }
    journal_.count("stop repeated");
    pause();
  }
  journal_.breach("no manager answers to a stop");
}

void Client::read_one() {
  Known* task = any(below(4) != 0);
  if (task == nullptr) return;
  const Answer answer = ask(manager_, "GET", "/tasks/" + task->id);
  if (answer.status == 0) return;
  if (answer.status != 200) {
    return journal_.breach(
        fmt::format("acknowledged task {} {}: {}", task->name, task->id, answer.status));
  }
  check(Json::parse(answer.body));
}

void Client::check(const Json& task) {
  Known& known = tasks_.at(task.at("ID"));
  Known now = known;
  now.state = task.at("State");
  now.attempt = task.at("Attempt");
  now.restart = task.at("Restart");
  now.revision = task.at("Revision");
  const auto breach = [&](const std::string& what) {
    journal_.breach(fmt::format(
        "task {} {}: {}: attempt {} restart {} state {} revision {}, now {}", known.name, known.id,
        what, known.attempt, known.restart, known.state, known.revision, task.dump()));
  };
  if (task.at("Name") != known.name) breach("another name");
  if (now.attempt < known.attempt) breach("the attempt fell");
  if (now.attempt == known.attempt && now.restart < known.restart) breach("the restart fell");
  if (now.revision < known.revision) breach("the revision fell");
  if (known.is_over() && now.state != known.state) breach("what was over goes on");
  if (known.stopped && !now.is_over() && task.at("Desired") != "stop") breach("a stop forgotten");
  known = now;
}

}  // namespace cube::kill
