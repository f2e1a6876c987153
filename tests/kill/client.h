#pragma once
// `Client`: one user who submits, stops and reads, repeats what was not answered, and remembers
// what was acknowledged. Whatever it reads later must agree with that.

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cube::kill {

// What all clients write to: the story's end, the breaches, how often what happened.
class Journal {
 public:
  void tell(const std::string& line);
  void breach(const std::string& what);
  void count(const std::string& what);
  std::deque<std::string> story() const;
  std::vector<std::string> breaches() const;
  std::map<std::string, std::uint64_t> counts() const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> story_;
  std::vector<std::string> breaches_;
  std::map<std::string, std::uint64_t> counts_;
};

// An acknowledged task, and the last that was read of it.
struct Known {
  std::string id, name;
  bool stopped = false;  // the stop was acknowledged
  int state = 0;
  std::uint64_t attempt = 0, restart = 0, revision = 0;
  bool is_over() const { return state >= 3; }
};

class Client {
 public:
  Client(int number, std::uint64_t seed, std::string manager, Journal& journal)
      : number_(number), chance_(seed), manager_(std::move(manager)), journal_(journal) {}

  // One operation after the other until `stop`; the last one is finished. Submits only while
  // `engine_free`: an engine that lags behind by minutes shows nothing but its own speed.
  void run(const std::atomic<bool>& stop, const std::atomic<bool>& engine_free);
  const std::map<std::string, Known>& tasks() const { return tasks_; }  // by id
  // `task` is what the manager says of one of ours: compared with what it said before.
  void check(const nlohmann::json& task);

 private:
  std::uint64_t below(std::uint64_t bound) { return chance_() % bound; }
  void submit();
  void stop_one();
  void read_one();
  Known* any(bool alive);
  std::size_t alive() const;
  void pause();

  const int number_;
  std::mt19937_64 chance_;
  const std::string manager_;
  Journal& journal_;
  std::uint64_t submissions_ = 0;
  std::map<std::string, Known> tasks_;
};

}  // namespace cube::kill
