#pragma once
// `FakeRuntime`: a container engine in memory, for tests. It keeps to the codes and facts of the
// real one (tests/runtime/contract_test.cc runs the same cases against both), and does on demand
// what a real one does by accident: lose an answer, fail, go away, lose its containers.
//
// What a call does is done when it returns; its callback comes later: on the loop's thread, or
// without a loop in run_pending(). Calls may come from any thread; streams are destroyed on the
// thread that runs the callbacks. Time is what set_now() says; it never waits for anything.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/loop.h"
#include "runtime/runtime.h"

namespace cube::runtime {

class FakeRuntime final : public Runtime {
 public:
  enum class Op : std::uint8_t { list, inspect, pull, create, start, stop, remove, exec };

  // What a container does once it is started.
  struct Behaviour {
    std::optional<EngineError> start_error;  // it never runs
    std::optional<std::int32_t> exits_with;  // over as soon as it is started; nothing: it stays
    std::int32_t stop_code = 143;            // its exit code when told to stop
    std::string log;                         // written to standard output as it starts
  };
  using Program = std::function<Behaviour(const ContainerConfig&)>;

  explicit FakeRuntime(http::Loop* loop = nullptr);
  ~FakeRuntime() override;

  // --- The world around it, as a test sets it up ------------------------------------------------
  void add_image(const std::string& image);                        // present on this machine
  void expose(const std::string& image, std::vector<Port> ports);  // what its EXPOSE says
  void add_to_registry(const std::string& image);                  // can be pulled
  // How containers behave. The default knows `sleep`, `true`, `false`, `echo`, `cat` and
  // `sh -c "exit N"`; no command at all stays up; any other program ends with code 127, as below
  // an init process; a user that is neither root nor a number cannot be started.
  void set_program(Program program);
  // What exec() gives in a running container. The default knows the same few commands.
  using ExecProgram =
      std::function<Outcome<ExecResult>(const Container&, const std::vector<std::string>&)>;
  void set_exec(ExecProgram program);
  void set_now(WallTime now);
  // A host port taken by something that is no container.
  void occupy_port(std::uint16_t port);

  // --- Accidents ------------------------------------------------------------------------------
  // The next `op` fails with `error`; with `takes_effect` it is done all the same (a lost answer).
  void fail_next(Op op, EngineError error, bool takes_effect = false);
  // Holds back the outcomes of `op` (their effects take place) until release().
  void hold(Op op);
  void release(Op op);
  // The engine stops answering; every call fails as unavailable and watchers are told.
  void go_away(const std::string& reason);
  // It is back; without `kept_containers` those that ran have exited (137), as after a restart.
  void come_back(bool kept_containers);
  // A container ends by itself; another hand kills it (137), or removes it.
  void exit_container(const std::string& id_or_name, std::int32_t code, bool oom_killed = false);
  void kill_container(const std::string& id_or_name);
  void remove_container(const std::string& id_or_name);
  // A container that is not made by Runtime::create: a stranger's, running.
  std::string add_foreign(const std::string& name);
  // A container writes to its standard output.
  void write_log(const std::string& id_or_name, const std::string& text);

  // --- Looking --------------------------------------------------------------------------------
  std::vector<Container> containers() const;  // by creation
  std::uint64_t calls(Op op) const;           // since the beginning
  std::size_t open_logs() const;              // streams of logs() that are not yet destroyed
  // Runs what is due; returns how many callbacks ran. REQUIRES: made without a loop.
  std::size_t run_pending();

  void list(const std::map<std::string, std::string>& labels,
            Callback<std::vector<Container>>) override;
  void inspect(const std::string& id_or_name, Callback<Container>) override;
  void pull(const std::string& image, const std::string& platform,
            std::function<void(std::string)> progress, Callback<Done>) override;
  void create(const ContainerConfig& config, Callback<std::string>) override;
  void start(const std::string& id, Callback<Container>) override;
  void stop(const std::string& id, Duration grace, Callback<Done>) override;
  void remove(const std::string& id, Callback<Done>) override;
  void exec(const std::string& id, const std::vector<std::string>& command, Duration timeout,
            Callback<ExecResult>) override;
  [[nodiscard]] std::unique_ptr<Stream> logs(const std::string& id, const LogOptions&,
                                             LogSink) override;
  [[nodiscard]] std::unique_ptr<Stream> watch(const std::map<std::string, std::string>& labels,
                                              EventSink) override;

 private:
  std::shared_ptr<class FakeWorld> world_;
};

}  // namespace cube::runtime
