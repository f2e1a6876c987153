// Which call to which node, when.
//
// A session with a node goes: ask who is there (a poll that answers at once) -> PUT the assignment
// -> poll for ever, and PUT again when the assignment changed. At most one call of each kind is
// under way; while one is, changes only raise the generation, and the newest is sent after it.

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "base/text.h"
#include "manager/impl.h"

namespace cube::manager {
namespace {

constexpr Duration put_deadline = 10s;
constexpr Duration poll_slack = 5s;          // beyond the wait itself
constexpr Duration put_pace_per_node = 1ms;  // 1,000 a second, over all nodes
constexpr Duration put_window = 100ms;
constexpr std::uint32_t puts_unpaced_max = 100;  // in this window and the one before
constexpr Duration backoff_first = 100ms;
constexpr Duration backoff_max = 2s;

std::string_view name_of(LinkFailed::Kind kind) {
  switch (kind) {
    case LinkFailed::Kind::refused:
      return "connection refused";
    case LinkFailed::Kind::timeout:
      return "no answer in time";
    case LinkFailed::Kind::rejected:
      return "rejected";
    case LinkFailed::Kind::broken:
      return "connection broken";
  }
  CUBE_UNREACHABLE();
}

// Ends the call that was under way and says what it was.
Link finished(Link& link) {
  const Link was = link;
  link.call = 0;
  link.stale = false;
  return was;
}

void no_failure(Link& link) {
  link.backoff = {};
  link.retry = {};
}

}  // namespace

// To tell a node of one task or of ten costs nearly the same. So while much is to be told, a node
// that was just told something waits for its turn, which comes the later the more nodes there are:
// what gathers goes together.
Duration Core::put_pace() {
  const Duration span = now_.mono - puts_since_;
  if (span >= put_window) {
    puts_before_ = span < 2 * put_window ? puts_ : 0;
    puts_ = 0;
    puts_since_ = now_.mono;
  }
  if (++puts_ + puts_before_ <= puts_unpaced_max) return {};
  const auto nodes = static_cast<std::int64_t>(nodes_.size());
  return std::min(put_pace_per_node * nodes, config_.node_deadline / 2);
}

void Core::touch(NodeEntry& n) {
  if (n.touched) return;
  n.touched = true;
  touched_.push_back(n.no);
}

void Core::dial_now(NodeEntry& n) {
  no_failure(n.put);
  no_failure(n.poll);
  touch(n);
}

Duration Core::poll_wait() const {
  // Several answers must fit into half a deadline, or a quiet node would seem silent.
  return std::min(limits::report_poll_wait, config_.node_deadline / 4);
}

void Core::back_off(Link& link, Duration least) {
  link.backoff = std::clamp(link.backoff * 2, backoff_first, backoff_max);
  link.retry = now_.mono + std::max(link.backoff, least);
}

void Core::close_session(NodeEntry& n) {
  n.phase = Phase::closed;
  n.put.stale = n.poll.stale = true;
  touch(n);
}

void Core::open_session(NodeEntry& n, const api::Report& report) {
  CUBE_ASSERT(n.phase == Phase::closed);
  const bool is_new = n.worker.is_nil();
  n.worker = report.node.worker;
  directory_.file(n);
  take_info(n, report.node);
  if (is_new) tell("node.joined", n, n.address);
  if (n.lost) {
    n.lost = false;
    if (!n.settled) --unsettled_;
    n.settled = false;
    tell("node.returned", n, n.address);
    for (auto& [id, t] : n.assigned) leave_queue(*t);  // taken back, if it still runs it
  }
  n.session = ++sessions_;
  n.takes_changes = report.takes_changes;
  n.base = 0;
  n.edits.clear();
  n.dropped_at = 0;
  n.generation = 1;
  n.accepted = 0;
  n.incarnation = n.last_incarnation = n.change = n.lease_stamp = 0;
  for (auto& [key, h] : n.holdings) {
    h.since = 1;
    if (h.dropped != 0) h.dropped = 1;
  }
  n.phase = Phase::identified;
  if (n.refusal.empty()) heard_from(n);  // a PUT refused before must succeed first
  save(n);
  touch(n);
}

void Core::run_links(NodeEntry& n) {
  const Instant now = now_.mono;
  Instant next = Instant::never();
  const auto due = [&](const Link& link) {
    if (link.call != 0) return false;
    const Instant at = std::max(link.retry, link.paced);
    if (at > now) next = std::min(next, at);
    return at <= now;
  };
  switch (n.phase) {
    case Phase::closed:
      if (due(n.poll)) send_poll(n, true);
      break;
    case Phase::identified:
      if (due(n.put)) send_put(n);
      break;
    case Phase::live:
      if (n.generation != n.accepted && due(n.put)) send_put(n);
      if (due(n.poll)) send_poll(n, false);
      break;
  }
  if (!n.worker.is_nil() && !n.lost) {
    const Instant silent = silent_at(n);
    next = std::min(next, silent > now ? silent : lost_at(n));
    if (n.flapping.until > now) next = std::min(next, n.flapping.until);
  }
  if (next == n.alarm) return;
  if (!n.alarm.is_never()) node_alarms_.erase({n.alarm, n.no});
  n.alarm = next;
  if (!next.is_never()) node_alarms_.insert({next, n.no});
}

void Core::send_put(NodeEntry& n) {
  CUBE_ASSERT(n.put.call == 0);
  n.put.call = next_call_++;
  n.put.stale = false;
  n.put.generation = n.generation;
  if (CUBE_PLANTED("believe-the-call")) n.accepted = n.generation;
  n.put.paced = now_.mono + put_pace();
  fx_->sends.push_back(PutTo{n.no, n.put.call, n.address, assignment(n), put_deadline});
}

void Core::send_poll(NodeEntry& n, bool identify) {
  CUBE_ASSERT(n.poll.call == 0);
  n.poll.call = next_call_++;
  n.poll.stale = false;
  n.poll.identify = identify;
  const Duration wait = identify ? Duration{} : poll_wait();
  fx_->sends.push_back(
      PollFrom{n.no, n.poll.call, n.address, epoch_, identify ? sessions_ : n.session,
               identify ? 0 : n.incarnation, identify ? 0 : n.change, wait, wait + poll_slack,
               identify ? api::LeaseGrant{} : grant_lease(n), id_, config_.cluster});
}

void Core::take(LinkAnswered& in) {
  NodeEntry* n = entry(in.node);
  if (n == nullptr || in.call == 0) return;  // forgotten meanwhile
  const bool is_put = n->put.call == in.call;
  if (!is_put && n->poll.call != in.call) {
    ++counters_.reports_ignored;
    return;
  }
  const Link was = finished(is_put ? n->put : n->poll);
  touch(*n);
  if (was.stale) {
    ++counters_.reports_ignored;
    return;
  }
  if (is_put) {
    put_answered(*n, was, in.report);
  } else {
    poll_answered(*n, was, in.report);
  }
}

void Core::put_answered(NodeEntry& n, const Link& was, api::Report& report) {
  const api::Fence sent{epoch_, n.session, was.generation};
  const bool ours = report.fence.epoch == epoch_ && report.fence.session == n.session;
  if (!ours || report.fence < sent || report.node.worker != n.worker) {
    ++counters_.reports_ignored;
    n.base = 0;  // changes were told to one that holds something else
    back_off(n.put);
    return;
  }
  no_failure(n.put);
  n.refusal.clear();
  n.accepted = n.base = was.generation;
  std::erase_if(n.edits, [&](const auto& edit) { return edit.second <= was.generation; });
  n.phase = Phase::live;
  apply_report(n, report);
}

void Core::poll_answered(NodeEntry& n, const Link& was, api::Report& report) {
  const NodeNo no = n.no;
  if (was.identify) {
    if (identify(n, report.node)) {
      no_failure(n.poll);
      open_session(n, report);
      refresh(n);
    } else if (NodeEntry* still = entry(no); still != nullptr && !still->refusal.empty()) {
      back_off(still->poll, backoff_max);
    }
    return;
  }
  const bool ours = report.fence.epoch == epoch_ && report.fence.session == n.session;
  if (!ours || report.node.worker != n.worker) {
    // Its store is gone, or another worker sits there now: begin again by asking who it is.
    ++counters_.reports_ignored;
    n.trouble = "it does not know this session";
    close_session(n);
    back_off(n.poll);
    refresh(n);
    return;
  }
  no_failure(n.poll);
  apply_report(n, report);
}

void Core::take(LinkFailed& in) {
  NodeEntry* n = entry(in.node);
  if (n == nullptr || in.call == 0) return;
  const bool is_put = n->put.call == in.call;
  if (!is_put && n->poll.call != in.call) return;
  Link& link = is_put ? n->put : n->poll;
  const Link was = finished(link);
  touch(*n);
  if (was.stale) return;
  ++counters_.link_failures;
  if (is_put) n->base = 0;  // who knows what it holds now
  n->trouble = in.message.empty() ? std::string(name_of(in.kind)) : printable(in.message);
  back_off(link);
  if (in.kind == LinkFailed::Kind::rejected) {
    // A poll refused within a session may only mean that the session is over; an assignment or a
    // question refused means that the worker is not ours to have.
    back_off(n->poll, is_put || was.identify ? backoff_max : Duration{});
    if (is_put || was.identify) n->refusal = n->trouble;
    close_session(*n);
  }
  refresh(*n);
}

}  // namespace cube::manager
