#include <doctest/doctest.h>

#include "api/codec.h"
#include "api/openapi.h"
#include "base/text.h"
#include "tests/api/random_task.h"
#include "tests/support/rounds.h"

namespace cube::api {
namespace {

constexpr int rounds = static_cast<int>(test::rounds(2000));

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(result).value();
}

void must(const Result<void>& result) {
  if (!result) FAIL(result.error().message);
}

TEST_CASE("a submission says what the spec says") {
  Rng rng(1);
  for (int i = 0; i < rounds; ++i) {
    TaskId id(rng.uuid());
    TaskSpec spec = random_spec(rng);
    must(validate(spec));
    Submission s = must(parse_submission(submission_json(id, spec)));
    CHECK(s.spec == spec);
    CHECK(s.id == id);
    CHECK(s.bare);
  }
}

TEST_CASE("a task read back is the task, and posting it again asks for the same") {
  Rng rng(2);
  for (int i = 0; i < rounds; ++i) {
    Task task = random_task(rng);
    std::string json = task_json(task);
    Task back = must(parse_task(json));
    CHECK(back == task);
    CHECK(back.wire_state() == task.wire_state());
    CHECK(must(parse_submission(json)).spec == task.spec);
    must(check_reply(Daemon::manager, "GET", "/tasks/{id}", 200, json));
    must(check_reply(Daemon::worker, "POST", "/tasks", 201, json));
    CHECK(must(parse_task(pretty(json))) == task);
  }
}

TEST_CASE("a list of tasks, also the empty one") {
  Rng rng(3);
  std::vector<Task> tasks;
  std::vector<const Task*> pointers;
  CHECK(tasks_json(pointers) == "[]");
  for (int i = 0; i < 20; ++i) tasks.push_back(random_task(rng));
  for (const Task& task : tasks) pointers.push_back(&task);
  std::string json = tasks_json(pointers);
  CHECK(must(parse_tasks(json)) == tasks);
  must(check_reply(Daemon::manager, "GET", "/tasks", 200, json));
  must(check_reply(Daemon::manager, "POST", "/tasks", 201, json));
}

TEST_CASE("the reason that is shown is the one that tells more") {
  Task task;
  task.status.observed = Observed::waiting;
  task.waits_for = "2 nodes: not ready";
  Task back = must(parse_task(task_json(task)));
  CHECK(back.reason() == "2 nodes: not ready");
}

TEST_CASE("an older manager's task is understood by its State alone") {
  struct {
    int state;
    WireState expected;
  } cases[] = {{0, WireState::pending},
               {1, WireState::scheduled},
               {2, WireState::running},
               {3, WireState::completed},
               {4, WireState::failed}};
  for (const auto& c : cases) {
    std::string json = R"({"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203","Name":"n","Node":"n1",)"
                       R"("RestartCount":2,"Newer":{"x":[1]},"State":)" +
                       std::to_string(c.state) + "}";
    if (c.state == 0) json.replace(json.find("n1"), 2, "");
    Task task = must(parse_task(json));
    CHECK(task.wire_state() == c.expected);
    CHECK(task.restart_count() == 2);
  }
}

TEST_CASE("an assignment") {
  Rng rng(4);
  for (int i = 0; i < 300; ++i) {
    Assignment a;
    a.cluster = "c \"é";
    a.manager = ManagerId(rng.uuid());
    a.fence = {rng.next(), rng.next(), rng.next()};
    for (std::uint64_t n = rng.below(4); n > 0; --n) {
      AssignedTask& task = a.tasks.emplace_back();
      task.id = TaskId(rng.uuid());
      task.attempt = static_cast<std::uint32_t>(rng.below(UINT32_MAX));
      task.run = rng.below(2) == 0;
      task.spec = random_spec(rng);
    }
    if (rng.below(2) == 0) {
      a.base = rng.next();
      a.incarnation = rng.next();
      a.change = rng.next();
      for (std::uint64_t n = rng.below(3); n > 0; --n) a.dropped.push_back(TaskId(rng.uuid()));
    }
    Assignment back = must(parse_assignment(assignment_json(a)));
    CHECK(back.base == a.base);
    CHECK(back.dropped == a.dropped);
    CHECK(std::pair(back.incarnation, back.change) == std::pair(a.incarnation, a.change));
    CHECK(back.cluster == a.cluster);
    CHECK(back.manager == a.manager);
    CHECK(back.fence == a.fence);
    CHECK(back.tasks == a.tasks);
  }
}

Report random_report(Rng& rng) {
  Report r;
  r.node.worker = WorkerId(rng.uuid());
  r.node.name = "n1";
  r.node.machine = "ABCD:1234";
  r.node.boot_id = "b";
  r.node.version = "0.1.0";
  r.node.platform = "linux/amd64";
  r.node.engine_ready = rng.below(2) == 0;
  r.node.engine_reason = r.node.engine_ready ? "" : "no answer in 10s";
  r.node.capacity = {4000, 1 << 30, 1LL << 40};
  r.node.labels = {{"disk", "ssd"}};
  r.fence = {rng.next(), rng.next(), rng.next()};
  r.incarnation = rng.next();
  r.base = rng.next();
  r.change = rng.next();
  r.task_count = 7;
  for (std::uint64_t n = rng.below(4); n > 0; --n)
    r.attempts.push_back(random_status(rng, {TaskId(rng.uuid()), 3}));
  for (std::uint64_t n = rng.below(4); n > 0; --n) r.gone.push_back({TaskId(rng.uuid()), 2});
  r.stats.memory_kb = {{"mem_total", 100}, {"mem_free", 1}, {"mem_available", 2},
                       {"buffers", 3},     {"cached", 4},   {"hugepages_total", 5}};
  r.stats.disk_all = 1LL << 50;
  r.stats.cpu["user"] = 12345;
  r.stats.load1 = 0.1;
  r.stats.processes_total = 99;
  return r;
}

TEST_CASE("a report") {
  Rng rng(6);
  for (int i = 0; i < 300; ++i) {
    Report r = random_report(rng);
    std::string json = report_json(r);
    Report back = must(parse_report(json));
    CHECK(back.node == r.node);
    CHECK(back.fence == r.fence);
    CHECK(back.incarnation == r.incarnation);
    CHECK(back.base == r.base);
    CHECK(back.change == r.change);
    CHECK(back.attempts == r.attempts);
    CHECK(back.gone == r.gone);
    CHECK(back.task_count == 7);
    CHECK(back.stats.memory_kb == r.stats.memory_kb);
    CHECK(back.stats.disk_all == r.stats.disk_all);
    CHECK(back.stats.cpu.at("user") == 12345);
    CHECK(back.stats.load1 == 0.1);
    CHECK(back.stats.processes_total == 99);
    must(check_reply(Daemon::worker, "GET", "/report", 200, json));
    must(check_reply(Daemon::worker, "PUT", "/assignment", 200, json));
  }
}

TEST_CASE("foreign bytes in a report do not spoil it") {
  Report r;
  AttemptStatus& s = r.attempts.emplace_back();
  s.reason = "exec: \xff\xfe\x01";
  Report back = must(parse_report(report_json(r)));
  CHECK(back.attempts.at(0).reason == "exec: \xEF\xBF\xBD\xEF\xBF\xBD\x01");
}

TEST_CASE("messages: unknown members are skipped, wrong and missing ones refused") {
  Report r;
  std::string json = report_json(r);
  json.insert(1, R"("Newer":{"a":[1,2]},)");
  CHECK(parse_report(json).ok());

  auto replaced = [](std::string text, std::string_view from, std::string_view to) {
    return text.replace(text.find(from), from.size(), to);
  };
  auto error = [](std::string_view text) {
    auto parsed = parse_report(text);
    return parsed ? "no error" : parsed.error().message;
  };
  CHECK(error(replaced(json, "\"Epoch\":0", "\"Epoch\":-1")) == "Epoch: must not be negative: -1");
  CHECK(error(replaced(json, "\"Epoch\":0", "\"Epoch\":1.0")) ==
        "Epoch: expected an integer, got 1.0");
  CHECK(error(replaced(json, "\"Epoch\":0", "\"Epoch\":null")) == "Epoch: is missing");
  CHECK(error(replaced(json, "\"Epoch\":0,", "")) == "Epoch: is missing");
  CHECK(error("{}") == "Epoch: is missing");
  CHECK(error("[]") == "expected an object, got a list");
  CHECK(error(replaced(json, "\"Gone\":[]", "\"Gone\":[{\"ID\":\"\"}]")) ==
        "Gone[0].Attempt: is missing");

  Assignment a;
  std::string without = replaced(assignment_json(a), ",\"Tasks\":[]", "");
  auto parsed = parse_assignment(without);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().message == "Tasks: is missing");
}

TEST_CASE("no prefix of a message is a message, and none crashes") {
  Rng rng(8);
  std::string report = report_json(random_report(rng));
  for (std::size_t n = 0; n < report.size(); ++n)
    CHECK_FALSE(parse_report(std::string_view(report).substr(0, n)).ok());
  std::string task = task_json(random_task(rng));
  for (std::size_t n = 0; n < task.size(); ++n)
    CHECK_FALSE(parse_task(std::string_view(task).substr(0, n)).ok());
}

TEST_CASE("mutated bodies are answered, never crash") {
  constexpr int mutations = static_cast<int>(test::rounds(20'000));
  Rng rng(9);
  int refused = 0;
  for (int i = 0; i < mutations; ++i) {
    std::string json = task_json(random_task(rng));
    for (std::uint64_t n = rng.below(3) + 1; n > 0; --n) {
      static constexpr std::string_view signs = "{}[]\",:0129-.eE nulltrue\\";
      json[rng.below(json.size())] = signs[rng.below(signs.size())];
    }
    bool was_array = false;
    if (!parse_submissions(json, was_array).ok()) ++refused;
    static_cast<void>(parse_task(json).ok());
  }
  CHECK(refused > mutations / 4);
}

TEST_CASE("a join") {
  Rng rng(7);
  Join join{"default", "n1", WorkerId(rng.uuid()), ":5556"};
  Join back = must(parse_join(join_json(join)));
  CHECK(back.cluster == "default");
  CHECK(back.name == "n1");
  CHECK(back.worker == join.worker);
  CHECK(back.address == ":5556");
  auto half = parse_join(R"({"Name":"n1"})");
  REQUIRE_FALSE(half.ok());
  CHECK(half.error().message == "Cluster: is missing");
}

TEST_CASE("a node, with the contract's units") {
  NodeView node;
  node.name = node.info.name = "n1";
  node.ip = "10.0.0.1";
  node.api = "http://10.0.0.1:5556";
  node.state = "ready";
  node.info.capacity = {4000, 8LL << 30, 1LL << 40};
  node.reserved = {1500, 1LL << 30, 1 << 20};
  node.info.labels = {{"disk", "ssd"}};
  node.info.engine_ready = true;
  node.task_count = 3;
  node.last_heard = {1'700'000'000'000'000};
  std::string json = node_json(node);
  CHECK(json.find("\"Memory\":8388608,\"MemoryAllocated\":1048576,\"Disk\":1099511627776,"
                  "\"DiskAllocated\":1048576,") != std::string::npos);
  NodeView back = must(parse_node(json));
  CHECK(back.name == "n1");
  CHECK(back.info == node.info);
  CHECK(back.reserved == node.reserved);
  CHECK(back.task_count == 3);
  CHECK(back.state == "ready");
  CHECK(back.last_heard == node.last_heard);
  CHECK(node_json(back) == json);
  CHECK(must(parse_nodes(nodes_json({node, node}))).size() == 2);
  must(check_reply(Daemon::manager, "GET", "/nodes", 200, nodes_json({node, NodeView{}})));
  must(check_reply(Daemon::manager, "GET", "/nodes/{name}", 200, json));
}

TEST_CASE("events") {
  Event event;
  event.revision = 7;
  event.at = {1'700'000'000'000'001};
  event.kind = "task.running";
  event.task = *TaskId::parse("bb1d59ef-9fc1-4e4b-a44d-db571eeed203");
  event.name = "web";
  event.node = "n1";
  event.attempt = 2;
  event.restart = 1;
  event.text = "runs \"at last\"";
  CHECK(must(parse_event(event_json(event))) == event);
  Event bare;
  bare.kind = "node.lost";
  CHECK(must(parse_events(events_json({event, bare}))) == std::vector<Event>{event, bare});
  must(check_reply(Daemon::manager, "GET", "/events", 200, events_json({event, bare})));
}

TEST_CASE("stats are objects, never null, whatever is known") {
  std::string json = stats_json({}, 3);
  must(check_reply(Daemon::worker, "GET", "/stats", 200, json));
  CHECK(json.find("null") == std::string::npos);
  CHECK(json.find("\"TaskCount\":3") != std::string::npos);
  CHECK(json.find("\"CpuStats\":{\"id\":\"cpu\",") != std::string::npos);
}

TEST_CASE("errors, there and back") {
  std::string json = error_json(400, "Task.Cpu: must not be negative: -1");
  CHECK(json == R"({"HTTPStatusCode":400,"Message":"Task.Cpu: must not be negative: -1"})");
  CHECK(error_message(json) == "Task.Cpu: must not be negative: -1");
  CHECK(error_message("<html>\x1b[31mBad\xff") == "<html>\xEF\xBF\xBD[31mBad\xEF\xBF\xBD");
  CHECK(error_message(R"({"Message":7})") == R"({"Message":7})");
  CHECK(error_message("").empty());
  CHECK(error_message(std::string(9999, 'x')).size() < 500);
  CHECK(error_message(R"({"Message":"two\nlines"})") == "two lines");
  must(check_reply(Daemon::manager, "POST", "/tasks", 400, json));
  must(check_reply(Daemon::manager, "GET", "/tasks", 500, json));
}

TEST_CASE("pretty: two spaces, numbers as they were written") {
  CHECK(pretty(R"({"a":[1,2.50,18446744073709551616,{}],"b":{"c":null},"d":[],"e":"\u00e9\n"})") ==
        "{\n  \"a\": [\n    1,\n    2.50,\n    18446744073709551616,\n    {}\n  ],\n"
        "  \"b\": {\n    \"c\": null\n  },\n  \"d\": [],\n  \"e\": \"é\\n\"\n}");
  CHECK(pretty("not json") == "not json");
}

}  // namespace
}  // namespace cube::api
