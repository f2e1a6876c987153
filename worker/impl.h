#pragma once
// The inside of `Worker`. One step is: take the input in (which marks attempts dirty), fire what is
// due, drive every dirty attempt to its next operation, then record and report what changed.

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "worker/attempt.h"
#include "worker/reasons.h"
#include "worker/reconcile.h"
#include "worker/records.h"
#include "worker/worker.h"

namespace cube::worker {

// Operations are limited by class, so that a slow kind never holds up another: pulls are counted by
// image, and a stop spends its time waiting for a process, not working the engine.
enum class Slot : std::uint8_t { inspect, work, stop };
inline constexpr std::size_t slot_classes = 3;
inline constexpr std::size_t engine_stops_max = 64;

// The engine as the worker knows it.
struct Engine {
  enum class State : std::uint8_t { away, listing, ready };
  State state = State::away;
  std::string reason = "not connected to the engine yet";
  runtime::EngineInfo info;
  OpId list_op = 0;             // the list under way; 0: none
  std::uint64_t list_sent = 0;  // the step that sent it
  bool list_is_sweep = false;
  Instant list_at = Instant::never();  // the next list
  bool listed_before = false;          // in this process
  // The last time it was away, by the calendar: ends within were its own doing.
  WallTime away_from, away_until;
  // By container: when somebody else sent it a signal. An engine that goes down does so first.
  std::map<std::string, WallTime> signalled;
};

// One image on its way, for all attempts that wait for it.
struct Pull {
  OpId op = 0;  // 0: waits for its turn
  std::string image, platform;
  std::set<AttemptKey> waiters;
  Instant told{0};  // when progress was last passed on
};

// May the container of this state have run, whether anybody saw it or not?
inline bool may_have_run(Observed o) {
  return o >= Observed::starting;
}

// A long poll that waits for news.
struct ParkedPoll {
  Token token = 0;
  std::uint64_t epoch = 0, session = 0, base = 0;
  Instant until;
};

struct Worker::Impl {
  Impl(Config c, Rng r);

  // --- worker.cc: the step
  void step(Now now, Input input, Effects& effects);
  Instant next_wake() const;
  void begin();  // the first step: what needs a clock
  void fire_timers();
  void drive_dirty();
  void drive(const AttemptKey& key);
  const Attempt* older_in_the_way(const AttemptKey& key) const;
  void mark_newer(const AttemptKey& key);
  bool is_probed(const Attempt& a) const;
  void finish(Attempt& a);  // after each drive: index, record, report
  void arm(Attempt& a);
  void save(Attempt& a);
  void mark(const Attempt& a) { dirty.insert(a.key); }
  void mark_all();
  Attempt* find(const AttemptKey& key);
  Attempt& add(const AttemptKey& key, Origin origin);
  void erase(const AttemptKey& key);
  void write_asked(const Attempt& a);
  void write_node();
  void note(std::string kind, std::string text, bool error = false);
  void reply(Token token, decltype(Reply::body) body);

  // --- assignment.cc
  void on(PutAssignment& in);
  std::optional<Error> refusal(const api::Assignment& assignment) const;
  // Of a message, "the assignment" or "the poll", that is of this manager and cluster.
  std::optional<Error> refusal_of_sender(std::string_view message, const ManagerId& manager,
                                         std::string_view cluster) const;
  void accept(api::Assignment& assignment);
  void take_in(api::AssignedTask& assigned);
  void want(Attempt& a, Want want);

  // --- local.cc: tasks posted directly
  void on(PostTask& in);
  void on(DeleteTask& in);
  void post_known(Token token, const api::Submission& submission, Attempt& a);
  Attempt* newest(TaskId id);
  std::string refused_mount(const TaskSpec& spec) const;  // empty: every mount is allowed
  void request_restart(Attempt& a);
  void forget_expired();
  Task task_of(const Attempt& a) const;

  // --- report.cc
  void on(PollReport& in);
  void on(HostSampled& in);
  api::Report report(std::uint64_t base) const;
  void answer_polls();
  void update_info();
  void note_excess(const Resources& found);
  NodeInfo make_info() const;
  void index_change(Attempt& a);

  // --- engine.cc: connection, events, operations out
  void on(EngineConnected& in);
  void on(EngineDisconnected& in);
  void on(EngineHappened& in);
  void send_list(bool sweep);
  void send(Attempt& a, Next next);
  void start_operation(Attempt& a, Next next, Slot slot);
  void join_pull(Attempt& a);
  void leave_pull(Attempt& a);
  void send_pulls();
  bool take_slot(Attempt& a, Slot slot);
  void release_slot(Slot slot);
  bool wake_slot_waiters();
  std::size_t slot_max(std::size_t index) const;
  OpId operation(decltype(Operation::what) what);
  runtime::ContainerConfig config_of(const Attempt& a) const;
  std::map<std::string, std::string> our_labels() const;
  bool is_ours(const std::map<std::string, std::string>& labels) const;

  // --- outcome.cc: operations back
  void on(OperationDone& in);
  void on(PullProgress& in);
  void pulled(Pull pull, const OperationOutcome& outcome);
  void succeeded(Attempt& a, const Doing& was, OperationOutcome& outcome);
  void failed(Attempt& a, const Doing& was, const runtime::EngineError& error);
  void not_found_by(Attempt& a, const Doing& was, const std::string& message);
  void remove_again(Attempt& a, const Doing& was, const runtime::EngineError& error);
  void renew(Attempt& a, const Doing& was, const runtime::EngineError& error);
  void try_again(Attempt& a, const Doing& was, const runtime::EngineError& error);
  void engine_was_away(Attempt& a, const Doing& was, const std::string& message);

  // --- adopt.cc: what the engine shows
  void listed(OperationOutcome& outcome);
  bool adopt_listed(const runtime::Container& c);
  void adopt_unknown(const AttemptKey& key, std::uint32_t restart, const runtime::Container& c);
  bool find_missing(Attempt& a, const std::set<std::string>& present);
  void absorb(Attempt& a, std::uint32_t restart, const runtime::Container& c);
  void absorb_running(Attempt& a, const runtime::Container& c);
  void settle_boot();

  // --- ends.cc: how containers end, and what follows
  void container_ended(Attempt& a, std::uint32_t restart, const runtime::Container& c);
  void vanished(Attempt& a, std::uint32_t restart);
  void could_not_start(Attempt& a, Failure failure, const std::string& reason);
  void ended(Attempt& a, End end);
  void killed(const Attempt& a, const Seen& seen);
  bool was_signalled(const runtime::Container& c) const;
  bool engine_may_be_going() const;
  bool is_last(const Attempt& a, const End& end) const;
  void hold(Attempt& a, End end);
  void release_held(Attempt& a);
  void engine_took_held(Attempt& a);
  void next_restart(Attempt& a, const End& end);
  void make_final(Attempt& a, const End& end);
  bool was_engines_doing(const Attempt& a, const Seen& seen, const runtime::Container& c) const;
  void forgive_recent_ends();
  void observe(Attempt& a, Observed to, std::string reason);
  void settle(Attempt& a);

  // --- lease.cc: exclusive tasks run only while the lease is held
  bool lease_held() const { return now.lease_clock() < lease_until; }
  bool lacks_lease(const Attempt& a) const { return a.spec.exclusive && !lease_held(); }
  bool lacks_guard(const Attempt& a) const { return a.spec.exclusive && !config.guard_lives; }
  void renew_lease(const PollReport& in);
  void watch_lease();
  void obey_lease(Attempt& a);
  bool lease_ended(const Attempt& a, const runtime::Container& c) const;
  Instant next_lease_look() const;
  void on(GuardChanged& in);

  // --- health.cc
  void on(ProbeDone& in);
  void probe(Attempt& a);
  void watch_health(Attempt& a, WallTime started);

  void on(Wake&) {}

  Config config;
  Rng chance;  // jitter
  Rng ids;
  NodeRecord node;
  NodeRecord saved_node;
  bool fresh = false;  // the store held nothing
  bool boot_changed = false;
  bool begun = false;
  std::uint64_t incarnation = 0;
  std::string last_refusal;  // of an assignment, in words: it is noted once, not at each repeat

  Now now{};
  Effects* effects = nullptr;  // of the step under way
  std::uint64_t step_no = 0;
  OpId last_op = 0;

  std::map<AttemptKey, Attempt> attempts;
  std::set<AttemptKey> dirty;
  std::set<std::pair<Instant, AttemptKey>> timers;

  Instant lease_until{};  // by now.lease_clock()
  bool lease_was_held = false;
  WallTime lapse_from, lapse_until;  // the last time without one, by the calendar
  std::set<AttemptKey> exclusive;    // attempts that need it, and are not over

  Engine engine;
  std::map<OpId, std::pair<AttemptKey, Slot>> operations;
  std::map<OpId, AttemptKey> probes;
  std::map<std::string, Pull> pulls;      // by image and platform
  std::deque<std::string> pulls_in_turn;  // keys of those that wait for their turn
  std::size_t pulls_under_way = 0;
  std::array<std::size_t, slot_classes> slots{};
  std::array<std::deque<AttemptKey>, slot_classes> slot_waiters;

  std::uint64_t change = 1;
  std::uint64_t told = 0;  // the newest change that was reported
  std::map<std::uint64_t, AttemptKey> changes;            // newest change of each attempt
  std::deque<std::pair<std::uint64_t, AttemptKey>> gone;  // by change, oldest first
  std::uint64_t gone_floor = 0;  // changes up to here can only be told in full
  std::uint64_t info_change = 1;
  std::vector<ParkedPoll> polls;
  NodeInfo info;
  HostStats stats;
  std::vector<api::TaskUsage> usage;  // of what runs
  Resources machine;
  Counters counters;
};

}  // namespace cube::worker
