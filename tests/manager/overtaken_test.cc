// The answer to an assignment is a full report: what it leaves out is gone. When the answer to the
// poll, with changes only, arrives first, that must not be forgotten.

#include <doctest/doctest.h>

#include "manager/manager.h"

using namespace cube;

namespace {

constexpr std::uint64_t incarnation = 7;

struct Books {
  manager::Manager core;
  Instant time{1'000'000};
  manager::Effects fx{};
  api::Fence fence{};  // of the newest assignment

  static manager::Manager load() {
    manager::Config config;
    config.workers = {"n1:5556"};
    auto loaded = manager::Manager::load(config, Rng(1), {});
    REQUIRE(loaded.ok());
    return std::move(*loaded);
  }
  Books() : core(load()) { step(manager::Wake{}); }

  void step(manager::Input input) {
    time = time + 100ms;
    fx = {};
    core.step({time, WallTime{time.us}}, std::move(input), fx);
  }
  template <class Call>
  Call sent() const {
    for (const auto& send : fx.sends) {
      if (const auto* call = std::get_if<Call>(&send)) return *call;
    }
    FAIL("nothing of that kind was sent");
    return {};
  }
  api::Report report(std::uint64_t base, std::uint64_t change) const {
    api::Report r;
    r.node.worker = WorkerId(Uuid::from_random(3, 4));
    r.node.name = "n1";
    r.node.engine_ready = true;
    r.node.capacity = {4000, 1 << 30, 1 << 30};
    r.fence = fence;
    r.incarnation = incarnation;
    r.base = base;
    r.change = change;
    return r;
  }
  template <class Call>
  void answer(const Call& call, api::Report r) {
    step(manager::LinkAnswered{call.node, call.call, std::move(r)});
  }
};

}  // namespace

TEST_CASE("a stop is followed to its end though the answer was overtaken") {
  Books b;
  b.answer(b.sent<manager::PollFrom>(), b.report(0, 1));  // who is there
  auto put = b.sent<manager::PutTo>();
  b.fence = put.assignment.fence;
  b.answer(put, b.report(0, 1));
  auto poll = b.sent<manager::PollFrom>();

  api::Submission s;
  s.id = TaskId(Uuid::from_random(1, 2));
  s.spec.name = "web";
  s.spec.image = "echo";
  b.step(manager::Submit{1, {s}, ""});
  const auto lost = b.sent<manager::PutTo>();
  b.step(manager::Stop{2, s.id.str()});
  b.step(manager::LinkFailed{lost.node, lost.call, manager::LinkFailed::Kind::timeout, ""});
  b.time = b.time + 1s;
  b.step(manager::Wake{});
  put = b.sent<manager::PutTo>();  // without the task, which the worker never heard of
  CHECK(put.assignment.tasks.empty());
  b.fence = put.assignment.fence;

  b.answer(poll, b.report(1, 3));  // something else changed meanwhile
  poll = b.sent<manager::PollFrom>();
  b.answer(put, b.report(0, 2));
  b.answer(poll, b.report(3, 4));
  for (int i = 0; i < 3 && !b.core.task(s.id.str()).value()->is_terminal(); ++i) {
    poll = b.sent<manager::PollFrom>();
    b.answer(poll, b.report(poll.incarnation == incarnation ? poll.change : 0, 4));
  }
  CHECK(b.core.task(s.id.str()).value()->is_terminal());
}
