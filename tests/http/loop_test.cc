// The loop's thread, its order, and its timers.

#include "http/loop.h"

#include <doctest/doctest.h>

#include <thread>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

TEST_CASE("what one thread posts runs in order on the loop's thread") {
  Loop loop;
  std::vector<int> seen;
  std::atomic<int> elsewhere = 0;
  loop.post([&] { seen.push_back(-1); });  // before the start: it waits
  loop.start();
  for (int i = 0; i < 1000; ++i) {
    loop.post([&, i] {
      seen.push_back(i);
      if (!loop.on_loop_thread()) ++elsewhere;
    });
  }
  std::promise<void> done;
  loop.post([&] { done.set_value(); });
  done.get_future().wait();
  CHECK(!loop.on_loop_thread());
  CHECK(elsewhere == 0);
  REQUIRE(seen.size() == 1001);
  for (int i = 0; i < 1001; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i - 1);
}

TEST_CASE("many threads may post at once") {
  Loop loop;
  loop.start();
  int sum = 0;  // of the loop's thread
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) loop.post([&] { ++sum; });
    });
  }
  for (auto& thread : threads) thread.join();
  std::promise<void> done;
  loop.post([&] { done.set_value(); });
  done.get_future().wait();
  CHECK(sum == 4000);
}

TEST_CASE("timers fire once, in the order of their times, not before them") {
  Loop loop;
  loop.start();
  const auto start = std::chrono::steady_clock::now();
  std::string order;
  std::promise<void> done;
  const auto late = loop.after(60ms, [&] {
    order += "late";
    done.set_value();
  });
  const auto early = loop.after(10ms, [&] { order += "early "; });
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(order == "early late");
  CHECK(std::chrono::steady_clock::now() - start >= 60ms);
}

TEST_CASE("a destroyed timer never fires, from any thread or its own callback") {
  Loop loop;
  loop.start();
  std::atomic<int> fired = 0;
  std::unique_ptr<Loop::Timer> own;
  std::promise<void> own_done;
  {
    const auto cancelled = loop.after(30ms, [&] { ++fired; });
  }
  loop.post([&] { const auto cancelled = loop.after(0ms, [&] { ++fired; }); });
  loop.post([&] {
    own = loop.after(50ms, [&] {
      own.reset();
      own_done.set_value();
    });
  });
  REQUIRE(own_done.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(fired == 0);
}

TEST_CASE("after the end of the loop nothing runs and nothing breaks") {
  std::unique_ptr<Loop::Timer> timer;
  bool ran = false;
  {
    Loop loop;
    loop.start();
    timer = loop.after(1h, [&] { ran = true; });
    loop.stop();
    loop.post([&] { ran = true; });
    loop.stop();
  }
  timer.reset();
  CHECK(!ran);
}
