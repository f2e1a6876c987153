#pragma once
// `Core`: the inside of Manager. One object, spread over files by what they know:
//
//   manager.cc    one step from input to effects         nodes.cc      join, lost, freeze, return
//   submit.cc     submissions, stop, idempotency          identity.cc   which worker is which node
//   reconcile.cc  task x node -> placement, attempt, end  links.cc      which call when
//   waiting.cc    the queue of what has no node           report.cc     what a worker said
//   health.cc     moves after repeated failures           assign.cc     generations, occupancy
//   reaper.cc     what is forgotten, and when             sweep.cc      the minute's check
//   events.cc     the history                             records.cc    the stored form
//   load.cc       from the records                        reads.cc      asked between steps
//   lease.cc      exclusive tasks: never two at once      audit.cc      the sweep, read-only
//   drain.cc      nodes out of use                        services.h    services, an object of its
//   own

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "manager/core_state.h"
#include "manager/manager.h"
#include "manager/services.h"

namespace cube::manager {

struct Core : CoreState {
  Core(Config config, Rng rng);

  // --- load.cc
  Result<void> load(const Scan& scan);
  Result<void> load_record(std::string_view key, std::string_view value);
  Result<void> load_task(std::string_view record, bool has_old_key);
  void restore();  // after the records: who sits where
  void restore_place(TaskEntry& t, NodeEntry* n);
  void index_task(TaskEntry& t, Kind& kind);

  // --- manager.cc
  void step(Now now, Input& input, Effects& effects);
  Instant next_wake() const;
  void boot();  // the first step: epoch, deadlines, first calls
  void boot_task(TaskEntry& t);
  void take(Wake&) {}
  void notice_stall();  // the manager itself stood still: nobody is to blame for that time
  void ring_alarms();
  void flush();  // calls, then records, of what this step touched
  void count(TaskEntry& t);
  bool has_more() const;  // to do at once, in another step

  // --- submit.cc
  void take(Submit& in);
  void take(Stop& in);
  Result<std::vector<TaskId>> submit_all(std::vector<api::Submission>& items);
  Result<void> check_items(std::vector<api::Submission>& items);
  TaskEntry& create_task(const TaskId& id, const TaskSpec& spec, Membership of = {});
  void stop_task(TaskEntry& t);
  // Nothing known is left of it, or only on `lost`, a lost node.
  void end_stop(TaskEntry& t, const NodeEntry* lost);
  void finish_stop(TaskEntry& t, const NodeEntry* lost);
  void heard_all_of(const NodeEntry& n);  // or nothing more will be heard: it is lost
  Result<std::vector<Task>> tasks_by_id(const std::vector<TaskId>& ids) const;
  void remember(const std::string& key, std::uint64_t content, std::vector<TaskId> ids);

  // --- reconcile.cc
  void new_attempt(TaskEntry& t, NodeEntry& n, std::string_view kind, const std::string& why);
  void wait_anew(TaskEntry& t, std::string reason);  // no node any more: back into the queue
  void ended(TaskEntry& t);     // its attempt is over and will not be restarted there
  void relocate(TaskEntry& t);  // the node's failure: elsewhere, later, or never
  void finish(TaskEntry& t, std::string_view kind, std::string text);  // terminal by itself
  void retire(TaskEntry& t);     // bookkeeping of every terminal task
  void lose_task(TaskEntry& t);  // its node is lost
  void avoid(TaskEntry& t, const NodeEntry& n, Duration span, std::string reason);
  void expire_avoided(TaskEntry& t);
  std::vector<scheduler::Avoided> avoided_by(const TaskEntry& t) const;
  scheduler::Decision place(const TaskEntry& t);
  scheduler::Decision place_avoiding(const TaskEntry& t,
                                     const std::vector<scheduler::Avoided>& avoided);
  void look_at(TaskEntry& t);  // its alarm rang
  void set_alarm(TaskEntry& t);

  // --- waiting.cc
  void enqueue(TaskEntry& t);
  void leave_queue(TaskEntry& t);
  void capacity_changed() { ++pool_version_; }
  void place_waiting();
  bool is_large() const;     // so many nodes that a look at all of them is not done at every change
  bool is_too_soon() const;  // to try again all that waits for room
  void tell_waiting(TaskEntry& t, const std::string& reason, bool record);
  void tell_class(WaitClass& c);
  std::string queue_key(const TaskEntry& t) const;

  // --- health.cc
  bool wants_move(const TaskEntry& t) const;
  void consider_move(TaskEntry& t);

  // --- nodes.cc
  NodeEntry& add_node(std::string address);
  void remove_node(NodeEntry& n, std::string_view why);
  std::vector<TaskEntry*> tasks_on(const NodeEntry& n) const;  // whose present attempt is there
  void take(JoinNode& in);
  void take(ForgetNode& in);
  Result<void> join(const api::Join& j);
  void move_node(NodeEntry& owner, const std::string& address, NodeEntry* there);
  void swap_addresses(NodeEntry& a, NodeEntry& b);
  bool is_empty_and_lost(const NodeEntry& n) const;
  bool answers(const NodeEntry& n) const;  // heard in the last half deadline
  Instant silent_at(const NodeEntry& n) const;
  Instant lost_at(const NodeEntry& n) const;
  void watch(NodeEntry& n);  // silence and loss
  void lose_node(NodeEntry& n);
  void losses_changed();
  void weigh_losses();  // pause or resume replacement; settle what may be
  void settle(NodeEntry& n);
  void explain_pause(NodeEntry& n, bool anew);
  void refresh(NodeEntry& n);  // its state, from all that is known
  NodeState state_of(const NodeEntry& n, std::string& reason) const;
  void heard_from(NodeEntry& n);

  // --- identity.cc
  // Who answers at n's address? True when it is the worker that n stands for. `n` may be gone
  // after.
  bool identify(NodeEntry& n, const NodeInfo& info);
  bool settle_owner(NodeEntry& n, const NodeInfo& info);
  bool settle_name(NodeEntry& n, const NodeInfo& info);
  void rename(NodeEntry& n, const std::string& name);
  void refuse(NodeEntry& n, std::string reason);
  void take_info(NodeEntry& n, const NodeInfo& info);
  void put_in_pool(NodeEntry& n);

  // --- drain.cc
  void take(SetAvailability& in);
  void take(ServiceInput& in) { services_.take(in); }
  void empty_drained_nodes();
  void move_off(TaskEntry& t, const NodeEntry& from);

  // --- links.cc
  void take(LinkAnswered& in);
  void take(LinkFailed& in);
  void close_session(NodeEntry& n);
  void open_session(NodeEntry& n, const api::Report& report);
  void run_links(NodeEntry& n);
  void send_put(NodeEntry& n);
  Duration put_pace();
  void send_poll(NodeEntry& n, bool identify);
  void back_off(Link& link, Duration least = {});
  void put_answered(NodeEntry& n, const Link& was, api::Report& report);
  void poll_answered(NodeEntry& n, const Link& was, api::Report& report);
  void touch(NodeEntry& n);
  void dial_now(NodeEntry& n);
  Duration poll_wait() const;

  // --- report.cc
  void apply_report(NodeEntry& n, api::Report& r);
  bool is_news(NodeEntry& n, const api::Report& r);
  void apply_status(NodeEntry& n, AttemptStatus& s);
  void apply_gone(NodeEntry& n, const AttemptKey& key, std::uint64_t generation);
  void apply_absences(NodeEntry& n, const api::Report& r);
  void tell_progress(TaskEntry& t, const AttemptStatus& before);

  // --- assign.cc
  void assign(TaskEntry& t, NodeEntry& n);
  void unassign(TaskEntry& t);    // out of its node's assignment; what it occupies stays counted
  void leave_node(TaskEntry& t);  // the present attempt has no node any more
  void changed(NodeEntry& n, const TaskId& id);  // a new generation, which differs in this task
  void hold(NodeEntry& n, const AttemptKey& key, TaskEntry& t, std::uint64_t dropped);
  void release(NodeEntry& n, const AttemptKey& key);
  api::Assignment assignment(const NodeEntry& n) const;

  // --- lease.cc
  api::LeaseGrant grant_lease(NodeEntry& n);
  Instant lease_over_at(const NodeEntry& n, const TaskEntry& t) const;
  Duration lease_wait(const TaskEntry& t) const;  // from when a lease was last renewed
  bool must_prove(const TaskEntry& t) const;
  bool may_live_on(const TaskEntry& t, const NodeEntry& n) const;
  Instant clear_at(const TaskEntry& t) const;
  bool is_clear(const TaskEntry& t) const { return clear_at(t) <= now_.mono; }
  bool should_wait(const TaskEntry& t) const;  // it has no node, or its node is lost for good
  void await_lease(TaskEntry& t);
  void check_lease(TaskEntry& t);
  void release_proven(TaskEntry& t);
  Instant next_lease_look(const TaskEntry& t) const;
  void leave_for_another(TaskEntry& t, const std::string& why);
  void avoid_leaseless(std::vector<scheduler::Avoided>& avoided) const;

  // --- reaper.cc
  void reap();
  void drop_container(TaskEntry& t);
  void erase_task(TaskEntry& t);
  void forget_old_keys();

  // --- sweep.cc
  void sweep();
  void sweep_some();
  bool sweep_waiting();
  bool sweep_task(TaskEntry& t);
  bool sweep_node(NodeEntry& n);

  // --- audit.cc
  std::vector<std::string> audit() const;
  void audit_task(const TaskEntry& t, std::vector<std::string>& out) const;
  void audit_node(const NodeEntry& n, std::map<TaskId, std::uint32_t>& held,
                  std::vector<std::string>& out) const;

  // --- events.cc
  void tell(std::string_view kind, TaskEntry& t, std::string text);
  void tell(std::string_view kind, const NodeEntry& n, std::string text);
  void tell(std::string_view kind, std::string text);
  void append(Event event);

  // --- reads.cc
  Result<const TaskEntry*> find_task(std::string_view ref) const;
  NodeEntry* find_node(std::string_view name_or_address);
  TaskEntry* entry(const TaskId& id);
  NodeEntry* entry(NodeNo no);
  Node view(const NodeEntry& n) const;
  Node figures(const NodeEntry& n) const;  // of its facts only the capacity

  void save(TaskEntry& t);
  void save(NodeEntry& n);

  Services services_{*this};
};

struct Manager::Impl : Core {
  using Core::Core;
};

}  // namespace cube::manager
