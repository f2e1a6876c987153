// The guard of exclusive tasks, with an engine in memory; and the page that it shares with the
// worker, which is another process here too: locks are between processes.

#include "daemon/guard.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <future>

#include "daemon/clock.h"
#include "daemon/guard_page.h"
#include "tests/daemon/support.h"
#include "tests/store/temp_directory.h"
#include "worker/labels.h"

namespace cube::daemon {
namespace {

using runtime::ContainerState;
using runtime::FakeRuntime;
using testing::eventually;
using Part = GuardPage::Part;

// A process that has the page as its worker, and marks itself alive until it is stopped or killed.
// Made before there are threads.
class OtherWorker {
 public:
  explicit OtherWorker(const std::string& path) : pid_(::fork()) {
    if (pid_ != 0) return;
    auto page = GuardPage::open(path, false);
    if (!page || !page->take(Part::worker)) ::_exit(1);
    const auto parent = ::getppid();
    while (::getppid() == parent) (*page)->worker_seen = read_lease_clock().us;
    ::_exit(0);
  }
  ~OtherWorker() { end(); }
  OtherWorker(const OtherWorker&) = delete;
  void stand_still() const { ::kill(pid_, SIGSTOP); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

struct Fixture {
  store::TempDirectory directory;
  std::string path = directory / "guard";
  GuardPage page = *GuardPage::open(path, true);
  Log log{Log::Format::text, "guard"};
  http::Loop loop;
  FakeRuntime engine{&loop};
  std::future<Result<void>> guard;

  Fixture() { engine.add_image("app"); }
  ~Fixture() { loop.stop(); }

  std::string make(const std::string& name, const std::string& node, bool exclusive, bool start) {
    runtime::ContainerConfig config;
    config.name = name;
    config.spec.image = "app";
    config.labels = {{std::string(worker::label_cluster), "c"},
                     {std::string(worker::label_node), node}};
    if (exclusive) config.labels[std::string(worker::label_exclusive)] = "true";
    std::promise<std::string> made;
    engine.create(config, [&](runtime::Outcome<std::string> outcome) {
      made.set_value(std::get<std::string>(outcome));
    });
    const std::string id = made.get_future().get();
    std::promise<void> started;
    if (!start) return id;
    engine.start(id, [&](const runtime::Outcome<runtime::Container>&) { started.set_value(); });
    started.get_future().wait();
    return id;
  }

  void start_guard() {
    guard = std::async(std::launch::async, [this] {
      GuardOptions options;
      options.page = path;
      options.cluster = "c";
      options.node = "n1";
      options.worker_silent_max = 300ms;
      options.look_every = 20ms;
      return run_guard(options, engine, loop, log, [] { return false; });
    });
  }
  bool ended() { return guard.wait_for(patience_of_a_guard) == std::future_status::ready; }
  static constexpr auto patience_of_a_guard = std::chrono::seconds(30);

  // "name:state", in the order of their making.
  std::string containers() const {
    std::string all;
    for (const auto& c : engine.containers()) {
      all += c.name + ":" + std::string(runtime::name(c.state)) + " ";
    }
    return all;
  }
};

TEST_CASE_FIXTURE(Fixture, "the guard without a worker: what is exclusive of its node ends") {
  loop.start();
  make("runs", "n1", true, true);
  make("made", "n1", true, false);
  make("elsewhere", "n2", true, true);
  make("other", "n1", false, true);
  const Instant until = read_lease_clock() + 400ms;
  page->lease_until = until.us;
  engine.fail_next(FakeRuntime::Op::stop, {runtime::EngineError::Kind::other, "not now"});
  engine.fail_next(FakeRuntime::Op::list, {runtime::EngineError::Kind::unavailable, "away"});
  start_guard();
  REQUIRE(eventually([&] { return page->guard_seen != 0; }));
  REQUIRE(ended());
  CHECK(read_lease_clock() >= until);
  CHECK(containers() == "runs:exited elsewhere:running other:running ");
  CHECK(guard.get().ok());
}

TEST_CASE_FIXTURE(Fixture, "the guard leaves a worker that lives alone, and not one that stands") {
  OtherWorker worker(path);
  REQUIRE(eventually([&] { return page.is_taken(Part::worker) && page->worker_seen != 0; }));
  loop.start();
  make("runs", "n1", true, true);
  start_guard();
  for (int looks = 0; looks < 5; ++looks) {
    const auto seen = page->guard_seen.load();
    REQUIRE(eventually([&] { return page->guard_seen != seen; }));
  }
  CHECK(engine.calls(FakeRuntime::Op::list) == 0);
  worker.stand_still();
  REQUIRE(eventually([&] { return containers() == "runs:exited "; }));
  // It does not end while there is a worker, who may go on.
  const auto seen = page->guard_seen.load();
  REQUIRE(eventually([&] { return page->guard_seen > seen; }));
  worker.end();
  REQUIRE(ended());
  CHECK(page->guard_seen == 0);
}

TEST_CASE_FIXTURE(Fixture, "the page: one worker at a time; times of another boot do not count") {
  {
    OtherWorker worker(path);
    REQUIRE(eventually([&] { return page.is_taken(Part::worker); }));
    CHECK(!page.take(Part::worker));
    CHECK(page.holder(Part::worker) > 0);
    CHECK(page.holder(Part::guard) == 0);
  }
  CHECK(page.take(Part::worker));
  page->lease_until = 17;
  CHECK(lease_kept_in(path) == Instant{17});
  std::memcpy(page->boot_id, "another", 8);
  CHECK(lease_kept_in(path) == Instant{});
  CHECK(lease_kept_in(directory / "none") == Instant{});
}

}  // namespace
}  // namespace cube::daemon
