// `cube service ...` against a scripted manager.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app_fixture.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

constexpr const char* kReplica = "bb1d0000-0000-4000-8000-00000000000";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// All replicas ready and new from the `from`th question on.
auto arrives(int from) {
  return [from](api::ServiceView& s, int asked) {
    const bool there = asked >= from;
    if (s.status.state == "paused" || s.status.state == "removing") return;
    s.status.state = there ? "stable" : "updating";
    s.status.running = s.status.replicas;
    s.status.ready = s.status.updated = there ? s.status.replicas : 0;
  };
}

struct ServiceFixture : AppFixture {
  std::filesystem::path dir = std::filesystem::temp_directory_path() / "cube-service-test";
  ServiceFixture() { std::filesystem::create_directories(dir); }
  ~ServiceFixture() { std::filesystem::remove_all(dir); }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = dir / name;
    std::ofstream(path) << text;
    return path;
  }
  Task& replica(const api::ServiceView& s, int slot) {
    Task& t =
        manager.add(kReplica + std::to_string(slot), s.spec.name + "." + std::to_string(slot));
    t.of = {s.id, static_cast<std::uint32_t>(slot), s.task_version};
    t.spec.edit().image = s.spec.task.image;
    t.node = "n1";
    t.attempt = 1;
    t.status.key = {t.id, 1};
    t.status.observed = Observed::running;
    return t;
  }
};

TEST_CASE_FIXTURE(ServiceFixture, "create from flags posts the spec and waits") {
  manager.service_script = arrives(2);
  const auto got = cube({"service", "create", "--name", "web", "--image", "echo", "--replicas", "3",
                         "--port", "7777", "--health", "/health", "-e", "A=1"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(has(got.out, "web ("));
  CHECK(has(got.out, ") is there: 3 of 3 ready\n"));
  CHECK(has(got.err, "updating, 0 of 3 ready\n"));
  REQUIRE(manager.service_specs().size() == 1);
  const auto spec = manager.service_specs().front();
  CHECK(spec.name == "web");
  CHECK(spec.replicas == 3);
  CHECK(spec.task.env == std::vector<std::string>{"A=1"});
  REQUIRE(spec.task.ports.size() == 1);
  CHECK(spec.task.ports.front().container.number == 7777);
  CHECK(spec.task.ports.front().host_port == 0);
  CHECK(spec.task.health.path == "/health");
}

TEST_CASE_FIXTURE(ServiceFixture, "create from YAML, several services, detached and quiet") {
  const std::string path = file("all.yaml", "base: &base {Image: echo, Cpu: 0.5}\n");
  CHECK(cube({"service", "create", "-f", path}).code == exit_usage);
  const std::string two = file("two.yaml",
                               "Name: a\nTask: &t {Image: echo}\nReplicas: 2\n"
                               "---\nName: b\nTask: {Image: other}\n");
  const auto got = cube({"service", "create", "-f", two, "--detach"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(std::ranges::count(got.out, '\n') == 2);
  CHECK(has(got.out, ") is created\n"));
  const auto quiet = cube({"service", "create", "-f", two, "--detach", "-q"});
  CHECK(quiet.out == "a\nb\n");
}

TEST_CASE_FIXTURE(ServiceFixture,
                  "a wrong file is told with line and column, and nothing is sent") {
  struct Case {
    std::string name, text, message;
  };
  for (const Case& c : {
           Case{"a.yaml", "Name: web\nTask:\n  Imagee: echo\n",
                ":3:3: Task.Imagee: unknown field; did you mean Image?"},
           Case{"b.yaml", "Name: web\nTask: {Image: x}\nAutoscale: {By: usage, Min: 5, Max: 2}\n",
                ":3:24: Autoscale.Min: 5 is more than Max 2"},
           Case{"c.yaml", "Name: web\nTask: {Image: x}\nName: y\n",
                ":3:1: duplicate key `Name`; first at 1:1"},
           Case{"d.yaml", "Name: web\nname: y\nTask: {Image: x}\n",
                ":2:1: Name: given twice; first at 1:1"},
           Case{"e.yaml", "Name: web\n", ":1:1: Task: is missing"},
           Case{"f.yaml", "Name: Web!\nTask: {Image: x}\n", ":1:1: Name: is not a service name"},
           Case{"g.yaml", "Name: web\nTask:\n  Image: x\n  HealthCheck:\n    Interval: soon\n",
                ":5:5: Task.HealthCheck.Interval: "},
           Case{"h.yaml", "Name: web\nTask: {Image: x}\n---\nName: web\nTask: {Image: y}\n",
                ":4:1: Name: service `web` is in "},
           Case{"i.yaml", "", ": no service in it"},
           Case{"j.yaml", "a: [\n", "malformed YAML"},
           Case{"k.json", "{\"Name\":\"web\",\n \"Task\":{\"Imge\":\"x\"}}",
                ":2:10: Task.Imge: unknown field; did you mean Image?"},
           Case{"l.json", "{\"Name\":}", ":1:9: malformed JSON"},
           Case{"m.yaml", "Name: web\nTask: {Image: x}\nIngress: {StripPrefix: yes}\n",
                ":3:11: Ingress.StripPrefix: expected true or false, got a string"},
           Case{"n.yaml", "Name: web\nTask: {Image: x}\nVolume: {Name: data, Target: d}\n",
                ": Volume.Target: \"d\" is not an absolute path"},
           Case{"o.yaml",
                "Name: web\nTask: {Image: x, Mounts: [{Target: /a, Type: tmpfs}]}\n"
                "Volume: {Name: data, Target: /d, Options: {device: x}}\n",
                ": Volume.Options[\"type\"]: \"\" is none of nfs"},
       }) {
    CAPTURE(c.text);
    const std::string path = file(c.name, c.text);
    for (const char* command : {"create", "update"}) {
      const auto got = cube({"service", command, "-f", path});
      CAPTURE(got.err);
      CHECK(got.code == exit_usage);
      CHECK(got.err.starts_with("cube: " + path));
      CHECK(has(got.err, c.message));
      CHECK(std::ranges::count(got.err, '\n') == 1);
    }
    CHECK(cube({"apply", "-f", path}).code == exit_usage);
    CHECK(cube({"plan", "-f", path}).code == exit_usage);
  }
  const auto missing = cube({"service", "create", "-f", "/nowhere.yaml"});
  CHECK(missing.code == exit_usage);
  CHECK(missing.err == "cube: /nowhere.yaml: cannot open: No such file or directory\n");
  CHECK(manager.service_requests().empty());
}

TEST_CASE_FIXTURE(ServiceFixture, "the form of standard input is seen from its beginning") {
  standard_input = " {\"Name\":\"web\",\"Task\":{\"Imge\":\"x\"}}";
  CHECK(has(cube({"service", "create", "-f", "-"}).err, "standard input:1:24: Task.Imge"));
  standard_input = "Name: web\nTask: {Imge: x}\n";
  CHECK(has(cube({"service", "create", "-f", "-"}).err, "standard input:2:8: Task.Imge"));
}

TEST_CASE_FIXTURE(ServiceFixture, "create over another content is a conflict") {
  manager.add_service("web", "echo:1");
  const auto got = cube({"service", "create", "--name", "web", "--image", "echo:2"});
  CHECK(got.code == exit_conflict);
  CHECK(has(got.err, "exists with another content"));
}

TEST_CASE_FIXTURE(ServiceFixture, "update changes what the flags say of the present version") {
  auto& web = manager.add_service("web", "echo:1");
  web.spec.task.env = {"A=1", "B=2"};
  web.spec.replicas = 2;
  web.version = 7;
  manager.service_script = arrives(3);
  const auto got = cube({"service", "update", "--image", "echo:2", "-e", "B=3", "-e", "C=4",
                         "--env-rm", "A", "--replicas", "4", "--order", "stop-first", "web"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(has(got.out, "is there: 4 of 4 ready"));
  REQUIRE(manager.service_specs().size() == 1);
  const auto spec = manager.service_specs().front();
  CHECK(spec.task.image == "echo:2");
  CHECK(spec.task.env == std::vector<std::string>{"B=3", "C=4"});
  CHECK(spec.replicas == 4);
  CHECK(spec.update.order == service::UpdatePolicy::Order::stop_first);
  CHECK(has(manager.service_requests().front(), "If-Match \"7\""));
}

TEST_CASE_FIXTURE(ServiceFixture, "an update by an old version is refused") {
  manager.add_service("web", "echo:1").version = 7;
  const auto got = cube({"service", "update", "--if-version", "6", "--image", "echo:2", "web"});
  CHECK(got.code == exit_conflict);
  CHECK(has(got.err, "cube: service has version 7\n"));
  const std::string path = file("web.yaml", "Name: web\nTask: {Image: echo:2}\n");
  CHECK(cube({"service", "update", "--if-version", "6", "-f", path}).code == exit_conflict);
  CHECK(cube({"service", "rollback", "--if-version", "6", "web"}).code == exit_conflict);
  CHECK(manager.service_specs().empty());
}

TEST_CASE_FIXTURE(ServiceFixture,
                  "an update that fails is exit code 3 with the failed one's lines") {
  auto& web = manager.add_service("web", "echo:1");
  web.spec.replicas = web.status.replicas = 3;
  Task& bad = replica(web, 2);
  bad.of.version = 2;
  bad.status.observed = Observed::exited;
  bad.status.final = true;
  bad.status.failure = Failure::exit;
  bad.status.reason = "exit code 3";
  const TaskId failed = bad.id;
  manager.logs_of[failed.str()] = "cannot \x1b[31mopen\x1b[0m x\n";
  manager.service_script = [failed](api::ServiceView& s, int asked) {
    s.status.ready = 3;
    if (asked < 3) return;
    s.status.state = "paused";
    s.status.message = "replica web.2 failed: exit code 3";
    s.status.failed = failed;
    s.status.failures = 1;
  };
  const auto got = cube({"service", "update", "--image", "bad", "web"});
  CAPTURE(got.err);
  CHECK(got.code == exit_not_converged);
  CHECK(got.out.empty());
  CHECK(has(got.err,
            "did not get there: replica web.2 failed: exit code 3 (3 of 3 ready, 0 of "
            "the new version)\n"));
  CHECK(has(got.err, "web.2 (bb1d0000): Failed on n1: exit code 3\n"));
  CHECK(has(got.err, "the last lines that it wrote:\n  cannot "));
  CHECK_FALSE(has(got.err, "\x1b"));
}

TEST_CASE_FIXTURE(ServiceFixture, "an update that the manager rolled back is exit code 3") {
  manager.add_service("web", "echo:1");
  manager.service_script = [](api::ServiceView& s, int asked) {
    if (asked < 2) return;
    s.task_version = s.version = 3;
    s.status.state = asked < 5 ? "rolling-back" : "stable";
    s.status.message = asked < 5 ? "replica web.1 failed: exit code 1" : "";
    s.status.updated = s.status.ready = s.status.replicas;
  };
  const auto got = cube({"service", "update", "--image", "bad", "web"});
  CAPTURE(got.err);
  CHECK(got.code == exit_not_converged);
  CHECK(has(got.err, "the update failed and was rolled back: replica web.1 failed: exit code 1"));
}

// The old replicas are all there still: it is back before anybody looks.
TEST_CASE_FIXTURE(ServiceFixture,
                  "a rollback that takes no time is told as one, with its culprit") {
  auto& web = manager.add_service("web", "echo:1");
  Task& bad = replica(web, 1);
  bad.status.observed = Observed::exited;
  bad.status.final = true;
  bad.status.failure = Failure::exit;
  bad.status.exit_code = 7;
  bad.status.reason = "exit code 7";
  const TaskId failed = bad.id;
  manager.service_script = [=](api::ServiceView& s, int) {
    s.version = 3;
    s.task_version = 1;
    s.status.state = "stable";
    s.status.message = "rolled back to version 1: web.1 on n1: exit code 7";
    s.status.failed = failed;
    s.status.updated = s.status.ready = s.status.replicas;
  };
  const auto got = cube({"service", "update", "--image", "bad", "web"});
  CAPTURE(got.err);
  CHECK(got.code == exit_not_converged);
  CHECK(has(got.err, "the update failed and was rolled back: web.1 on n1: exit code 7 ("));
  CHECK(has(got.err, "web.1 (bb1d0000): Failed on n1: exit code 7\n"));
}

TEST_CASE_FIXTURE(ServiceFixture, "what another changed or removed ends the wait") {
  manager.add_service("web", "echo:1");
  manager.service_script = [](api::ServiceView& s, int asked) {
    if (asked == 2) s.task_version = s.version = 9;
  };
  const auto changed = cube({"service", "update", "--image", "echo:2", "web"});
  CHECK(changed.code == exit_not_converged);
  CHECK(has(changed.err, "it was changed again in the meantime, to version 9"));
  manager.service_script = [](api::ServiceView& s, int) { s.status.state = "removing"; };
  CHECK(has(cube({"service", "scale", "web=2"}).err, "it is being removed"));
}

TEST_CASE_FIXTURE(ServiceFixture, "the time is up, or Ctrl-C: what goes on is said") {
  auto& web = manager.add_service("web", "echo:1");
  Task& waiting = replica(web, 1);
  waiting.node = "";
  waiting.attempt = 0;
  waiting.status = {};
  waiting.status.observed = Observed::waiting;
  waiting.waits_for = "no node has room";
  manager.service_script = [](api::ServiceView& s, int) {
    s.status.state = "updating";
    s.status.ready = s.status.updated = 1;
    s.status.message = "1 replica waits";
  };
  const auto late = cube({"service", "scale", "--timeout", "5s", "web=2"});
  CAPTURE(late.err);
  CHECK(late.code == exit_not_converged);
  CHECK(has(late.err, "is not there yet (updating): 1 of 2 ready: 1 replica waits; it goes on"));
  CHECK(has(late.err, "web.1 (bb1d0000): Pending: no node has room\n"));
  CHECK(slept >= 5s);
  interrupt_after = 1s;
  CHECK(cube({"service", "scale", "web=3"}).code == exit_interrupted);
}

TEST_CASE_FIXTURE(ServiceFixture,
                  "what the manager warns of is told at the end, and is no failure") {
  manager.service_script = [](api::ServiceView& s, int asked) {
    arrives(0)(s, asked);
    s.status.warnings = {"volume data is local"};
  };
  const auto got = cube({"service", "create", "--name", "web", "--image", "echo"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(has(got.err, "warning: web ("));
  CHECK(has(got.err, "): volume data is local\n"));
  CHECK(cube({"service", "create", "-q", "--name", "web", "--image", "echo"}).err.empty());
}

TEST_CASE_FIXTURE(ServiceFixture, "scale") {
  manager.add_service("web", "echo");
  manager.add_service("api", "echo");
  manager.service_script = arrives(4);
  const auto got = cube({"service", "scale", "web=5", "api=0"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(has(got.out, "5 of 5 ready"));
  CHECK(has(got.out, "0 of 0 ready"));
  for (const char* wrong : {"web", "web=", "=3", "web=x", "web=-1", "web=99999999999"}) {
    CAPTURE(wrong);
    const auto bad = cube({"service", "scale", wrong});
    CHECK(bad.code == exit_usage);
    CHECK(has(bad.err, "is not SERVICE=N"));
  }
  CHECK(cube({"service", "scale", "nobody=3"}).code == exit_not_found);
}

TEST_CASE_FIXTURE(ServiceFixture, "rollback waits for the step back it asked for") {
  manager.add_service("web", "echo:1");
  manager.service_script = arrives(0);
  REQUIRE(cube({"service", "update", "--image", "echo:2", "web"}).code == exit_fine);
  manager.service_script = [](api::ServiceView& s, int asked) {
    s.status.state = asked < 8 ? "rolling-back" : "stable";
    s.status.updated = asked < 8 ? 0 : 1;
  };
  const auto got = cube({"service", "rollback", "web"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(has(got.err, "rolling-back"));
  CHECK(cube({"service", "rollback", "nobody"}).code == exit_not_found);
  manager.add_service("new", "echo");
  const auto none = cube({"service", "rollback", "new"});
  CHECK(none.code == exit_conflict);
  CHECK(has(none.err, "no earlier version"));
}

TEST_CASE_FIXTURE(ServiceFixture, "rm, with and without --wait") {
  manager.add_service("web", "echo");
  manager.add_service("api", "echo");
  const auto asked = cube({"service", "rm", "web"});
  CHECK(asked.code == exit_fine);
  CHECK(has(asked.out, ") is being removed\n"));
  manager.service_script = [](api::ServiceView& s, int asks) {
    if (asks > 3) s.status.state = "gone";
  };
  const auto waited = cube({"service", "rm", "--wait", "api"});
  CAPTURE(waited.err);
  CHECK(waited.code == exit_fine);
  CHECK(has(waited.out, ") is removed\n"));
  CHECK(has(waited.err, "1 running\n"));
  CHECK(cube({"service", "rm", "nobody"}).code == exit_not_found);
  manager.service_script = [](api::ServiceView&, int) {};
  CHECK(cube({"service", "rm", "--wait", "--timeout", "2s", "web"}).code == exit_not_converged);
}

TEST_CASE_FIXTURE(ServiceFixture, "ls, ps and inspect in every form") {
  auto& web = manager.add_service("web", "echo:1");
  web.alias = "k3j9x0a1b2c3";
  web.spec.ingress.hosts = {"web.example.com"};
  web.spec.ingress.path = "/w";
  replica(web, 2);
  replica(web, 1).draining = true;
  const std::string id = web.id.str();

  CHECK(cube({"service", "ls"}).out == "ID         NAME   CREATED   REPLICAS   STATE    IMAGE\n" +
                                           id.substr(0, 8) +
                                           "   web    -         1/1        stable   echo:1\n");
  const auto wide = cube({"service", "ls", "-o", "wide", "--no-trunc"}).out;
  CHECK(has(wide, "ENTRANCES"));
  CHECK(has(wide, id));
  CHECK(has(wide, "k3j9x0a1b2c3   web.example.com/w"));
  CHECK(cube({"service", "ls", "-o", "name"}).out == "web\n");
  CHECK(cube({"service", "ls", "-q"}).out == id.substr(0, 8) + "\n");
  CHECK(has(cube({"service", "ls", "-o", "json"}).out, "[\n  {\n    \"ID\": \"" + id));
  CHECK(cube({"service", "ls", "nobody"}).code == exit_not_found);

  const auto tasks = cube({"service", "ps", "web"}).out;
  CHECK(has(tasks, "web.1   1         n1     Draining"));
  CHECK(tasks.find("web.1") < tasks.find("web.2"));
  CHECK(cube({"service", "ps", "-o", "name", "web"}).out == "web.1\nweb.2\n");
  CHECK(has(cube({"service", "ps", "-o", "json", "web"}).out, "\"Slot\": 2"));
  CHECK(has(cube({"service", "ps", "-o", "wide", "web"}).out, "RESTARTS"));

  CHECK(cube({"service", "inspect", "web"}).out.starts_with("{\n  \"ID\": \"" + id));
  CHECK(cube({"service", "inspect", "-o", "name", "web"}).out == "web\n");
  CHECK(has(cube({"service", "inspect", "-o", "table", "web"}).out, "REPLICAS"));
  CHECK(has(cube({"service", "inspect", "--history", "web"}).out, "\"Version\": 1"));
  CHECK(cube({"service", "inspect", "nobody"}).code == exit_not_found);
}

TEST_CASE_FIXTURE(ServiceFixture, "ps shows what is over only where nothing took its place") {
  auto& web = manager.add_service("web", "echo");
  const auto over = [&](int id, std::uint32_t slot, const char* reason) {
    Task& t = replica(web, id);
    t.of.slot = slot;
    t.draining = true;
    t.desired = Desired::stop;
    t.status.observed = Observed::exited;
    t.status.final = true;
    t.status.reason = reason;
  };
  over(1, 1, "the first");
  replica(web, 2).of.slot = 1;
  over(3, 2, "the second");
  over(4, 2, "the third");
  const auto present = cube({"service", "ps", "-o", "wide", "web"}).out;
  CAPTURE(present);
  CHECK(!has(present, "the first"));
  CHECK(!has(present, "the second"));
  CHECK(has(present, "the third"));
  CHECK(!has(present, "Draining"));  // nothing of it is left to drain
  const auto all = cube({"service", "ps", "--all", "-o", "wide", "web"}).out;
  for (const char* row : {"the first", "Running", "the second", "the third"}) CHECK(has(all, row));
}

TEST_CASE_FIXTURE(ServiceFixture, "ls --watch shows changes") {
  manager.add_service("web", "echo");
  interrupt_after = 3s;
  manager.service_script = [](api::ServiceView& s, int asked) {
    s.status.ready = asked < 3 ? 0 : 1;
  };
  const auto got = cube({"service", "ls", "--watch"});
  CHECK(std::ranges::count(got.out, '\n') == 3);
  CHECK(has(got.out, "0/1"));
  CHECK(has(got.out, "1/1"));
}

TEST_CASE_FIXTURE(ServiceFixture, "logs merges by time, with the replica in front") {
  auto& web = manager.add_service("web", "echo");
  const std::string one = replica(web, 1).id.str(), two = replica(web, 2).id.str();
  manager.logs_of[one] =
      "2026-01-02T03:04:01.000000000Z first\n2026-01-02T03:04:03.000000000Z third\nstill third\n";
  manager.logs_of[two] = "2026-01-02T03:04:02.000000000Z second\n2026-01-02T03:04:04.000000000Z x";
  const auto got = cube({"service", "logs", "--tail", "9", "web"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(got.out ==
        "web.1@bb1d0000 | first\nweb.2@bb1d0000 | second\nweb.1@bb1d0000 | third\n"
        "web.1@bb1d0000 | still third\nweb.2@bb1d0000 | x\n");
  CHECK(has(manager.log_queries().front(), "tail=9;timestamps=true;"));
  CHECK(has(cube({"service", "logs", "-t", "web"}).out,
            "web.2@bb1d0000 | 2026-01-02T03:04:02.000000000Z second\n"));
  CHECK(cube({"service", "logs", "nobody"}).code == exit_not_found);
}

TEST_CASE_FIXTURE(ServiceFixture, "logs -f takes lines as they come, also of new replicas") {
  auto& web = manager.add_service("web", "echo");
  replica(web, 1);
  Task& late = replica(web, 2);
  late.attempt = 0;
  late.status.observed = Observed::waiting;
  manager.log_text = "hello\n";
  interrupt_after = 2s;
  manager.on_service_tasks = [&](int asked) {
    if (asked < 2) return;
    late.attempt = 1;
    late.status.observed = Observed::running;
  };
  const auto got = cube({"service", "logs", "-f", "--tail", "1", "web"});
  CHECK(got.out == "web.1@bb1d0000 | hello\nweb.2@bb1d0000 | hello\n");
  CHECK(manager.log_queries() == std::vector<std::string>{"follow=true;tail=1;", "follow=true;"});
}

TEST_CASE_FIXTURE(ServiceFixture, "a replica that is tried again: why is told all the same") {
  auto& web = manager.add_service("web", "echo:1");
  Task& bad = replica(web, 1);
  bad.of.version = 2;
  bad.status.observed = Observed::starting;
  bad.status.restart = 1;
  bad.status.failure = Failure::exit;
  bad.status.exit_code = 3;
  bad.status.reason = "starting the container";
  manager.service_script = [](api::ServiceView& s, int asked) {
    if (asked >= 2) s.status.state = "paused";
  };
  const auto got = cube({"service", "update", "--image", "bad", "web"});
  CHECK(got.code == exit_not_converged);
  CHECK(has(got.err, "did not get there: its update is paused (1 of 1 ready, 0 of the new"));
  CHECK(has(got.err,
            "Scheduled on n1: starting the container; the one before ended with exit "
            "code 3\n"));
}

TEST_CASE_FIXTURE(ServiceFixture, "logs ends when nobody reads, and says when none can be had") {
  auto& web = manager.add_service("web", "echo");
  replica(web, 1);
  Task& never = replica(web, 2);
  never.attempt = 0;
  FdOutput nowhere(-1);
  output = &nowhere;
  for (const char* flag : {"-f", "-t"}) CHECK(cube({"service", "logs", flag, "web"}).code != 0);
  CHECK(manager.log_queries().size() == 2);  // what never ran is not asked
}

TEST_CASE_FIXTURE(ServiceFixture,
                  "replicas that are over and whose logs are gone are not told of") {
  auto& web = manager.add_service("web", "echo");
  Task& old = replica(web, 1);
  old.status.observed = Observed::exited;
  old.desired = Desired::stop;
  REQUIRE(old.is_terminal());
  manager.logs_of[old.id.str()] = FakeManager::logs_gone;
  replica(web, 2);
  manager.log_text = "2026-01-02T03:04:01.000000000Z hello\n";
  const auto got = cube({"service", "logs", "-n", "1", "web"});
  CHECK(got.code == exit_fine);
  CHECK(got.out == "web.2@bb1d0000 | hello\n");
  CHECK(got.err.empty());

  auto& none = manager.add_service("none", "echo");
  for (std::uint32_t slot : {3, 4}) {
    Task& over = replica(none, slot);
    over.status.observed = Observed::exited;
    over.desired = Desired::stop;
    manager.logs_of[over.id.str()] = FakeManager::logs_gone;
  }
  const auto nothing = cube({"service", "logs", "none"});
  CHECK(nothing.code == exit_failed);
  CHECK(std::ranges::count(nothing.err, '\n') == 1);  // one for all
  CHECK(has(nothing.err, "its container was removed"));
}

TEST_CASE_FIXTURE(ServiceFixture, "an empty value of a flag is no change") {
  manager.add_service("web", "echo");
  for (const char* flag : {"--image", "--cpu", "--memory", "--health", "--user"}) {
    CAPTURE(flag);
    const auto got = cube({"service", "update", flag, "", "web"});
    CHECK(got.code == exit_usage);
    CHECK(has(got.err, std::string(flag) + ": must not be empty\n"));
  }
  CHECK(manager.service_requests().empty());
}

}  // namespace
}  // namespace cube::cli
