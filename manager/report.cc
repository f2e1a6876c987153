// What a worker said, applied to what is known.

#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "manager/impl.h"
#include "task/exit_words.h"

namespace cube::manager {
namespace {

// Is the container up, or on its way up? (Not: over, or waiting to be started again.)
bool is_up(Observed o) {
  return o != Observed::exited && o != Observed::waiting && o != Observed::lost;
}

bool has_run(Observed o) {
  return o == Observed::running || o == Observed::stopping || o == Observed::exited;
}

// May `news` replace `known`, about the same attempt? A container that ran is not before its run
// again: that would be an older word, or a worker that was restarted and has not looked yet.
bool is_forward(const AttemptStatus& known, const AttemptStatus& news) {
  if (known.observed == Observed::lost) return true;  // the manager's own word: it knew no better
  if (news.restart != known.restart) return news.restart > known.restart;
  if (known.observed == Observed::exited && known.final) return false;
  if (CUBE_PLANTED("run-backwards")) return true;
  return !has_run(known.observed) || has_run(news.observed);
}

// Why its container is followed by another. When the report skipped the end, the words are about
// what comes after it.
std::string why_again(const AttemptStatus& before, const AttemptStatus& now) {
  if (!is_up(now.observed) && !now.reason.empty()) return now.reason;
  const bool fell_ill = now.failure == Failure::unhealthy && before.health == Health::unhealthy;
  if (fell_ill && !before.reason.empty()) return before.reason;
  const std::string end = end_in_words(now);
  if (!end.empty()) return end;
  return now.reason.empty() ? before.reason : now.reason;
}

}  // namespace

void Core::apply_report(NodeEntry& n, api::Report& r) {
  ++counters_.reports;
  heard_from(n);
  if (!is_news(n, r)) {
    ++counters_.reports_ignored;
    return refresh(n);
  }
  n.lease_stamp = r.lease_stamp;
  n.stamp_heard = now_.mono;
  n.stats = std::move(r.stats);
  take_info(n, r.node);
  services_.usage_reported(n, r.usage);
  for (AttemptStatus& s : r.attempts) apply_status(n, s);
  for (const AttemptKey& key : r.gone) apply_gone(n, key, r.fence.generation);
  if (r.base == 0) {
    apply_absences(n, r);
    heard_all_of(n);
  }
  refresh(n);
}

bool Core::is_news(NodeEntry& n, const api::Report& r) {
  if (CUBE_PLANTED("apply-an-old-report")) return true;
  if (r.incarnation == n.incarnation) {
    if (r.change < n.change) {  // the other call's answer was faster
      // It told changes only; what a full report says by leaving it out must be asked for again.
      if (r.base == 0) n.incarnation = n.change = 0;
      return false;
    }
    if (r.base > n.change) {  // something between is missing: ask for everything
      n.incarnation = n.change = 0;
      return false;
    }
  } else {
    if (r.incarnation == n.last_incarnation) return false;  // a process that is gone
    if (r.base != 0) {
      n.incarnation = n.change = 0;
      return false;
    }
    n.last_incarnation = n.incarnation;
    n.incarnation = r.incarnation;
  }
  n.change = r.change;
  return true;
}

void Core::apply_status(NodeEntry& n, AttemptStatus& s) {
  TaskEntry* t = entry(s.key.task);
  if (t == nullptr) return;  // forgotten long ago; the assignment lacks it, so the node removes it
  const bool over = s.observed == Observed::exited && s.final;
  const bool present = t->node == &n && t->task.attempt == s.key.attempt;
  if (!present || t->task.desired == Desired::stop) {
    // Not wanted there any more: only the room it takes matters, until it is gone.
    if (!over) hold(n, s.key, *t, n.generation);
    return;
  }
  if (t->task.is_terminal() || !is_forward(t->task.status, s)) return;
  if (t->task.status == s) return;
  leave_queue(*t);
  const AttemptStatus before = std::exchange(t->task.status, std::move(s));
  t->task.waits_for.clear();
  save(*t);
  tell_progress(*t, before);
  if (over) {
    ended(*t);
  } else {
    consider_move(*t);
  }
  set_alarm(*t);
}

void Core::apply_gone(NodeEntry& n, const AttemptKey& key, std::uint64_t generation) {
  const auto held = n.holdings.find(key);
  if (held == n.holdings.end()) return;
  const Holding& h = held->second;
  if (h.dropped != 0 && generation >= h.dropped) return release(n, key);
  // It is still assigned, or the worker has yet to learn that it is not: say so (again), and have
  // it tell everything then.
  n.incarnation = n.change = 0;
  if (h.dropped == 0 && generation >= h.since) {
    n.base = 0;  // in full
    changed(n, key.task);
    back_off(n.put, 1s);
  }
}

void Core::apply_absences(NodeEntry& n, const api::Report& r) {
  std::vector<AttemptKey> told;
  for (const AttemptStatus& s : r.attempts) told.push_back(s.key);
  std::sort(told.begin(), told.end());
  std::vector<AttemptKey> absent;
  for (const auto& [key, h] : n.holdings) {
    // What it cannot know of yet is not missing.
    const std::uint64_t known_since = h.dropped != 0 ? h.dropped : h.since;
    if (r.fence.generation < known_since) continue;
    if (!std::binary_search(told.begin(), told.end(), key)) absent.push_back(key);
  }
  for (const AttemptKey& key : absent) apply_gone(n, key, r.fence.generation);
}

void Core::tell_progress(TaskEntry& t, const AttemptStatus& before) {
  const AttemptStatus& s = t.task.status;
  const bool over = s.observed == Observed::exited && s.final;
  const bool went_down = !is_up(s.observed) && before.observed == Observed::running;
  const bool began_anew = s.restart > before.restart && is_up(before.observed);
  if (!over && (went_down || began_anew)) tell("task.restarting", t, why_again(before, s));
  if (s.observed == Observed::running &&
      (before.observed != Observed::running || s.restart != before.restart)) {
    tell("task.running", t, "on " + t.task.node);
  }
  if (s.health == before.health) return;
  if (s.health == Health::healthy) tell("task.healthy", t, "its health check passes");
  if (s.health == Health::unhealthy) tell("task.unhealthy", t, s.reason);
}

}  // namespace cube::manager
