#pragma once
// Waiting for what runs on a loop's thread: outcomes of calls, and conditions, with a deadline.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace cube::runtime {

inline constexpr auto await_max = std::chrono::seconds(60);

// The outcome of the call that `begin` makes with the callback it is given.
template <class T, class Begin>
Outcome<T> await(Begin begin) {
  auto promise = std::make_shared<std::promise<Outcome<T>>>();
  auto future = promise->get_future();
  begin([promise](Outcome<T> outcome) { promise->set_value(std::move(outcome)); });
  REQUIRE(future.wait_for(await_max) == std::future_status::ready);
  return future.get();
}

// As await(), for a call that must succeed.
template <class T, class Begin>
T good(Begin begin) {
  auto outcome = await<T>(std::move(begin));
  if (const auto* error = std::get_if<EngineError>(&outcome)) FAIL(error->message);
  return std::get<T>(std::move(outcome));
}

// As await(), for a call that must fail.
template <class T, class Begin>
EngineError bad(Begin begin) {
  auto outcome = await<T>(std::move(begin));
  REQUIRE(std::holds_alternative<EngineError>(outcome));
  return std::get<EngineError>(std::move(outcome));
}

// Lines written on one thread, awaited on another.
class Transcript {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  // Waits until `holds` of all lines so far; false when it never does.
  bool wait(const std::function<bool(const std::vector<std::string>&)>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, await_max, [&] { return holds(lines_); });
  }
  bool wait_for(const std::string& line) {
    return wait([&](const std::vector<std::string>& lines) {
      return std::find(lines.begin(), lines.end(), line) != lines.end();
    });
  }
  std::string all() {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const std::string& line : lines_) out += line + "\n";
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

}  // namespace cube::runtime
