#include "tests/kill/engine_log.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tests/kill/http.h"

namespace cube::kill {
namespace {

using Json = nlohmann::json;

std::string percent(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) out += fmt::format("%{:02X}", c);
  return out;
}

std::uint64_t number(const Json& labels, const char* name) {
  return std::stoull(labels.value(name, std::string("0")));
}

}  // namespace

EngineLog::EngineLog(std::string socket, std::string cluster)
    : socket_(std::move(socket)),
      cluster_(std::move(cluster)),
      label_filter_(Json{{"label", {"cube.cluster=" + cluster_}}}.dump()),
      thread_([this] { follow_events(); }) {}

EngineLog::~EngineLog() {
  // The stream has no end of its own: this container is made so that it has an event to end at.
  const Json last = {{"Image", "cube-test/busybox"},
                     {"Labels", {{"cube.cluster", cluster_}, {"cube.last", "yes"}}}};
  const Answer made = ask(socket_, "POST", "/containers/create?name=last-" + cluster_, last.dump());
  thread_.join();
  if (made.status == 201) ask(socket_, "DELETE", "/containers/last-" + cluster_);
}

std::vector<Seen> EngineLog::containers() const {
  const Answer answer =
      ask(socket_, "GET", "/containers/json?all=1&filters=" + percent(label_filter_));
  std::vector<Seen> out;
  if (answer.status != 200) return out;
  for (const Json& item : Json::parse(answer.body)) {
    const Json& labels = item.at("Labels");
    out.push_back({item.at("Id"), labels.value("cube.task", ""), item.at("State"),
                   labels.value("cube.node", ""), number(labels, "cube.attempt"),
                   number(labels, "cube.restart")});
  }
  return out;
}

std::vector<std::string> EngineLog::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

std::map<std::string, std::uint64_t> EngineLog::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void EngineLog::follow_events() {
  const std::string since = "&since=0";  // none of this cluster was before
  follow(socket_, "/events?filters=" + percent(label_filter_) + since,
         [this](std::string_view line) { return take(line); });
}

bool EngineLog::take(std::string_view line) {
  const Json event = Json::parse(line);
  if (event.value("Type", "") != "container") return true;
  const Json& actor = event.at("Actor");
  const Json& labels = actor.at("Attributes");
  if (labels.contains("cube.last")) return false;
  const std::string action = event.at("Action"), id = actor.at("ID");
  const Container which{labels.value("cube.task", ""), number(labels, "cube.attempt"),
                        number(labels, "cube.restart")};
  const Attempt attempt{std::get<0>(which), std::get<1>(which)};
  const std::lock_guard lock(mutex_);
  if (action == "create" || action == "start" || action == "die" || action == "destroy") {
    ++counts_[action];
  }
  if (action == "create") {
    created_[which].insert(id);
    if (created_[which].size() > 1) ++counts_["created again"];
  }
  if (action == "start") started(id, which);
  if (action == "die" || action == "destroy") alive_[attempt].erase(id);
  return true;
}

void EngineLog::started(const std::string& id, const Container& which) {
  const auto& [task, attempt, restart] = which;
  const auto breach = [&, name = fmt::format("task {} attempt {} restart {}", task, attempt,
                                             restart)](const std::string& what) {
    violations_.push_back(
        fmt::format("engine: {}: {} (container {})", name, what, id.substr(0, 12)));
  };
  if (!ever_started_.insert(id).second) breach("a container was started a second time");
  started_[which].insert(id);
  if (started_[which].size() > 1) breach("a second container was started");
  auto& alive = alive_[{task, attempt}];
  if (!alive.empty()) breach("another container of the attempt is alive: " + *alive.begin());
  alive.insert(id);
  auto& highest = restart_[{task, attempt}];
  if (restart < highest) breach(fmt::format("restart {} was started before", highest));
  highest = std::max(highest, restart);
  // A node that was cut off may still start what it was once told to: no breach, but worth a count.
  if (attempt < attempt_[task]) ++counts_["started late"];
  attempt_[task] = std::max(attempt_[task], attempt);
}

}  // namespace cube::kill
