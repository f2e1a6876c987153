// Many tasks: what they have in common is kept once, a step does a part at a time, and the records
// of earlier versions are taken over.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>

#include "manager/index.h"
#include "manager/kinds.h"
#include "manager/records.h"
#include "tests/manager/world.h"

using namespace cube;
using namespace cube::test;
using manager::Effects;
using manager::Manager;

namespace {

api::Submission submission(std::uint64_t n, const std::string& name) {
  api::Submission s;
  s.id = TaskId(Uuid::from_random(7, n));
  s.spec.name = name;
  s.spec.image = "echo";
  s.spec.cpu_milli = 10;
  s.spec.restart.kind = RestartPolicy::Kind::always;
  return s;
}

std::vector<api::Submission> submissions(std::uint64_t count) {
  std::vector<api::Submission> out;
  for (std::uint64_t n = 1; n <= count; ++n) out.push_back(submission(n, "web"));
  return out;
}

// A manager without nodes, and its records.
struct Alone {
  std::map<std::string, std::string> records;
  std::optional<Manager> manager;
  Now now{Instant{1'000'000}, WallTime{1'700'000'000'000'000}};
  manager::Token token = 0;

  Result<void> load() {
    auto loaded =
        Manager::load_from({}, Rng(1), [this](const manager::Visit& visit) -> Result<void> {
          for (const auto& [key, value] : records) CUBE_TRY(visit(key, value));
          return {};
        });
    if (!loaded.ok()) return std::move(loaded).error();
    manager.emplace(std::move(*loaded));
    step(manager::Wake{});
    return {};
  }
  Effects step(manager::Input input) {
    Effects fx;
    manager->step(now, std::move(input), fx);
    for (const store::Write& w : fx.writes) {
      if (w.kind == store::Write::Kind::put) {
        records[w.key] = w.value;
      } else {
        records.erase(w.key);
      }
    }
    CHECK(manager->audit().empty());
    return fx;
  }
  Effects submit(std::vector<api::Submission> items) {
    return step(manager::Submit{++token, std::move(items), ""});
  }
  std::size_t in_table(manager::Table table) const {
    std::size_t out = 0;
    for (const auto& [key, value] : records) out += key.front() == static_cast<char>(table) ? 1 : 0;
    return out;
  }
};

}  // namespace

TEST_CASE("equal specs are kept once, and go with their last task") {
  manager::Kinds kinds;
  const TaskSpec web = submission(1, "web").spec, db = submission(2, "db").spec;
  manager::TaskEntry a, b, c;
  kinds.add(kinds.of(web), a);
  kinds.add(kinds.of(web), b);
  kinds.add(kinds.of(db), c);
  CHECK(a.kind == b.kind);
  CHECK(a.kind != c.kind);
  CHECK(*kinds.of_record(encode(web)) == a.kind);
  CHECK(kinds.named("web").size() == 2);
  kinds.remove(a);
  CHECK(kinds.named("web") == std::vector<manager::TaskEntry*>{&b});
  kinds.remove(b);
  CHECK(kinds.named("web").empty());
  CHECK(kinds.known() == 1);
  CHECK(kinds.tasks() == 1);
  CHECK_FALSE(kinds.of_record("no record").ok());
}

TEST_CASE("tasks of one spec share it, also after a restart") {
  Alone a;
  REQUIRE(a.load().ok());
  a.submit(submissions(3));
  for (int life = 0; life < 2; ++life) {
    const auto tasks = a.manager->tasks();
    REQUIRE(tasks.size() == 3);
    CHECK(&*tasks[0]->spec == &*tasks[2]->spec);
    CHECK(tasks[0]->id == TaskId(Uuid::from_random(7, 1)));  // in the order of submission
    CHECK(a.manager->tasks_in(WireState::pending) == 3);
    REQUIRE(a.load().ok());
  }
}

TEST_CASE("records of earlier versions are taken over when they are written next") {
  Alone a;
  REQUIRE(a.load().ok());
  a.submit(submissions(3));
  std::map<std::string, std::string> old;
  for (const auto& [key, value] : a.records) {
    manager::Kinds kinds;
    if (key.front() == static_cast<char>(manager::Table::task)) {
      const auto task = manager::read_task(value, kinds);
      REQUIRE(task.ok());
      old[manager::old_task_key(task->task.id)] = value;
    } else {
      old[key] = value;
    }
  }
  a.records = old;
  REQUIRE(a.load().ok());
  CHECK(a.manager->tasks().size() == 3);
  CHECK(a.in_table(manager::Table::task_by_id) == 3);
  a.step(manager::Stop{++a.token, TaskId(Uuid::from_random(7, 2)).str()});
  CHECK(a.in_table(manager::Table::task_by_id) == 2);
  CHECK(a.in_table(manager::Table::task) == 1);
  REQUIRE(a.load().ok());
  CHECK(a.manager->tasks().size() == 3);
  CHECK(a.manager->tasks_in(WireState::completed) == 1);
}

TEST_CASE("a page of tasks says where the next one begins") {
  Alone a;
  REQUIRE(a.load().ok());
  a.submit(submissions(5));
  std::vector<const Task*> all;
  std::uint64_t next = 0;
  std::size_t pages = 0;
  do {
    const auto page = a.manager->tasks(next, 2);
    all.insert(all.end(), page.begin(), page.end());
    ++pages;
  } while (next != 0);
  CHECK(pages == 3);
  CHECK(all == a.manager->tasks());
}

TEST_CASE("a step places and checks a part; the next follow at once, until all is done") {
  World world;
  auto& worker = world.add_worker("n1", {1'000'000, 1LL << 40, 1LL << 40});
  world.config.workers = {worker.address};
  world.start_manager();
  world.run_for(5s);
  constexpr std::uint64_t count = 2 * limits::step_placements_max + 1;
  REQUIRE(world.submit(submissions(count)));
  CHECK(world.manager().counters().placed == limits::step_placements_max);
  CHECK(world.manager().next_wake() <= world.now());
  world.step(manager::Wake{});
  world.step(manager::Wake{});
  CHECK(world.manager().counters().placed == count);
  CHECK(world.manager().next_wake() > world.now());
  world.run_for(2min);
  CHECK(world.manager().tasks_in(WireState::running) == count);
  CHECK(world.manager().counters().sweeps_with_findings == 0);
  CHECK(world.problems.empty());
}

TEST_CASE("tasks are found by their ids, whatever came and went") {
  Rng rng(3);
  manager::TaskIndex index;
  std::map<TaskId, std::unique_ptr<manager::TaskEntry>> there;
  for (int i = 0; i < 20'000; ++i) {
    // Few ids, which differ in one byte only: they collide, and come again.
    Uuid uuid = Uuid::from_random(1, 1);
    uuid.bytes[rng.below(16)] = static_cast<std::uint8_t>(rng.below(20));
    const TaskId id(uuid);
    const auto known = there.find(id);
    REQUIRE(index.find(id) == (known == there.end() ? nullptr : known->second.get()));
    if (known != there.end()) {
      index.remove(*known->second);
      there.erase(known);
    } else {
      auto t = std::make_unique<manager::TaskEntry>();
      t->task.id = id;
      index.add(*t);
      there.emplace(id, std::move(t));
    }
    REQUIRE(index.size() == there.size());
  }
  for (const auto& [id, t] : there) CHECK(index.find(id) == t.get());
}
