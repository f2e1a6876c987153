#pragma once
// `EngineLog`: what the engine itself says happened to this cluster's containers, from its event
// stream, and what must never have. It knows nothing of what the daemons think.

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace cube::kill {

struct Seen {  // a container of the cluster, now
  std::string id, task, state, node;
  std::uint64_t attempt = 0, restart = 0;
  bool running() const { return state == "running"; }
};

class EngineLog {
 public:
  EngineLog(std::string socket, std::string cluster);
  ~EngineLog();  // ends the stream by an event of its own
  EngineLog(const EngineLog&) = delete;

  std::vector<Seen> containers() const;         // all, asked now
  std::vector<std::string> violations() const;  // so far
  std::map<std::string, std::uint64_t> counts() const;

 private:
  using Attempt = std::pair<std::string, std::uint64_t>;
  using Container = std::tuple<std::string, std::uint64_t, std::uint64_t>;

  void follow_events();
  bool take(std::string_view line);  // false: the stream is to end
  void started(const std::string& id, const Container& which);

  const std::string socket_, cluster_, label_filter_;
  mutable std::mutex mutex_;
  std::map<Container, std::set<std::string>> created_, started_;
  std::map<Attempt, std::set<std::string>> alive_;
  std::map<Attempt, std::uint64_t> restart_;  // the highest that was started
  std::map<std::string, std::uint64_t> attempt_;
  std::set<std::string> ever_started_;
  std::map<std::string, std::uint64_t> counts_;
  std::vector<std::string> violations_;
  std::thread thread_;
};

}  // namespace cube::kill
