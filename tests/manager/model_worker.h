#pragma once
// A worker as the manager sees one: it takes assignments, "runs" containers that are rows in a
// map, and reports. No I/O; time is handed in, and the world calls `tick` when it asked for it.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "api/messages.h"
#include "base/time.h"
#include "manager/manager.h"

namespace cube::test {

struct ModelWorker {
  std::string name, address;
  std::string alias;  // another address that leads here
  WorkerId id;
  Resources capacity;
  std::map<std::string, std::string> labels;
  bool engine_ready = true;
  std::string cannot_start;  // not empty: starts fail here, and why
  Duration start_takes = 500ms, stop_takes = 1s, healthy_takes = 300ms;
  Duration brief_run = 1s;  // so long runs what is made of the image "brief"

  bool keeps_lease = true;
  Instant lease_until{};  // kept by its guard too, when the process is down
  bool deaf = false;      // hears nothing; what it says still arrives

  bool takes_changes = false;  // of its assignment, instead of all of it

  bool reachable = true;
  bool process_up = true;

  struct Container {
    AttemptStatus status;
    TaskSpec spec;
    Instant due = Instant::never();  // the next thing that happens to it by itself
    std::uint64_t changed = 0;
  };
  // What survives the process: the containers and what the store holds.
  ManagerId manager;
  api::Fence fence;
  std::map<AttemptKey, bool> assigned;  // run, or only keep
  std::map<AttemptKey, Container> containers;
  std::uint16_t next_port = 32768;
  std::function<double(const TaskSpec&)> cpu_percent;  // null: nothing is measured

  // What does not.
  std::uint64_t incarnation = 1, change = 1;
  std::map<AttemptKey, std::uint64_t> gone;
  Instant clock{};  // when it last did anything

  // Nothing: taken, and the report is the answer. Else why not.
  std::optional<std::string> put(const api::Assignment& assignment, Instant now);
  // The report for a poll that knows (incarnation, change); nothing: no news yet.
  std::optional<api::Report> news(std::uint64_t known_incarnation,
                                  std::uint64_t known_change) const;
  api::Report report(std::uint64_t base) const;
  api::Report answer_to(const api::Assignment& assignment) const;
  bool renew(const manager::PollFrom& poll);  // true: something follows from it
  bool refuses_poll(std::uint64_t epoch, std::uint64_t session) const;

  void tick(Instant now);
  Instant next_tick() const;
  void restart_process();
  void lose_store(WorkerId new_id);

  // Things that happen to the container of a task.
  Container* running(const TaskId& task);
  void exits(Container& c, int code, Failure failure, std::string reason, Instant now);

  Resources in_use() const;
  static bool is_alive(const Container& c);

 private:
  bool may_run(const Container& c) const;
  void obey_lease();
  void touch(Container& c);
  void begin(const AttemptKey& key, const TaskSpec& spec, Instant now);
  void end_start(Container& c, Instant now);
  void become_healthy(Container& c);
};

}  // namespace cube::test
