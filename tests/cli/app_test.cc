// The command line as a whole, against a manager that is none of ours.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "app_fixture.h"
#include "base/text.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

constexpr const char* kWeb = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";
constexpr const char* kDb = "bb1d0000-0000-4000-8000-000000000001";
constexpr const char* kTaskFile =
    R"({"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203","Name":"web","Image":"echo"})";

void runs_from(Task& task, int asked, int from) {
  task.attempt = 1;
  task.node = "n1";
  task.status.key = {task.id, 1};
  task.status.observed = asked < from ? Observed::starting : Observed::running;
}

void fails(Task& task) {
  runs_from(task, 0, 0);
  task.status.observed = Observed::exited;
  task.status.final = true;
  task.status.failure = Failure::exit;
  task.status.exit_code = 3;
  task.status.reason = "exit code 3";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE_FIXTURE(AppFixture, "run waits until the task has settled") {
  manager.script = [](Task& t, int asked) {
    runs_from(t, asked, 2);
    HostPort port;
    port.container.number = 7777;
    port.host_ip = "127.0.0.1";
    port.host_port = 8080;
    t.status.host_ports.assign(1, port);
  };
  standard_input = kTaskFile;
  const auto got = cube({"run", "-f", "-"});
  CHECK(got.code == exit_fine);
  CHECK(got.out == "web (bb1d59ef) is running on n1, http://127.0.0.1:8080\n");
  CHECK(has(got.err, "web (bb1d59ef): starting on n1\n"));
  CHECK(has(got.err, "web (bb1d59ef): running on n1\n"));
  CHECK(slept >= 1s);
  CHECK(slept < 2s);
}

TEST_CASE_FIXTURE(AppFixture, "run on a terminal rewrites its line and leaves none behind") {
  terminal = true;
  manager.script = [](Task& t, int asked) { runs_from(t, asked, 2); };
  standard_input = kTaskFile;
  const auto got = cube({"run", "-f", "-"});
  CHECK(got.code == exit_fine);
  CHECK(has(got.err, "starting on n1\n\x1b[1A\x1b[J"));
  CHECK(got.err.ends_with("\x1b[1A\x1b[J"));
}

TEST_CASE_FIXTURE(AppFixture, "run -q prints the ID and nothing else") {
  manager.script = [](Task& t, int asked) { runs_from(t, asked, 1); };
  standard_input = kTaskFile;
  const auto got = cube({"run", "-q", "-f", "-"});
  CHECK(got.code == exit_fine);
  CHECK(got.out == std::string(kWeb) + "\n");
  CHECK(got.err.empty());
}

TEST_CASE_FIXTURE(AppFixture, "run tells why a task failed and what it wrote last") {
  manager.script = [](Task& t, int) { fails(t); };
  manager.log_text = "starting up\ncannot \x1b[31mopen\x1b[0m x\n";
  standard_input = kTaskFile;
  const auto got = cube({"run", "-f", "-"});
  CHECK(got.code == exit_failed);
  CHECK(got.out.empty());
  CHECK(has(got.err, "cube: web (bb1d59ef) failed on n1: exit code 3\n"));
  CHECK(has(got.err, "\n  starting up\n"));
  CHECK_FALSE(has(got.err, "\x1b"));
  CHECK(manager.log_queries() == std::vector<std::string>{"tail=20;"});
}

TEST_CASE_FIXTURE(AppFixture, "run gives up at the time-out and says that the task stays queued") {
  manager.script = [](Task& t, int) { t.waits_for = "1 node: not ready"; };
  standard_input = kTaskFile;
  const auto got = cube({"run", "--timeout", "5s", "-f", "-"});
  CHECK(got.code == exit_not_converged);
  CHECK(has(got.err,
            "cube: web (bb1d59ef) does not run yet (Pending): 1 node: not ready; it stays "
            "queued, `cube stop bb1d59ef` ends it\n"));
  CHECK(slept >= 5s);
}

TEST_CASE_FIXTURE(AppFixture, "run does not wait for what no node can hold") {
  manager.script = [](Task& t, int) { t.waits_for = "1 node: x; no node is large enough"; };
  standard_input = kTaskFile;
  const auto got = cube({"run", "-f", "-"});
  CHECK(got.code == exit_not_converged);
  CHECK(slept < 3s);
}

TEST_CASE_FIXTURE(AppFixture, "run says what goes on when it is interrupted") {
  interrupt_after = 1s;
  standard_input = kTaskFile;
  const auto got = cube({"run", "-f", "-"});
  CHECK(got.code == exit_interrupted);
  CHECK(has(got.err, "it stays queued"));
}

TEST_CASE_FIXTURE(AppFixture, "run --detach, several tasks, and one that ends well") {
  standard_input = R"([{"Name":"a","Image":"x","ID":"00000000-0000-4000-8000-00000000000a"},
                       {"Name":"b","Image":"x","ID":"00000000-0000-4000-8000-00000000000b"}])";
  const auto detached = cube({"run", "--detach", "-f", "-"});
  CHECK(detached.code == exit_fine);
  CHECK(detached.out == "a (00000000) is submitted\nb (00000000) is submitted\n");
  manager.script = [](Task& t, int asked) {
    if (t.spec->name == "a") return runs_from(t, asked, 0);
    fails(t);
    t.status.failure = Failure::none;
  };
  const auto waited = cube({"run", "-f", "-"});
  CHECK(waited.code == exit_fine);
  CHECK(waited.out == "a (00000000) is running on n1\nb (00000000) has completed\n");
}

TEST_CASE_FIXTURE(AppFixture, "many tasks are asked for together") {
  standard_input = "[";
  for (char c = 'a'; c <= 'f'; ++c)
    standard_input += std::string(c == 'a' ? "" : ",") + R"({"Image":"x","Name":")" + c +
                      R"(","ID":"00000000-0000-4000-8000-00000000000)" + c + "\"}";
  standard_input += "]";
  manager.script = [](Task& t, int asked) { runs_from(t, asked, 1); };
  const auto got = cube({"run", "-f", "-"});
  CHECK(got.code == exit_fine);
  CHECK(std::ranges::count(got.out, '\n') == 6);
}

TEST_CASE_FIXTURE(AppFixture, "run from flags posts a task that reads back") {
  const auto got = cube({"run", "--image", "echo:1", "-p", "7777", "--name", "hi", "--detach"});
  CHECK(got.code == exit_fine);
  REQUIRE(manager.submitted().size() == 1);
  const auto posted = api::parse_submission(manager.submitted()[0].body);
  REQUIRE(posted.ok());
  CHECK(posted->spec.name == "hi");
  CHECK(posted->spec.image == "echo:1");
  CHECK_FALSE(posted->id.is_nil());
}

TEST_CASE_FIXTURE(AppFixture, "a submission that was cut is sent again under the same key") {
  manager.drop_submissions = 1;
  standard_input = kTaskFile;
  const auto got = cube({"run", "--detach", "-f", "-"});
  CHECK(got.code == exit_fine);
  const auto all = manager.submitted();
  REQUIRE(all.size() == 2);
  CHECK_FALSE(all[0].idempotency_key.empty());
  CHECK(all[0].idempotency_key == all[1].idempotency_key);
  CHECK(all[0].body == all[1].body);
}

TEST_CASE_FIXTURE(AppFixture, "a wrong file is told by its name and nothing is sent") {
  const auto dir = std::filesystem::temp_directory_path() / "cube-cli-test";
  std::filesystem::create_directories(dir);
  const std::string bad = dir / "bad.json", good = dir / "good.json";
  std::ofstream(bad) << R"({"Name":"x","Imagee":"y"})";
  std::ofstream(good) << kTaskFile;
  struct Case {
    std::string file, part;
  };
  for (const Case& c : {Case{"/nowhere/task.json", "cannot open: No such file"},
                        Case{dir, "cannot"}, Case{bad, "Imagee"}}) {
    const auto got = cube({"run", "-f", good, "-f", c.file});
    CAPTURE(got.err);
    CHECK(got.code == exit_usage);
    CHECK(got.err.starts_with("cube: " + c.file + ": "));
    CHECK(has(got.err, c.part));
    CHECK(std::ranges::count(got.err, '\n') == 1);
  }
  CHECK(manager.submitted().empty());
  std::filesystem::remove_all(dir);
}

TEST_CASE_FIXTURE(AppFixture, "what the manager refuses has the exit code of the reason") {
  standard_input = kTaskFile;
  manager.refuse_submissions_with = 400;
  const auto refused = cube({"run", "-f", "-"});
  CHECK(refused.code == exit_failed);
  CHECK(refused.err == "cube: standard input: Task.Image: must not be empty\n");
  manager.refuse_submissions_with = 409;
  CHECK(cube({"run", "-f", "-"}).code == exit_conflict);
  // It was reached: what it says counts.
  for (const int status : {503, 504}) {
    manager.refuse_submissions_with = status;
    const auto busy = cube({"run", "-f", "-"});
    CHECK(busy.code == exit_failed);
    CHECK(busy.err == "cube: Task.Image: must not be empty\n");
  }
}

TEST_CASE_FIXTURE(AppFixture, "a manager that is not there is exit code 7, for every command") {
  environment["CUBE_MANAGER"] = "127.0.0.1:1";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"},
                                                {"status", "web"},
                                                {"node"},
                                                {"stop", "web"},
                                                {"inspect", "web"},
                                                {"logs", "web"},
                                                {"events"},
                                                {"events", "-f"},
                                                {"status", "-w"},
                                                {"run", "--image", "x"},
                                                {"node", "forget", "n1", "--yes"}}) {
    const auto got = cube(words);
    CAPTURE(words.front());
    CHECK(got.code == exit_unreachable);
    CHECK(got.out.empty());
    CHECK(got.err.starts_with("cube: cannot reach the manager at 127.0.0.1:1: "));
    CHECK(std::ranges::count(got.err, '\n') == 1);
  }
}

TEST_CASE_FIXTURE(AppFixture, "stop says stopped when it is") {
  manager.add(kWeb, "web");
  manager.script = [](Task& t, int asked) {
    runs_from(t, 0, 0);
    if (t.desired == Desired::stop && asked > 2) t.status.observed = Observed::exited;
  };
  const auto got = cube({"stop", "web"});
  CHECK(got.code == exit_fine);
  CHECK(got.out == "web (bb1d59ef) stopped\n");
  CHECK(manager.stopped() == std::vector<std::string>{kWeb});
  CHECK(cube({"stop", "web"}).out == "web (bb1d59ef) was over already\n");
}

TEST_CASE_FIXTURE(AppFixture, "stop that takes too long is exit code 3") {
  manager.add(kWeb, "web");
  manager.script = [](Task& t, int) { runs_from(t, 0, 0); };
  const auto got = cube({"stop", "--timeout", "2s", "web"});
  CHECK(got.code == exit_not_converged);
  CHECK(got.out.empty());
  CHECK(has(got.err, "cube: web (bb1d59ef) is asked to stop but is not over yet on n1\n"));
  CHECK(cube({"stop", "--detach", "web"}).out == "web (bb1d59ef) is asked to stop\n");
}

TEST_CASE_FIXTURE(AppFixture, "stop on a node that is away says so") {
  manager.add(kWeb, "web");
  manager.script = [](Task& t, int) { runs_from(t, 0, 0); };
  manager.nodes.resize(1);
  manager.nodes[0].name = "n1";
  manager.nodes[0].reason = "no answer for 10s";
  const auto got = cube({"stop", "--timeout", "1s", "web"});
  CHECK(got.code == exit_not_converged);
  CHECK(has(got.err, "is asked to stop but is not over yet on n1: no answer for 10s\n"));
}

TEST_CASE_FIXTURE(AppFixture, "unknown and ambiguous names") {
  manager.add(kWeb, "web");
  manager.add(kDb, "db");
  for (const char* command : {"stop", "status", "inspect", "logs"}) {
    CAPTURE(command);
    const auto unknown = cube({command, "nosuch"});
    CHECK(unknown.code == exit_not_found);
    const bool tries_both = command == std::string("inspect");
    CHECK(unknown.err == (tries_both ? "cube: no task or node is called `nosuch`\n"
                                     : "cube: no task is called `nosuch`\n"));
    const auto ambiguous = cube({command, "bb1d"});
    CHECK(ambiguous.code == exit_conflict);
    CHECK(ambiguous.err ==
          "cube: `bb1d` is ambiguous: web (bb1d59ef) Pending, db (bb1d0000) Pending\n");
  }
  CHECK(manager.stopped().empty());
  const auto odd = cube({"status", "../nodes?x=\x1b"});
  CHECK(odd.code == exit_not_found);
  CHECK_FALSE(has(odd.err, "\x1b"));
}

TEST_CASE_FIXTURE(AppFixture, "status in every form") {
  manager.add(kWeb, "web");
  manager.add(kDb, "db");
  CHECK(cube({"status", "-q"}).out == "bb1d59ef\nbb1d0000\n");
  CHECK(cube({"status", "-q", "--no-trunc", "db"}).out == std::string(kDb) + "\n");
  CHECK(cube({"status", "-o", "name"}).out == "web\ndb\n");
  CHECK(cube({"status"}).out.starts_with("ID         NAME   CREATED   STATE     CONTAINERNAME"));
  const auto json = cube({"status", "-o", "json", "db"});
  const auto tasks = api::parse_tasks(json.out);
  REQUIRE(tasks.ok());
  REQUIRE(tasks->size() == 1);
  CHECK(tasks->front().spec->name == "db");
  const auto some = cube({"status", "-q", "web", "nosuch"});
  CHECK(some.code == exit_not_found);
  CHECK(some.out == "bb1d59ef\n");
}

TEST_CASE_FIXTURE(AppFixture, "status --watch appends what changed, and ends with Ctrl-C") {
  manager.add(kWeb, "web");
  manager.add(kDb, "db");
  manager.script = [](Task& t, int asked) {
    if (t.spec->name == "web" && asked >= 3) runs_from(t, 0, 0);
  };
  interrupt_after = 5s;
  const auto got = cube({"status", "--watch"});
  CHECK(got.code == exit_fine);
  CHECK(std::ranges::count(got.out, '\n') == 4);  // titles, two tasks, one change
  CHECK(has(got.out, "web    -         Running"));
}

TEST_CASE_FIXTURE(AppFixture, "status --watch -o json is one line per changed task") {
  manager.add(kWeb, "web");
  manager.add(kDb, "db");
  manager.script = [](Task& t, int asked) {
    if (t.spec->name == "web" && asked >= 3) runs_from(t, 0, 0);
  };
  interrupt_after = 5s;
  for (const bool on_terminal : {false, true}) {
    terminal = on_terminal;
    const auto got = cube({"status", "-w", "-o", "json"});
    CHECK(got.code == exit_fine);
    std::istringstream lines(got.out);
    std::vector<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
      const auto task = api::parse_task(line);
      REQUIRE(task.ok());
      seen.push_back(task->spec->name + " " + std::string(name(task->wire_state())));
    }
    const std::vector<std::string> on_change{"web Pending", "db Pending", "web Running"};
    const std::vector<std::string> settled{"web Running", "db Pending"};
    CHECK(seen == (on_terminal ? settled : on_change));
  }
}

api::NodeView node_of(const std::string& name, const std::string& worker) {
  api::NodeView n;
  n.name = n.info.name = name;
  n.state = "ready";
  n.info.worker = *WorkerId::parse(worker);
  return n;
}

constexpr const char* kWorkerA = "aaaa0000-0000-4000-8000-000000000001";
constexpr const char* kWorkerB = "bbbb0000-0000-4000-8000-000000000002";

TEST_CASE_FIXTURE(AppFixture, "a node is called by its name, its worker's ID, or a beginning") {
  manager.nodes = {node_of("web", kWorkerA), node_of("web-2", kWorkerB),
                   node_of("Mail", "cccc0000-0000-4000-8000-000000000003")};
  struct Case {
    std::string ref, found;  // empty: none
    int code = exit_fine;
    std::string message = "";
  };
  for (const Case& c : {Case{"web", "web"}, Case{"web-", "web-2"}, Case{kWorkerB, "web-2"},
                        Case{"aaaa", "web"}, Case{"BBBB0000", "web-2"}, Case{"mai", "Mail"},
                        Case{"we", "", exit_conflict, "cube: `we` is ambiguous: web, web-2\n"},
                        Case{"nosuch", "", exit_not_found, "cube: no node is called `nosuch`\n"}}) {
    CAPTURE(c.ref);
    const auto listed = cube({"node", "-q", c.ref});
    CHECK(listed.code == c.code);
    CHECK(listed.out == (c.found.empty() ? "" : c.found + "\n"));
    CHECK(listed.err == c.message);
    const auto inspected = cube({"inspect", "--type", "node", c.ref});
    CHECK(inspected.code == c.code);
    CHECK(has(inspected.out, "\"Name\": \"" + c.found + "\"") == !c.found.empty());
  }
}

TEST_CASE_FIXTURE(AppFixture, "a word that is nearly a node command is no mere unknown name") {
  manager.nodes = {node_of("web", kWorkerA)};
  const auto got = cube({"node", "dran", "web"});
  CHECK(got.code == exit_not_found);
  CHECK(has(got.err, "cube: no node is called `dran`; did you mean `cube node drain`?\n"));
}

TEST_CASE_FIXTURE(AppFixture, "inspect shows a task, else a node") {
  manager.add(kWeb, "web");
  manager.nodes = {node_of("web", kWorkerA), node_of("n1", kWorkerB)};
  CHECK(has(cube({"inspect", "web"}).out, kWeb));
  CHECK(has(cube({"inspect", "n1"}).out, kWorkerB));
  CHECK(has(cube({"inspect", "--type", "node", "web"}).out, kWorkerA));
  CHECK(cube({"inspect", "--type", "task", "n1"}).err == "cube: no task is called `n1`\n");
}

TEST_CASE_FIXTURE(AppFixture, "node --watch appends what changed, and --no-trunc shows IDs") {
  manager.nodes = {node_of("n1", kWorkerA), node_of("n2", kWorkerB)};
  CHECK(has(cube({"node", "--no-trunc"}).out, kWorkerB));
  interrupt_after = 2s;
  manager.on_nodes = [](std::vector<api::NodeView>& nodes, int asked) {
    nodes[0].last_heard.us = asked;  // no change worth a line
    if (asked >= 2) nodes[1].state = "lost";
  };
  const auto table = cube({"node", "-w"});
  CHECK(table.code == exit_fine);
  CHECK(std::ranges::count(table.out, '\n') == 4);  // titles, two nodes, one change
  CHECK(table.out.ends_with("lost\n"));
  const auto json = cube({"node", "-w", "-o", "json"});
  CHECK(std::ranges::count(json.out, '\n') == 2);
  CHECK(api::parse_node(json.out.substr(0, json.out.find('\n'))).ok());
  CHECK(cube({"node", "forget", "n1", "-w"}).code == exit_usage);
}

TEST_CASE_FIXTURE(AppFixture, "node") {
  api::NodeView n;
  n.name = "n1";
  n.state = "ready";
  manager.nodes = {n};
  CHECK(has(cube({"node"}).out, "\nn1     0              0            worker   0       ready\n"));
  CHECK(cube({"node", "-q"}).out == "n1\n");
  CHECK(cube({"node", "n7"}).code == exit_not_found);
  CHECK(api::parse_nodes(cube({"node", "-o", "json"}).out).ok());
  CHECK(has(cube({"inspect", "--type", "node", "n1"}).out, "\"Name\": \"n1\""));
  CHECK(cube({"inspect", "--type", "node", "n7"}).code == exit_not_found);
}

TEST_CASE_FIXTURE(AppFixture, "a node is forgotten only by someone who is sure") {
  CHECK(cube({"node", "forget", "n1"}).code == exit_usage);
  terminal = true;
  standard_input = "n\n";
  CHECK(cube({"node", "forget", "n1"}).code == exit_failed);
  CHECK(manager.forgotten().empty());
  standard_input = "y\n";
  CHECK(cube({"node", "forget", "n1"}).out == "n1 is forgotten\n");
  CHECK(cube({"node", "forget", "n2", "--yes"}).code == exit_fine);
  CHECK(manager.forgotten() == std::vector<std::string>{"n1", "n2"});
}

TEST_CASE_FIXTURE(AppFixture, "logs pass as they are, and are made harmless on a terminal") {
  manager.add(kWeb, "web");
  manager.log_text = "a\tb\x1b[2J\nlast";
  const auto raw = cube({"logs", "-f", "-t", "--tail", "5", "--since", "10m", "web"});
  CHECK(raw.code == exit_fine);
  CHECK(raw.out == "a\tb\x1b[2J\nlast");
  CHECK(manager.log_queries().back() == "follow=true;since=10m;tail=5;timestamps=true;");
  terminal = true;
  const auto shown = cube({"logs", "web"});
  CHECK(shown.out.starts_with("a\tb"));
  CHECK_FALSE(has(shown.out, "\x1b"));
  CHECK(shown.out.ends_with("last"));
}

Event event_of(std::uint64_t revision, Duration ago) {
  Event e;
  e.revision = revision;
  e.at = WallTime{1'767'326'645'000'000} + -ago;
  e.kind = "task.running";
  e.text = "event " + std::to_string(revision);
  return e;
}

TEST_CASE_FIXTURE(AppFixture, "events: all, after a revision, for a time") {
  manager.recorded = {event_of(1, 2h), event_of(2, 5min), event_of(3, 1s)};
  CHECK(std::ranges::count(cube({"events"}).out, '\n') == 4);
  CHECK(std::ranges::count(cube({"events", "--since", "2"}).out, '\n') == 2);
  const auto recent = cube({"events", "--since", "10m", "-o", "json"});
  CHECK(std::ranges::count(recent.out, '\n') == 2);
  CHECK(has(recent.out, "event 3"));
  CHECK(cube({"events", "--since", "yesterday"}).code == exit_usage);
}

TEST_CASE_FIXTURE(AppFixture, "events -f takes a broken stream up where it broke") {
  const auto piece = [](std::uint64_t revision) {
    return "id: " + std::to_string(revision) +
           "\nevent: x\ndata: " + api::event_json(event_of(revision, 0s)) + "\n\n";
  };
  manager.streams = {piece(7) + piece(8), ": heartbeat\n\n" + piece(9)};
  const auto got = cube({"events", "-f"});
  CHECK(got.code == exit_failed);  // the fake has no third stream and answers 400
  CHECK(std::ranges::count(got.out, '\n') == 3);
  CHECK(manager.last_event_ids() == std::vector<std::string>{"", "8", "9"});
}

TEST_CASE_FIXTURE(AppFixture, "version, help and completion need no manager") {
  environment["CUBE_MANAGER"] = "127.0.0.1:1";
  CHECK(cube({"version"}).out == "cube 1.2.3\n");
  CHECK(cube({"--version"}).out == "cube 1.2.3\n");
  CHECK(has(cube({"help", "exit-codes"}).out, "  7    unreachable"));
  CHECK(has(cube({"help", "run"}).out, "--image IMAGE"));
  CHECK(cube({"help", "runn"}).err == "cube: unknown command `runn`; did you mean `run`?\n");
  CHECK(has(cube({"completion", "bash"}).out, "complete -F _cube cube"));
  CHECK(cube({"completion", "zsh"}).out.starts_with("#compdef cube\n"));
  CHECK(has(cube({"completion", "fish"}).out, "complete -c cube -n __fish_use_subcommand -a run"));
}

}  // namespace
}  // namespace cube::cli
