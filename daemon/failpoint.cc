#include "daemon/failpoint.h"

#ifdef CUBE_FP

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace cube::daemon {
namespace {

using Action = Failpoint::Action;

Error bad(std::string_view item, std::string_view why) {
  return {Code::invalid, fmt::format("CUBE_FP: `{}`: {}", item, why)};
}

Result<Failpoint> parse_one(std::string_view item) {
  Failpoint point;
  const auto equals = item.find('=');
  if (equals == 0 || equals == std::string_view::npos) return bad(item, "is not NAME=ACTION");
  point.name = item.substr(0, equals);
  std::string_view action = item.substr(equals + 1);
  if (const auto at = action.rfind('@'); at != std::string_view::npos) {
    const std::string number(action.substr(at + 1));
    char* end = nullptr;
    point.at = std::strtoul(number.c_str(), &end, 10);
    if (*end != '\0' || point.at == 0) return bad(item, "its hit is no number from 1 on");
    action = action.substr(0, at);
  }
  if (const auto open = action.find('('); open != std::string_view::npos) {
    if (!action.ends_with(')')) return bad(item, "has no closing parenthesis");
    point.argument = action.substr(open + 1, action.size() - open - 2);
    action = action.substr(0, open);
  }
  static const std::map<std::string_view, Action> actions = {{"abort", Action::abort},
                                                             {"error", Action::error},
                                                             {"sleep", Action::sleep},
                                                             {"wait", Action::wait}};
  const auto known = actions.find(action);
  if (known == actions.end()) return bad(item, "knows abort, error, sleep(SECONDS), wait(PATH)");
  point.action = known->second;
  const bool takes_one = point.action == Action::sleep || point.action == Action::wait;
  if (takes_one == point.argument.empty()) return bad(item, "has the wrong argument");
  return point;
}

void say(const std::string& line) {
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

class Armed {
 public:
  Armed() {
    const char* text = std::getenv("CUBE_FP");
    if (text == nullptr) return;
    auto points = parse_failpoints(text);
    if (!points) {
      say(points.error().message + "\n");
      _exit(2);
    }
    points_ = std::move(*points);
    hits_.resize(points_.size());
  }

  // The one whose hit this is.
  std::optional<Failpoint> hit(std::string_view name) {
    const std::lock_guard lock(mutex_);
    std::optional<Failpoint> due;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (points_[i].name == name && ++hits_[i] == points_[i].at) due = points_[i];
    }
    return due;
  }

 private:
  std::mutex mutex_;
  std::vector<Failpoint> points_;
  std::vector<unsigned long> hits_;
};

}  // namespace

Result<std::vector<Failpoint>> parse_failpoints(std::string_view text) {
  std::vector<Failpoint> points;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    auto point = parse_one(text.substr(0, end));
    if (!point) return std::move(point).error();
    points.push_back(std::move(*point));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return points;
}

bool hit_failpoint(std::string_view name) {
  static Armed armed;
  const auto due = armed.hit(name);
  if (!due) return false;
  say(fmt::format("failpoint {}: hit\n", name));
  switch (due->action) {
    case Action::abort:
      ::kill(::getpid(), SIGKILL);
      ::pause();  // until it is there
      return false;
    case Action::error:
      return true;
    case Action::sleep:
      std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(due->argument.c_str())));
      return false;
    case Action::wait:
      while (::access(due->argument.c_str(), F_OK) != 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      return false;
  }
  return false;
}

}  // namespace cube::daemon

#endif
