#pragma once
// `FakeWorld`: the containers of FakeRuntime and what befalls them. Internal to the fake.
//
// Every member function is called with `mutex` held; callbacks are handed to post() and run later,
// without it.

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "runtime/fake_runtime.h"

namespace cube::runtime {

// The few commands that fakes understand; see FakeRuntime::set_program.
FakeRuntime::Behaviour default_program(const ContainerConfig& config);
Outcome<ExecResult> default_exec(const Container&, const std::vector<std::string>& command);

struct FakeContainer {
  Container seen;
  ContainerConfig config;
  FakeRuntime::Behaviour behaviour;
  std::string log;
};

// One watch() or logs(): `open` is false once the caller has destroyed its stream. What a log is
// told stands in line while it is paused; the line is of the callbacks' thread.
struct FakeFollower {
  void run_due() {
    while (open && !paused && !due.empty()) {
      const auto next = std::move(due.front());
      due.pop_front();
      next(log);
    }
  }

  std::atomic<bool> open = true;
  std::map<std::string, std::string> labels;  // watch
  EventSink events;
  std::string container_id;  // logs
  LogSink log;
  bool paused = false;
  std::deque<std::function<void(LogSink&)>> due;
};

class FakeWorld : public std::enable_shared_from_this<FakeWorld> {
 public:
  using Op = FakeRuntime::Op;
  struct Fault {
    EngineError error;
    bool takes_effect = false;
  };

  std::mutex mutex;
  http::Loop* loop = nullptr;
  std::deque<std::function<void()>> pending;  // without a loop
  std::set<std::string> images, registry;
  std::map<std::string, std::vector<Port>> image_ports;
  std::vector<std::unique_ptr<FakeContainer>> containers;
  std::vector<std::shared_ptr<FakeFollower>> watchers, log_followers;
  std::size_t open_logs = 0;  // streams, also of logs that are over
  FakeRuntime::Program program = default_program;
  FakeRuntime::ExecProgram exec_program = default_exec;
  std::map<Op, std::deque<Fault>> faults;
  std::map<Op, std::vector<std::function<void()>>> held;  // a key: `op` is held
  std::map<Op, std::uint64_t> calls;
  std::optional<std::string> away;  // why
  std::set<std::uint16_t> occupied_ports;
  WallTime now{1'700'000'000'000'000};

  // Later, on the callbacks' thread.
  void post(std::function<void()> f);
  // Does `effect` unless a fault says otherwise, and hands its outcome to `done`.
  template <class T>
  void perform(Op op, std::function<Outcome<T>()> effect, Runtime::Callback<T> done);

  FakeContainer* find(const std::string& id_or_name);
  std::vector<Container> list(const std::map<std::string, std::string>& labels) const;
  Outcome<Container> inspect(const std::string& id_or_name);
  Outcome<Done> pull(const std::string& image);
  Outcome<std::string> create(const ContainerConfig& config);
  Outcome<Container> start(const std::string& id);
  Outcome<ExecResult> exec(const std::string& id, const std::vector<std::string>& command);
  void remove(const std::string& id_or_name);
  // A running container ends; nothing happens to another.
  void exit(FakeContainer& container, std::int32_t code, bool oom_killed);
  void write_log(FakeContainer& container, const std::string& text);
  void follow(const std::shared_ptr<FakeFollower>& follower, const LogOptions& options);
  // Later, and when the log's reader is not paused.
  void tell_log(const std::shared_ptr<FakeFollower>& follower, std::function<void(LogSink&)> f);
  void tell(EngineEvent::Kind kind, const Container& container);
  EngineInfo info() const;

 private:
  std::optional<EngineError> publish_ports(FakeContainer& container);
  bool port_is_free(std::uint16_t port) const;
  std::uint16_t next_free_port();

  std::uint64_t next_id_ = 1;
  std::int64_t next_pid_ = 1000;
  std::uint16_t next_port_ = 32768;
};

bool includes(const std::map<std::string, std::string>& all,
              const std::map<std::string, std::string>& some);
// "echo" is "echo:latest".
std::string full_image(const std::string& image);

template <class T>
void FakeWorld::perform(Op op, std::function<Outcome<T>()> effect, Runtime::Callback<T> done) {
  ++calls[op];
  Outcome<T> outcome = EngineError{EngineError::Kind::unavailable, away.value_or("")};
  auto& scripted = faults[op];
  if (!away && !scripted.empty()) {
    const Fault fault = scripted.front();
    scripted.pop_front();
    if (fault.takes_effect) effect();
    outcome = fault.error;
  } else if (!away) {
    outcome = effect();
  }
  auto deliver = [done = std::move(done), outcome = std::move(outcome)] { done(outcome); };
  const auto holding = held.find(op);
  if (holding != held.end()) {
    holding->second.push_back(std::move(deliver));
  } else {
    post(std::move(deliver));
  }
}

}  // namespace cube::runtime
