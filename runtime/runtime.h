#pragma once
// `Runtime`: what Cube wants from a container engine. A pure header: the worker core speaks of
// containers in these types; `DockerRuntime` makes it so, `FakeRuntime` plays it for tests.
//
// Every call is asynchronous: it returns at once and its callback runs exactly once, on the
// runtime's I/O thread, within the call's deadline. All are re-entrant: repeating one after a lost
// answer is safe. Facts that are not failures succeed: starting what runs, stopping or removing
// what is gone.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "task/node.h"
#include "task/task.h"

namespace cube::runtime {

enum class ContainerState : std::uint8_t {
  created, running, paused, restarting, removing, exited, dead,
};
std::string_view name(ContainerState);

// One container as the engine tells it.
struct Container {
  std::string id;
  std::string name;
  std::map<std::string, std::string> labels;
  ContainerState state = ContainerState::created;
  std::int64_t pid = 0;
  std::int32_t exit_code = 0;
  bool oom_killed = false;
  std::string error;  // State.Error: why a start failed
  WallTime created, started, finished;
  std::string ip;
  std::vector<HostPort> ports;
  // list() fills id, name, labels, state, created and what else it has; inspect() and start() all.
};

// What create() makes. The spec's own fields, and what the worker adds.
struct ContainerConfig {
  std::string name;
  std::map<std::string, std::string> labels;  // all, Cube's and the task's
  TaskSpec spec;
};

// Why an operation failed, classified from code and text (docker-engine.md).
struct EngineError {
  enum class Kind : std::uint8_t {
    unavailable,    // engine unreachable, hung, restarting: try again, inspect first
    no_image,       // image not present (create), or cannot be pulled because it does not exist
    name_in_use,    // create: `message` names the holder
    port_in_use,
    bad_spec,       // the engine refuses it for good
    not_found,      // no such container
    no_space,
    no_registry,    // pull: the registry cannot be reached, so nobody knows whether the image is
    other,          // a 500 without known text: retried a few times, then a failure of the node
  };
  Kind kind = Kind::other;
  std::string message;  // in words, printable
};

template <class T>
using Outcome = std::variant<T, EngineError>;
struct Done {};
inline constexpr Duration own_grace{-1};

struct EngineInfo {
  std::string id;           // machine identity
  std::string version, api_version;
  std::string platform;     // "linux/amd64"
  std::string data_dir;     // DockerRootDir
  std::int64_t cpus = 0, memory_bytes = 0;
  int cgroup_version = 0;
  std::string cgroup_driver;
  bool live_restore = false;
};

struct EngineEvent {
  enum class Kind : std::uint8_t {
    died, started, oom, destroyed, paused, unpaused,
    killed,  // somebody sent `signal`: a person, a stop of ours, or the engine that goes down
    other,
  };
  Kind kind = Kind::other;
  std::string container_id, container_name;
  std::map<std::string, std::string> labels;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  WallTime at;
};

struct LogOptions {
  bool follow = false;
  bool timestamps = false;
  std::optional<std::int64_t> tail;  // lines; nothing: all
  WallTime since;                    // zero: from the beginning
};

struct ExecResult {
  std::int32_t exit_code = 0;
  std::string output;  // both streams, at most 4 KiB, printable
};

// A running stream; destroying it ends it, and no callback runs after that.
class Stream {
 public:
  virtual ~Stream() = default;
  // For logs: the engine is not read from until resume(), so that it has to wait; a little that was
  // read before still comes. On the runtime's I/O thread. Watches go on as if nothing was said:
  // their events are few, and late ones would be wrong.
  virtual void pause() {}
  virtual void resume() {}
};

struct LogSink {
  std::function<void(bool is_stderr, std::string_view bytes)> on_data;
  std::function<void(std::optional<EngineError>)> on_end;  // nothing: the log is over
  std::function<void()> on_open = nullptr;  // the log is there, perhaps silent; before any data
};

struct EventSink {
  // Connected (again): events from before may be missing, so list.
  std::function<void(const EngineInfo&)> on_connected;
  std::function<void(const EngineEvent&)> on_event;
  // The engine is away or hung; on_connected follows when it is back. Retried inside, for ever.
  std::function<void(const std::string& reason)> on_disconnected;
};

class Runtime {
 public:
  template <class T>
  using Callback = std::function<void(Outcome<T>)>;
  virtual ~Runtime() = default;

  // Containers whose labels include all of `labels`, in any state.
  virtual void list(const std::map<std::string, std::string>& labels,
                    Callback<std::vector<Container>>) = 0;
  virtual void inspect(const std::string& id_or_name, Callback<Container>) = 0;
  // `progress` may be called many times before the end, with words such as "3 of 5 layers".
  virtual void pull(const std::string& image, const std::string& platform,
                    std::function<void(std::string)> progress, Callback<Done>) = 0;
  virtual void create(const ContainerConfig& config, Callback<std::string /* id */>) = 0;
  // Starts and inspects: the container as it is then.
  virtual void start(const std::string& id, Callback<Container>) = 0;
  // Signal, then after `grace` KILL; done when the container is over. Longest wait: grace + 30 s.
  // With `own_grace` it is what the container was made with.
  virtual void stop(const std::string& id, Duration grace, Callback<Done>) = 0;
  // Also a running one (it is killed), with its anonymous volumes.
  virtual void remove(const std::string& id, Callback<Done>) = 0;
  virtual void exec(const std::string& id, const std::vector<std::string>& command,
                    Duration timeout, Callback<ExecResult>) = 0;
  [[nodiscard]] virtual std::unique_ptr<Stream> logs(const std::string& id, const LogOptions&,
                                                     LogSink) = 0;
  // Follows the engine until the stream is destroyed. One watch per worker.
  [[nodiscard]] virtual std::unique_ptr<Stream> watch(
      const std::map<std::string, std::string>& labels, EventSink) = 0;
};

}  // namespace cube::runtime
