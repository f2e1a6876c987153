// What the manager hears: full reports, and what changed since.

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "worker/impl.h"

namespace cube::worker {

void Worker::Impl::index_change(Attempt& a) {
  if (a.change != 0) changes.erase(a.change);
  // Attempts loaded from the store share no number: each is a change of its own.
  if (changes.contains(change)) ++change;
  a.change = change;
  changes.emplace(change, a.key);
}

// Everything (`since` == 0, or too long ago to tell the difference), or what came after `since`.
api::Report Worker::Impl::report(std::uint64_t since) const {
  api::Report out;
  out.node = info;
  out.fence = node.fence;
  out.incarnation = incarnation;
  out.change = change;
  out.takes_changes = true;
  out.stats = stats;
  out.usage = usage;
  if (config.keeps_lease) out.lease_stamp = static_cast<std::uint64_t>(now.lease_clock().us);
  out.task_count = static_cast<std::uint32_t>(std::count_if(
      attempts.begin(), attempts.end(), [](const auto& entry) { return !entry.second.is_over(); }));
  if (since > change || since < gone_floor) since = 0;
  out.base = since;
  for (auto it = changes.upper_bound(since); it != changes.end(); ++it) {
    out.attempts.push_back(attempts.at(it->second).status);
  }
  if (since == 0) return out;
  for (const auto& [when, key] : gone) {
    if (when > since) out.gone.push_back(key);
  }
  return out;
}

void Worker::Impl::on(PollReport& in) {
  // A stranger's epochs mean nothing here: who it is comes before how old it is.
  const ManagerId& manager = in.manager.is_nil() ? node.manager : in.manager;
  const std::string& cluster = in.cluster.empty() ? config.cluster : in.cluster;
  if (auto error = refusal_of_sender("the poll", manager, cluster)) {
    return reply(in.token, std::move(*error));
  }
  const api::Fence& fence = node.fence;
  if (std::pair(in.epoch, in.session) < std::pair(fence.epoch, fence.session)) {
    return reply(in.token,
                 Error{Code::conflict,
                       fmt::format("the poll is of epoch {}, session {}; this worker has accepted "
                                   "epoch {}, session {}",
                                   in.epoch, in.session, fence.epoch, fence.session)});
  }
  renew_lease(in);
  const std::uint64_t since = in.incarnation == incarnation ? in.change : 0;
  polls.push_back({in.token, in.epoch, in.session, since, now.mono + in.wait});
}

// Answers the polls that have news, whose time is over, or whose manager is no longer ours.
void Worker::Impl::answer_polls() {
  const std::pair accepted(node.fence.epoch, node.fence.session);
  std::erase_if(polls, [&](const ParkedPoll& poll) {
    if (std::pair(poll.epoch, poll.session) < accepted) {
      reply(poll.token,
            Error{Code::conflict, "a newer manager session has taken this worker over"});
      return true;
    }
    if (poll.base != 0 && poll.base == change && poll.until > now.mono) return false;
    reply(poll.token, report(poll.base));
    return true;
  });
}

// An operator may offer more than there is, and is told what that means.
void Worker::Impl::note_excess(const Resources& found) {
  const Resources& offered = config.capacity;
  const auto tell = [&](std::string_view what, std::string_view offer, std::string_view there) {
    note("node.overcommitted", fmt::format("offers {} {}, but the machine has {}: tasks will share "
                                           "what is there",
                                           offer, what, there));
  };
  if (found.cpu_milli != 0 && offered.cpu_milli > found.cpu_milli) {
    tell("CPUs", fmt::format("{:g}", static_cast<double>(offered.cpu_milli) / 1000),
         fmt::format("{:g}", static_cast<double>(found.cpu_milli) / 1000));
  }
  if (found.memory_bytes != 0 && offered.memory_bytes > found.memory_bytes)
    tell("of memory", format_bytes(offered.memory_bytes), format_bytes(found.memory_bytes));
  if (found.disk_bytes != 0 && offered.disk_bytes > found.disk_bytes)
    tell("of disk", format_bytes(offered.disk_bytes), format_bytes(found.disk_bytes));
}

void Worker::Impl::on(HostSampled& in) {
  if (machine == Resources{}) note_excess(in.machine);
  stats = std::move(in.stats);
  machine = in.machine;
  usage = std::move(in.usage);
}

NodeInfo Worker::Impl::make_info() const {
  NodeInfo out;
  out.worker = node.worker;
  out.name = config.name;
  out.machine = engine.info.id;
  out.boot_id = config.boot_id;
  out.version = config.version;
  out.platform = engine.info.platform;
  out.engine_ready = engine.state == Engine::State::ready;
  out.engine_reason = engine.reason;
  out.keeps_lease = config.keeps_lease;
  out.labels = config.labels;
  const auto or_else = [](std::int64_t configured, std::int64_t found) {
    return configured != 0 ? configured : found;
  };
  out.capacity.cpu_milli = or_else(config.capacity.cpu_milli, machine.cpu_milli);
  out.capacity.memory_bytes = or_else(config.capacity.memory_bytes, machine.memory_bytes);
  out.capacity.disk_bytes =
      or_else(config.capacity.disk_bytes, or_else(machine.disk_bytes, stats.disk_all));
  for (const auto& [key, a] : attempts) {
    if (a.origin != Origin::local || a.is_over()) continue;
    out.capacity -= {a.spec.cpu_milli, a.spec.memory_bytes, a.spec.disk_bytes};
  }
  out.capacity.cpu_milli = std::max<std::int64_t>(0, out.capacity.cpu_milli);
  out.capacity.memory_bytes = std::max<std::int64_t>(0, out.capacity.memory_bytes);
  out.capacity.disk_bytes = std::max<std::int64_t>(0, out.capacity.disk_bytes);
  return out;
}

// The machine's own statistics are no news; that it can take more or less is.
void Worker::Impl::update_info() {
  NodeInfo fresh_info = make_info();
  if (fresh_info == info) return;
  info = std::move(fresh_info);
  ++change;
}

}  // namespace cube::worker
