// The order in which effects leave a core: commit, then answer, then send; and what a failed commit
// undoes. Driven with a core that is a counter.

#include "daemon/core_loop.h"

#include <doctest/doctest.h>

#include <future>
#include <string>

#include "store/memory_store.h"

using namespace cube;
using namespace cube::daemon;

namespace {

struct Add {
  std::uint64_t token;  // 0: nobody waits
  int amount;
};
struct WakeUp {};
constexpr int slow_amount = 1000;  // takes as long as a batch may
struct CounterReply {
  std::uint64_t token;
  std::variant<int, Error> body;
};
struct CounterEffects {
  std::vector<store::Write> writes;
  std::vector<CounterReply> replies;
  std::vector<int> sends;
};

class Counter {
 public:
  explicit Counter(int value) : value_(value) {}
  void step(Now now, std::variant<Add, WakeUp> input, CounterEffects& effects) {
    if (std::holds_alternative<WakeUp>(input)) {
      ++wakes;
      wake = Instant::never();
      return;
    }
    const auto& add = std::get<Add>(input);
    value_ += add.amount;
    while (add.amount == slow_amount && read_clock().mono < now.mono + limits::step_batch_time) {
    }
    effects.writes.push_back(store::Write::put("v", std::to_string(value_)));
    if (add.token != 0) effects.replies.push_back({add.token, value_});
    effects.sends.push_back(value_);
    if (add.amount == 100) wake = now.mono + 1ms;
  }
  Instant next_wake() const { return wake; }
  int value() const { return value_; }

  int wakes = 0;
  Instant wake = Instant::never();

 private:
  int value_;
};

struct CounterTraits {
  using Core = Counter;
  using Input = std::variant<Add, WakeUp>;
  using Effects = CounterEffects;
  using Reply = CounterReply;
  using Wake = WakeUp;
};
using Loop = CoreLoop<CounterTraits>;

// A store that writes down when it commits, among the answers and sends.
class TracedStore final : public store::Store {
 public:
  Result<void> commit(std::span<const store::Write> writes) override {
    std::lock_guard lock(mutex);
    if (full) return Error{Code::no_space, "the disk is full"};
    trace += "commit ";
    for (const auto& write : writes) value = write.value;
    return {};
  }
  Result<void> scan(
      std::string_view,
      const std::function<Result<void>(std::string_view, std::string_view)>& visit) override {
    std::lock_guard lock(mutex);
    return value.empty() ? Result<void>() : visit("v", value);
  }
  Usage usage() const override { return {}; }

  std::mutex mutex;
  std::string trace, value;
  bool full = false;
};

struct World {
  TracedStore store;
  Log log{Log::Format::text, "test"};
  std::vector<std::uint64_t> generations;
  Loop loop{store,
            log,
            {[this]() -> Result<Counter> {
               int value = 0;
               CUBE_TRY(store.scan("", [&](std::string_view, std::string_view v) -> Result<void> {
                 value = std::stoi(std::string(v));
                 return {};
               }));
               return Counter(value);
             },
             [this](CounterEffects& effects, std::uint64_t) {
               std::lock_guard lock(store.mutex);
               for (std::size_t i = 0; i < effects.sends.size(); ++i) store.trace += "send ";
             },
             [this](std::uint64_t generation) { generations.push_back(generation); }}};

  std::variant<int, Error> add(int amount) {
    std::promise<std::variant<int, Error>> answer;
    loop.ask(
        [&](std::uint64_t token) {
          return Add{token, amount};
        },
        [&](std::variant<int, Error> body) {
          {
            std::lock_guard lock(store.mutex);
            store.trace += "answer ";
          }
          answer.set_value(std::move(body));
        });
    return answer.get_future().get();
  }
  template <class F>
  auto read(F f) {
    std::promise<decltype(f(std::declval<const Counter&>()))> result;
    loop.read([&](const Counter& core) { result.set_value(f(core)); });
    return result.get_future().get();
  }
};

}  // namespace

TEST_CASE("a step is committed, then answered, then sent") {
  World world;
  REQUIRE(world.loop.start().ok());
  CHECK(std::get<int>(world.add(5)) == 5);
  CHECK(world.read([](const Counter& core) { return core.value(); }) == 5);
  world.loop.stop();
  CHECK(world.store.trace == "commit answer send ");
}

TEST_CASE("a full disk undoes the batch, tells those who wait, and the daemon goes on") {
  World world;
  REQUIRE(world.loop.start().ok());
  CHECK(std::get<int>(world.add(5)) == 5);
  {
    std::lock_guard lock(world.store.mutex);
    world.store.full = true;
  }
  const auto refused = world.add(7);
  REQUIRE(std::holds_alternative<Error>(refused));
  CHECK(std::get<Error>(refused).code == Code::no_space);
  CHECK(world.read([](const Counter& core) { return core.value(); }) == 5);
  CHECK(!world.read([&](const Counter&) { return world.loop.stores(); }));

  SUBCASE("callers are told at once, and reads go on, while the disk stays full") {
    const auto began = read_clock().mono;
    int reads = 0;
    for (int tries = 0; tries < 3; ++tries) {
      CHECK(std::holds_alternative<Error>(world.add(1)));
      // The core rests after the second refusal; hundreds of reads fit into the time.
      for (int i = 0; i < 100; ++i)
        reads += world.read([](const Counter& core) { return core.value(); }) == 5;
    }
    CHECK(reads == 300);
    CHECK(read_clock().mono - began >= 1s);  // at most one reload a second, all the same
  }
  SUBCASE("what a core before it began means nothing to this one") {
    world.loop.post(Add{0, 500}, 1);
    CHECK(world.read([](const Counter& core) { return core.value(); }) == 5);
  }
  {
    std::lock_guard lock(world.store.mutex);
    world.store.full = false;
  }
  CHECK(std::get<int>(world.add(1)) == 6);
  CHECK(world.read([&](const Counter&) { return world.loop.stores(); }));
  world.loop.stop();
  for (std::size_t i = 0; i < world.generations.size(); ++i) CHECK(world.generations[i] == i + 1);
  CHECK(world.generations.size() >= 2);
}

TEST_CASE("the core is woken when its time has come") {
  World world;
  REQUIRE(world.loop.start().ok());
  (void)world.add(100);
  const auto deadline = read_clock().mono + 10s;
  while (world.read([](const Counter& core) { return core.wakes; }) == 0) {
    REQUIRE(read_clock().mono < deadline);
  }
  CHECK(world.read([](const Counter& core) { return core.wakes; }) == 1);
}

TEST_CASE("a batch is short, so that those who read wait for little of what is queued") {
  World world;
  REQUIRE(world.loop.start().ok());
  std::promise<void> go;
  world.loop.read([&](const Counter&) { go.get_future().wait(); });
  for (int i = 0; i < 3; ++i) world.loop.post(Add{0, slow_amount}, 1);
  go.set_value();
  CHECK(std::get<int>(world.add(1)) == 3 * slow_amount + 1);
  world.loop.stop();
  CHECK(world.store.trace == "commit send commit send commit send commit answer send ");
}

TEST_CASE("many callers at once: every one is answered, in one order") {
  World world;
  REQUIRE(world.loop.start().ok());
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 200; ++n) CHECK(std::holds_alternative<int>(world.add(1)));
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(world.read([](const Counter& core) { return core.value(); }) == 1600);
}
