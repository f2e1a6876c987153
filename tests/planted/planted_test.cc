// The checkers are checked: with each planted fault (base/planted.h) the simulator must fail within
// a bounded number of seeds. Says how many each took, and what it found.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/planted.h"
#include "sim/batch.h"

namespace cube::sim {
namespace {

struct Planted {
  std::string_view name;
  std::string_view what;
  std::uint64_t within;    // seeds
  bool exclusive = false;  // all tasks are, and the engine is one that a lease can rest on
  bool services = false;   // there are some, and ingresses
};

constexpr Planted faults[] = {
    {"answer-before-commit", "a reply leaves before its commit", 20},
    {"forget-the-key", "an idempotency key is not kept", 20},
    {"lose-a-stop", "a stop is answered, and not recorded", 20},
    {"forget-the-tombstone", "a stopped task is forgotten before its node says it is gone", 20},
    {"release-twice", "a reservation is released twice", 20},
    {"apply-an-old-report", "the order of reports is not looked at", 400},
    {"run-backwards", "a container's states may go back", 400},
    {"reuse-the-attempt", "a new placement gets the number of the one before", 50},
    {"reuse-the-epoch", "a restarted manager keeps its epoch", 20},
    {"reuse-revisions", "a restarted manager counts its events anew", 20},
    {"believe-the-call", "a sent assignment counts as accepted", 100},
    {"ignore-the-fence", "a worker obeys an old assignment", 200},
    {"keep-what-is-not-meant", "a worker keeps what is no longer assigned", 20},
    {"start-without-looking", "a worker makes containers without looking for existing ones", 20},
    {"gone-without-looking", "a worker says gone before it has seen what runs", 400},
    {"reuse-the-restart", "a restarted container gets the number of the one before", 20},
    {"record-the-start-late", "a start is written down some time after it was made", 1000},
    {"take-all-for-ours", "a worker takes another worker's containers for its own", 100},
    {"ignore-the-lease", "the manager does not wait for an exclusive task's lease", 50, true},
    {"forget-leases-at-start", "a restarted manager takes it that nobody has a lease", 1000, true},
    {"lease-from-the-poll", "a lease counts from when its renewal arrives", 100, true},
    {"keep-without-a-lease", "a worker does not stop what is exclusive without one", 50, true},
    {"start-without-a-lease", "a worker starts what is exclusive without one", 50, true},
    {"no-guard", "nobody stops what is exclusive when the worker is dead", 100, true},
    {"full-and-alive", "a worker that cannot write is taken for one that acts", 400, true},
    {"two-for-a-slot", "an empty slot gets two replicas", 20, false, true},
    {"retire-before-ready", "a replica goes before the one in its place is ready", 50, false, true},
    {"ignore-the-parallelism", "an update exchanges all slots at once", 100, false, true},
    {"route-the-unready", "the routes list what runs and is not healthy", 50, false, true},
    {"route-what-drains", "the routes list a replica that is being drained", 50, false, true},
    {"stop-before-drained", "a retired replica's requests are not waited for", 50, false, true},
    {"keep-rules-to-itself", "new rules of an ingress are no new table", 100, false, true},
};

// All tasks are, and what shows it comes about more often.
void make_exclusive(Options& options) {
  options.exclusive = 1000;
  options.op_delay_max = std::min<Duration>(options.op_delay_max, 200ms);
  for (const Fault f : {Fault::manager_crash, Fault::worker_crash, Fault::worker_no_space,
                        Fault::cut, Fault::slow_way}) {
    options.faults |= 1U << static_cast<unsigned>(f);
  }
}

// There are some, and ingresses that use them.
void add_services(Options& options) {
  options.services = std::max(options.services, 2U);
  options.ingresses = std::max(options.ingresses, 1U);
}

// The seeds until one fails; 0: none did.
std::uint64_t seeds_to_find(const Planted& planted, std::string& finding) {
  planted_fault = planted.name;
  std::uint64_t took = 0;
  for (std::uint64_t seed = 1; seed <= planted.within && took == 0; ++seed) {
    Options options = Options::draw(seed);
    if (planted.exclusive) make_exclusive(options);
    if (planted.services) add_services(options);
    const Outcome life = live(options, 0);
    if (life.findings.empty()) continue;
    took = seed;
    finding = life.findings.front();
  }
  planted_fault = {};
  return took;
}

TEST_CASE("every planted fault is found") {
  std::string table;
  std::set<std::string_view> names;
  const char* only = std::getenv("CUBE_PLANTED");  // one of them
  for (const Planted& planted : faults) {
    if (only != nullptr && planted.name != only) continue;
    CAPTURE(planted.name);
    CHECK(names.insert(planted.name).second);
    std::string finding;
    const std::uint64_t took = seeds_to_find(planted, finding);
    CHECK(took != 0);
    table += fmt::format("{:<24} {:>5} seeds  {}\n", planted.name,
                         took == 0 ? ">" + std::to_string(planted.within) : std::to_string(took),
                         finding);
  }
  CHECK((only != nullptr || names.size() >= 15));
  MESSAGE(table);
}

TEST_CASE("without a planted fault the same lives are good") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome life = live(Options::draw(seed), 0);
    CAPTURE(seed);
    CHECK(life.findings.empty());
  }
}

}  // namespace
}  // namespace cube::sim
