// Reports and polls, and the limits on what goes to the engine at once.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/worker/world.h"
#include "worker/records.h"

namespace cube::test {
namespace {

TaskId task_id(std::uint64_t n) {
  return TaskId(Uuid::from_random(n, n));
}

class Node {
 public:
  explicit Node(worker::Config config = {}) : world(std::move(config)) {
    world.on_effects = [this](const worker::Effects& effects) {
      for (const auto& reply : effects.replies) replies[reply.token] = reply;
      for (const auto& operation : effects.operations) {
        ++under_way[verb_of(operation)];
        ++sent[verb_of(operation)];
      }
      int work = 0;
      for (const char* verb : {"create", "start", "remove"}) work += under_way[verb];
      work_most = std::max(work_most, work);
      pulls_most = std::max(pulls_most, under_way["pull"]);
    };
    world.on_done = [this](const worker::Operation& operation) { --under_way[verb_of(operation)]; };
  }

  // Assigns tasks 1..count; task n has image "echo" or what `image` says.
  void assign(std::uint64_t count, std::function<std::string(std::uint64_t)> image = {}) {
    worker::PutAssignment put;
    put.token = ++token;
    put.assignment.cluster = "default";
    put.assignment.fence = {1, 1, ++generation};
    put.assignment.manager = ManagerId(Uuid::from_random(1, 1));
    for (std::uint64_t n = 1; n <= count; ++n) {
      api::AssignedTask task;
      task.id = task_id(n);
      task.attempt = attempt;
      task.spec.edit().name = fmt::format("t{}", n);
      task.spec.edit().image = image ? image(n) : "echo";
      put.assignment.tasks.push_back(std::move(task));
    }
    world.input(std::move(put));
  }

  // The engine is up, tasks 1..count are assigned and run: the full report.
  api::Report settle(std::uint64_t count) {
    world.engine_up();
    assign(count);
    world.advance(1s);
    return *poll(0, 0);
  }

  // Tells only what changed since generation `base`: task `come` is there as well, `gone` is not.
  const api::Report& change(std::uint64_t base, std::uint64_t come, std::uint64_t gone,
                            const api::Report& known) {
    worker::PutAssignment put;
    put.token = ++token;
    put.assignment.cluster = "default";
    put.assignment.fence = {1, 1, ++generation};
    put.assignment.manager = ManagerId(Uuid::from_random(1, 1));
    put.assignment.base = base;
    put.assignment.incarnation = known.incarnation;
    put.assignment.change = known.change;
    api::AssignedTask task;
    task.id = task_id(come);
    task.attempt = attempt;
    task.spec.edit().name = fmt::format("t{}", come);
    task.spec.edit().image = "echo";
    put.assignment.tasks.push_back(std::move(task));
    put.assignment.dropped = {task_id(gone)};
    world.input(std::move(put));
    return *report(token);
  }

  // Asks for a report after `change`; nothing while it is held.
  const api::Report* poll(std::uint64_t change, std::uint64_t incarnation, Duration wait = 5s) {
    world.input(worker::PollReport{++token, 1, 1, incarnation, change, wait});
    return report(token);
  }
  const api::Report* report(std::uint64_t of) const {
    const auto found = replies.find(of);
    return found == replies.end() ? nullptr : std::get_if<api::Report>(&found->second.body);
  }

  World world;
  std::map<std::uint64_t, worker::Reply> replies;
  std::map<std::string, int> under_way, sent;
  int work_most = 0, pulls_most = 0;
  std::uint64_t token = 0, generation = 0;
  std::uint32_t attempt = 1;  // of all that is assigned
};

TEST_CASE("a poll is held until something changes, or its time is over") {
  Node node;
  node.world.engine_up();
  node.assign(1);
  node.world.advance(1s);
  const api::Report* full = node.poll(0, 0);
  REQUIRE(full != nullptr);
  CHECK(full->base == 0);
  REQUIRE(full->attempts.size() == 1);
  CHECK(full->attempts[0].observed == Observed::running);
  const auto change = full->change;
  const auto incarnation = full->incarnation;

  CHECK(node.poll(change, incarnation) == nullptr);
  const auto held = node.token;
  node.world.input(worker::HostSampled{{{{"mem_free", 1}}, 0, 0, 0, 0, {}, 0, 0, 0, 0, 0, 0}, {}});
  CHECK(node.report(held) == nullptr);  // statistics alone are no news
  node.world.advance(4999ms);
  CHECK(node.report(held) == nullptr);
  node.world.advance(1ms);
  REQUIRE(node.report(held) != nullptr);
  CHECK(node.report(held)->attempts.empty());
  CHECK(node.report(held)->base == change);

  CHECK(node.poll(change, incarnation) == nullptr);
  node.world.input(worker::HostSampled{{}, {4000, 1 << 30, 0}});
  REQUIRE(node.report(node.token) != nullptr);  // what the machine can take is news
  CHECK(node.report(node.token)->node.capacity.cpu_milli == 4000);
}

TEST_CASE("who offers more than the machine has is told") {
  worker::Config config;
  config.capacity = {8000, 1LL << 30, 0};
  Node node(config);
  std::vector<std::string> notes;
  node.world.on_effects = [&](const worker::Effects& effects) {
    for (const auto& note : effects.notes)
      if (note.kind == "node.overcommitted") notes.push_back(note.text);
  };
  const auto sampled = [&] {
    node.world.input(worker::HostSampled{{}, {2000, 4LL << 30, 100LL << 30}});
  };
  sampled();
  const std::vector<std::string> told{
      "offers 8 CPUs, but the machine has 2: tasks will share what is there"};
  CHECK(notes == told);
  sampled();
  CHECK(notes == told);  // once
}

TEST_CASE("changes of the assignment are taken on top of the generation they name") {
  Node node;
  const api::Report before = node.settle(2);
  REQUIRE(before.takes_changes);
  REQUIRE(before.fence.generation == 1);

  const api::Report answer = node.change(1, 3, 1, before);
  CHECK(answer.fence.generation == 2);
  CHECK(answer.base == before.change);  // what came after, and nothing of task 2
  for (const AttemptStatus& s : answer.attempts) CHECK(s.key.task != task_id(2));
  node.world.advance(20s);
  const api::Report after = *node.poll(0, 0);
  REQUIRE(after.attempts.size() == 2);
  CHECK(after.attempts[0].key.task != task_id(1));
  CHECK(after.attempts[1].key.task != task_id(1));
}

TEST_CASE("changes to a generation that is not held do nothing, and the answer tells") {
  Node node;
  const api::Report before = node.settle(2);
  const api::Report answer = node.change(7, 3, 1, before);
  CHECK(answer.fence.generation == 1);
  node.world.advance(20s);
  const api::Report after = *node.poll(0, 0);
  CHECK(after.fence.generation == 1);
  REQUIRE(after.attempts.size() == 2);
  for (const AttemptStatus& s : after.attempts) CHECK(s.key.task != task_id(3));
}

TEST_CASE("only what changed is told; a change number of another process gets everything") {
  Node node;
  const api::Report first = node.settle(3);
  CHECK(first.attempts.size() == 3);

  node.assign(2);
  node.world.advance(1s);
  const api::Report* changes = node.poll(first.change, first.incarnation);
  REQUIRE(changes != nullptr);
  CHECK(changes->attempts.empty());
  REQUIRE(changes->gone.size() == 1);
  CHECK(changes->gone[0] == AttemptKey{task_id(3), 1});

  const api::Report* full = node.poll(first.change, first.incarnation + 2);
  REQUIRE(full != nullptr);
  CHECK(full->base == 0);
  CHECK(full->attempts.size() == 2);
  CHECK(full->gone.empty());
  const api::Report* ahead = node.poll(first.change + 1'000'000, first.incarnation);
  REQUIRE(ahead != nullptr);
  CHECK(ahead->base == 0);

  node.world.restart_worker();
  const api::Report* other = node.poll(first.change, first.incarnation);
  REQUIRE(other != nullptr);
  CHECK(other->incarnation != first.incarnation);
  CHECK(other->base == 0);
}

TEST_CASE("so many went that the difference cannot be told: everything is") {
  Node node;
  node.world.engine_up();
  const api::Report first = *node.poll(0, 0);
  for (int round = 0; round < 25; ++round) {
    node.assign(200);
    node.assign(0);
    ++node.attempt;
    node.world.advance(1s);
  }
  const api::Report* report = node.poll(first.change, first.incarnation);
  REQUIRE(report != nullptr);
  CHECK(report->base == 0);
  CHECK(report->attempts.empty());
}

TEST_CASE("the engine gets no more at once than it may, and everything gets its turn") {
  worker::Config config;
  config.engine_operations_max = 4;
  Node node(config);
  node.world.engine_up();
  for (const char* verb : {"create", "start", "remove"}) node.world.delays[verb] = 100ms;
  node.assign(50);
  node.world.advance(1min);
  CHECK(node.work_most == 4);
  CHECK(node.world.worker().running().size() == 50);
  CHECK(node.sent["create"] == 50);
  CHECK(node.sent["start"] == 50);
  node.assign(0);
  node.world.advance(1min);
  CHECK(node.work_most == 4);
  CHECK(node.world.engine.containers().empty());
}

TEST_CASE("one pull per image, few at once, and stops do not wait behind them") {
  Node node;
  node.world.engine_up();
  node.assign(5);
  node.world.delays["pull"] = 1min;
  node.assign(15, [](std::uint64_t n) { return n <= 5 ? "echo" : fmt::format("i{}", n % 5); });
  node.world.advance(1s);
  CHECK(node.under_way["pull"] == static_cast<int>(limits::engine_pulls_max));
  node.assign(4, [](std::uint64_t) { return "echo"; });
  node.world.advance(0s);
  CHECK(node.sent["stop"] == 1);
  CHECK(node.world.worker().running().size() == 4);
  node.assign(15, [](std::uint64_t n) { return n <= 5 ? "echo" : fmt::format("i{}", n % 5); });
  node.world.advance(5min);
  CHECK(node.pulls_most == static_cast<int>(limits::engine_pulls_max));
  CHECK(node.sent["pull"] == 5);
  CHECK(node.world.worker().running().size() == 15);
}

TEST_CASE("the progress of a pull is told, not too often") {
  Node node;
  node.world.engine_up();
  node.world.delays["pull"] = 1min;
  worker::OpId pull = 0;
  const auto record = node.world.on_effects;
  node.world.on_effects = [&](const worker::Effects& effects) {
    record(effects);
    for (const auto& operation : effects.operations) {
      if (verb_of(operation) == "pull") pull = operation.op;
    }
  };
  node.assign(1, [](std::uint64_t) { return "big"; });
  node.world.run();
  REQUIRE(pull != 0);
  const auto reason = [&] { return node.world.worker().tasks().at(0).status.reason; };
  CHECK(reason() == "pulling image big");
  node.world.input(worker::PullProgress{pull, "1 of 5 layers"});
  CHECK(reason() == "pulling image big: 1 of 5 layers");
  node.world.input(worker::PullProgress{pull, "2 of 5 layers"});
  CHECK(reason() == "pulling image big: 1 of 5 layers");
  node.world.advance(500ms);
  node.world.input(worker::PullProgress{pull, "3 of 5 layers"});
  CHECK(reason() == "pulling image big: 3 of 5 layers");
}

TEST_CASE("many attempts: a step costs what changed, not what there is") {
  Node node;
  node.world.engine_up();
  node.assign(600);
  node.world.advance(1min);
  CHECK(node.world.worker().running().size() == 600);
  const auto before = node.sent;
  node.world.advance(5min);
  for (const auto& [verb, count] : node.sent) {
    if (verb != "list") CHECK(count == before.at(verb));
  }
}

TEST_CASE("a store is of one worker in one cluster") {
  Node node;
  const auto load = [&](const char* name, const char* cluster) {
    worker::Config config;
    config.name = name;
    config.cluster = cluster;
    const auto& records = node.world.records;
    return worker::Worker::load(config, Rng(1), {records.begin(), records.end()});
  };
  const auto [name, cluster] = std::pair(node.world.config.name, node.world.config.cluster);
  CHECK(load(name.c_str(), cluster.c_str()).ok());
  for (const auto& loaded : {load("other", cluster.c_str()), load(name.c_str(), "other")}) {
    REQUIRE(!loaded.ok());
    CHECK(loaded.error().message == "this store is of worker " + name + " in cluster " + cluster +
                                        "; start with --name " + name + " --cluster " + cluster +
                                        ", or another --data-dir");
  }
  // A store from before names were written is taken over, and then bound.
  auto& record = node.world.records.at(worker::node_key());
  auto old = worker::decode_node(record).value();
  old.name.clear();
  old.cluster.clear();
  record = worker::encode(old);
  node.world.config.name = "other";
  node.world.restart_worker();
  CHECK(load("other", cluster.c_str()).ok());
  CHECK(!load(name.c_str(), cluster.c_str()).ok());
}

TEST_CASE("container names: one for each container, other clusters and nodes apart") {
  const AttemptKey key{task_id(1), 2};
  const std::string name = worker::container_name(key, 3, "default", "n1");
  CHECK(name.starts_with("cube-" + key.task.str() + "-a2-r3-"));
  CHECK(name != worker::container_name(key, 4, "default", "n1"));
  CHECK(name != worker::container_name(key, 3, "default", "n2"));
  CHECK(name != worker::container_name(key, 3, "other", "n1"));
  CHECK(name.size() <= 128);
}

}  // namespace
}  // namespace cube::test
