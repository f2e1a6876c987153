#include "worker/reconcile.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "base/rng.h"
#include "tests/support/rounds.h"

namespace cube::worker {
namespace {

using runtime::ContainerState;

// What an operation does when all goes well, to what the worker sees.
void apply(Attempt& a, const Next& next) {
  Seen& seen = a.containers[next.restart];
  const bool is_current =
      next.restart == a.status.restart && a.want == Want::run && !a.status.final;
  const auto record_end = [&] {
    if (!is_current || is_live(seen.state) || seen.state == ContainerState::created) return;
    ++a.status.restart;
    a.backoff.stop_for = StopFor::nothing;
  };
  switch (next.verb) {
    case Verb::nothing:
      return;
    case Verb::inspect:
      seen.stale = a.unsure = false;
      if (seen.id.empty()) {
        a.containers.erase(next.restart);  // looked for by name, and not there
        return;
      }
      return record_end();
    case Verb::pull:
      a.needs_pull = false;
      if (seen.id.empty()) a.containers.erase(next.restart);
      return;
    case Verb::create:
      seen = {};
      seen.id = fmt::format("r{}", next.restart);
      return;
    case Verb::start:
      seen.state = ContainerState::running;
      return;
    case Verb::stop:
      seen.state = ContainerState::exited;
      return record_end();
    case Verb::remove:
      a.containers.erase(next.restart);
      return;
  }
}

Attempt random_attempt(Rng& rng) {
  Attempt a;
  a.key = a.status.key = {TaskId(rng.uuid()), 1};
  a.want = static_cast<Want>(rng.below(4));
  a.status.restart = static_cast<std::uint32_t>(rng.below(4));
  a.needs_pull = rng.below(3) == 0;
  a.unsure = rng.below(4) == 0;
  if (rng.below(4) == 0) {
    a.status.observed = Observed::exited;
    a.status.final = true;
  }
  if (rng.below(4) == 0 && !a.status.final) a.backoff.stop_for = StopFor::unhealthy;
  for (std::uint32_t restart = 0; restart <= a.status.restart; ++restart) {
    if (rng.below(2) == 0) continue;
    Seen seen;
    seen.id = fmt::format("r{}", restart);
    seen.state = static_cast<ContainerState>(rng.below(7));
    const bool ended = !is_live(seen.state) && seen.state != ContainerState::created;
    seen.stale = rng.below(3) == 0 || (ended && restart == a.status.restart && !a.status.final);
    seen.broken = seen.state == ContainerState::created && rng.below(3) == 0;
    a.containers.emplace(restart, std::move(seen));
  }
  return a;
}

std::size_t live(const Attempt& a) {
  std::size_t count = 0;
  for (const auto& [restart, seen] : a.containers) count += is_live(seen.state) ? 1 : 0;
  return count;
}

TEST_CASE("property: applied to the end, nothing is left to do and what is wanted is there") {
  Rng rng(20260101);
  for (int round = 0; round < static_cast<int>(test::rounds(20'000)); ++round) {
    CAPTURE(round);
    Attempt a = random_attempt(rng);
    int operations = 0;
    for (;;) {
      const Next next = next_operation(a, Instant{1}, false);
      if (next.verb == Verb::nothing) break;
      // Nothing is made or started next to something that may live.
      if (next.verb == Verb::create || next.verb == Verb::start) CHECK(live(a) == 0);
      apply(a, next);
      REQUIRE(++operations < 40);
    }
    CHECK(next_operation(a, Instant{1}, false) == Next{});
    if (a.want == Want::gone) CHECK(a.containers.empty());
    if (a.want == Want::keep) CHECK(live(a) == 0);
    if (a.want == Want::keep || a.want == Want::run) CHECK(a.containers.size() <= 1);
    if (a.want == Want::run && !a.status.final) CHECK(live(a) == 1);
    if (a.want == Want::run && a.status.final) CHECK(live(a) == 0);
  }
}

TEST_CASE("nothing while an operation, a pause, a pull or an older attempt is in the way") {
  Attempt a;
  CHECK(next_operation(a, Instant{1}, false) == Next{Verb::create, 0});
  CHECK(next_operation(a, Instant{1}, true) == Next{});
  Attempt busy = a;
  busy.doing = Doing{1, Verb::create, 0};
  CHECK(next_operation(busy, Instant{1}, false) == Next{});
  Attempt later = a;
  later.due = Instant{2};
  CHECK(next_operation(later, Instant{1}, false) == Next{});
  CHECK(next_operation(later, Instant{2}, false) == Next{Verb::create, 0});
  Attempt waiting = a;
  waiting.pulling = "echo";
  CHECK(next_operation(waiting, Instant{1}, false) == Next{});
  Attempt retrying = a;
  retrying.retry_at = Instant{2};
  CHECK(next_operation(retrying, Instant{1}, false) == Next{});
}

}  // namespace
}  // namespace cube::worker
