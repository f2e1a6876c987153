#pragma once
// A world for the manager's core: committed records, model workers, a network with one queue of
// deliveries, one clock. Everything from one seed. After every step it checks what must always
// hold; `problems` collects what did not.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "manager/manager.h"
#include "tests/manager/model_worker.h"

namespace cube::test {

struct Faults {
  std::uint32_t lose_percent = 0;       // of requests, and of answers
  std::uint32_t duplicate_percent = 0;  // of PUTs: the same arrives again, later
  Duration delay_max = 0ms;             // beyond the usual millisecond, by chance
};

class World {
 public:
  explicit World(std::uint64_t seed = 1);

  manager::Config config;
  Faults faults;
  std::vector<std::unique_ptr<ModelWorker>> workers;
  std::vector<std::string> problems;
  std::vector<Event> events;  // committed ones, of all lives of the manager

  ModelWorker& add_worker(const std::string& name, Resources capacity);
  ModelWorker* worker(const std::string& name);

  void start_manager();  // from the committed records
  void kill_manager() { manager_.reset(); }
  bool has_manager() const { return manager_ != nullptr; }
  manager::Manager& manager() { return *manager_; }

  // Steps with `input`; the reply to its token, if there is one. `crash`: the effects are lost and
  // the manager with them, before the commit.
  std::optional<manager::Reply> step(manager::Input input, bool crash = false);
  std::optional<manager::Reply> submit(std::vector<api::Submission> items,
                                       const std::string& key = "");
  std::optional<manager::Reply> stop(const std::string& ref);
  std::optional<manager::Reply> stop(const TaskId& id);
  std::optional<manager::Reply> join(ModelWorker& w);
  std::optional<manager::Reply> forget(const std::string& name);
  manager::Token token() { return next_token_++; }

  void run_for(Duration span);
  Instant now() const { return now_; }
  void poke(ModelWorker& w);  // something about it changed: answer the poll that waits
  Rng& rng() { return rng_; }
  std::string history() const;  // every event, one line each
  bool log_calls = false;
  std::string call_log;

 private:
  struct HeldPoll {
    manager::PollFrom call;
    std::uint64_t life = 0;
  };

  Now clock() const { return {now_, WallTime{1'700'000'000'000'000 + now_.us}}; }
  void at(Instant when, std::function<void()> what);
  void commit(manager::Effects& fx);
  void dispatch(manager::Send& send);
  void deliver_put(const manager::PutTo& put, std::uint64_t life, bool answer);
  void deliver_poll(const manager::PollFrom& poll, std::uint64_t life);
  void answer(manager::NodeNo node, std::uint64_t call, api::Report report, std::uint64_t life);
  void fail(manager::NodeNo node, std::uint64_t call, manager::LinkFailed::Kind kind,
            std::string message, std::uint64_t life, Duration after);
  void give(manager::Input input, std::uint64_t life);
  ModelWorker* listening(const std::string& address);
  Duration hop();
  bool lost(std::uint32_t percent) { return rng_.below(100) < percent; }
  void check();
  void check_worker(const ModelWorker& w);
  void check_exclusive();
  void problem(std::string text);

  Rng rng_;
  Instant now_{1'000'000};
  std::map<std::string, std::string> store_;
  std::unique_ptr<manager::Manager> manager_;
  std::uint64_t life_ = 0;
  manager::Token next_token_ = 1;
  std::uint64_t next_worker_ = 1;
  std::multimap<Instant, std::function<void()>> queue_;
  std::map<std::string, std::vector<HeldPoll>> held_;              // by worker
  std::map<std::uint32_t, std::set<std::uint64_t>> puts_, polls_;  // under way, by node
  std::map<AttemptKey, std::string> seen_on_;                      // (task, attempt) -> worker
  std::map<TaskId, std::uint32_t> stopped_at_;  // acknowledged stop -> attempt then
};

}  // namespace cube::test
