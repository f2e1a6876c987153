// `cube plan`, `apply` and `orchestrate`, and what a node may be used for.
#include <doctest/doctest.h>

#include <algorithm>

#include "api/service.h"
#include "app_fixture.h"
#include "base/text.h"
#include "cli/exit_codes.h"
#include "cli/log_merge.h"
#include "cli/orchestrate.h"
#include "cli/plan.h"
#include "cli/quick_service.h"

namespace cube::cli {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

service::ServiceSpec spec_of(std::string_view json) {
  auto spec = api::parse_service_spec(json);
  REQUIRE(spec.ok());
  return *std::move(spec);
}

constexpr const char* kWeb = R"({"Name":"web","Task":{"Image":"echo:1"}})";

TEST_CASE_FIXTURE(AppFixture, "plan exits as diff does, and changes nothing") {
  standard_input = "Name: web\nTask: {Image: echo:1}\n---\nName: db\nTask: {Image: db}\n";
  const auto created = cube({"plan", "-f", "-"});
  CAPTURE(created.err);
  CHECK(created.code == 1);
  CHECK(has(created.out, "+ web would be created\n"));
  CHECK(has(created.out, "+ db would be created\n    + Task.Image: \"db\"\n"));

  auto& web = manager.add_service("web", "echo:1");
  web.spec = spec_of(kWeb);
  standard_input = kWeb;
  const auto same = cube({"plan", "-f", "-"});
  CHECK(same.code == 0);
  CHECK(same.out == "= web: nothing changes\n");

  web.status.replicas = 3;
  web.spec.replicas = 3;
  standard_input = R"({"Name":"web","Task":{"Image":"echo:2","Env":["A=1"]},"Replicas":3})";
  const auto changed = cube({"plan", "-f", "-"});
  CHECK(changed.code == 1);
  CHECK(changed.out ==
        "~ web would be updated: 3 replicas are exchanged one at a time, start-first\n"
        "    + Task.Env: \"A=1\"\n"
        "    ~ Task.Image: \"echo:1\" -> \"echo:2\"\n");
  CHECK(manager.service_requests().empty());
}

TEST_CASE_FIXTURE(AppFixture, "plan that cannot tell is neither 0 nor 1") {
  environment["CUBE_MANAGER"] = "127.0.0.1:1";
  standard_input = kWeb;
  CHECK(cube({"plan", "-f", "-"}).code == exit_unreachable);
  CHECK(cube({"plan"}).code == exit_usage);
}

TEST_CASE_FIXTURE(AppFixture, "apply creates, updates and leaves alone, and waits for all") {
  manager.add_service("web", "echo:1").spec = spec_of(kWeb);
  auto& same = manager.add_service("same", "x");
  same.spec = spec_of(R"({"Name":"same","Task":{"Image":"x"}})");
  manager.service_script = [](api::ServiceView& s, int asked) {
    s.status.state = asked < 3 ? "updating" : "stable";
    s.status.ready = s.status.updated = asked < 3 ? 0 : s.status.replicas;
  };
  standard_input =
      "- {Name: web, Task: {Image: echo:2}}\n- {Name: same, Task: {Image: x}}\n"
      "- {Name: new, Task: {Image: y}, Replicas: 2}\n";
  const auto got = cube({"apply", "-f", "-"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(has(got.err, "~ web is updated: 1 replica is exchanged one at a time, start-first\n"));
  CHECK(has(got.err, "= same: nothing changes\n"));
  CHECK(has(got.err, "+ new is created\n"));
  CHECK(std::ranges::count(got.out, '\n') == 3);
  CHECK(has(got.out, "2 of 2 ready\n"));
  CHECK(manager.service_requests() ==
        std::vector<std::string>{"PUT /services/web If-Match \"1\"", "POST /services"});
}

TEST_CASE_FIXTURE(AppFixture, "apply that does not get there is exit code 3") {
  auto& web = manager.add_service("web", "echo:1");
  web.spec = spec_of(kWeb);
  web.status.state = "paused";
  web.status.message = "replica web.1 failed";
  standard_input = kWeb;
  const auto got = cube({"apply", "-q", "-f", "-"});
  CHECK(got.code == exit_not_converged);
  CHECK(got.out == "web\n");
  CHECK(has(got.err, "did not get there: replica web.1 failed (1 of 1 ready)\n"));
}

TEST_CASE_FIXTURE(AppFixture, "a version that came between is not overwritten") {
  auto& web = manager.add_service("web", "echo:1");
  web.spec = spec_of(kWeb);
  // Another changes it right after it was looked at.
  manager.after_look = [](api::ServiceView& s) { s.version = 5; };
  standard_input = R"({"Name":"web","Task":{"Image":"echo:2"}})";
  const auto applied = cube({"apply", "-f", "-"});
  CHECK(applied.code == exit_conflict);
  CHECK(has(applied.err, "cube: standard input:1:1: service has version 5\n"));
  manager.after_look = [](api::ServiceView& s) { ++s.version; };
  CHECK(cube({"service", "update", "--image", "echo:3", "web"}).code == exit_conflict);
  CHECK(web.spec.task.image == "echo:1");
}

TEST_CASE("a plan keeps what autoscaling decides, within its bounds") {
  auto desired = spec_of(R"({"Name":"web","Task":{"Image":"x"},
                            "Autoscale":{"By":"usage","Min":2,"Max":5}})");
  api::ServiceView present;
  present.spec = desired;
  present.spec.replicas = 4;
  CHECK(plan_for(desired, &present).action == Plan::Action::nothing);
  present.spec.replicas = 9;
  const Plan plan = plan_for(desired, &present);
  CHECK(plan.lines == std::vector<std::string>{"~ Replicas: 9 -> 2"});
  CHECK(plan.consequence == "no container is exchanged");
}

TEST_CASE("differences are told by path") {
  const auto before = spec_of(R"({"Name":"web","Task":{"Image":"x","Env":["A=1","B=2"],
      "Labels":{"a":"1"},"PortBindings":{"7777/tcp":"8080"}}})");
  const auto after = spec_of(R"({"Name":"web","Task":{"Image":"x","Env":["B=2","C=3"],
      "Labels":{"b":"1"},
      "Command":["sh","-c"],"HealthCheck":"/h","PortBindings":{"7777/tcp":"8080"}},"Global":true,
      "Update":{"Order":"stop-first","Parallelism":2}})");
  const auto lines = differences(before, after);
  const std::string all = join(lines, "\n");
  CAPTURE(all);
  for (const char* line :
       {"- Task.Env: \"A=1\"", "+ Task.Env: \"C=3\"", "- Task.Labels.a: \"1\"",
        "+ Task.Labels.b: \"1\"", "+ Task.Command: [\"sh\", \"-c\"]", "- Replicas: 1",
        "+ Global: true", "~ Update.Order: \"start-first\" -> \"stop-first\"",
        "~ Update.Parallelism: 1 -> 2"})
    CHECK(std::ranges::find(lines, line) != lines.end());
  CHECK(differences(before, before).empty());
  auto turned = before;
  std::ranges::reverse(turned.task.env);
  CHECK(differences(before, turned) == std::vector<std::string>{"~ the order within a list"});
}

TEST_CASE("flags make a service, and change one") {
  QuickService q;
  q.task.image = "team/echo:1";
  q.replicas = 3;
  q.autoscale = "requests";
  q.min = 2;
  q.max = 7;
  q.hosts = {"web.example.com"};
  q.on_failure = "rollback";
  const auto spec = service_from(q);
  REQUIRE(spec.ok());
  CHECK(spec->name == "echo");
  CHECK(spec->task.publish_all);
  CHECK(spec->replicas == 3);
  CHECK(spec->autoscale.max == 7);
  CHECK(spec->update.on_failure == service::UpdatePolicy::OnFailure::rollback);

  QuickService change;
  change.task.ports = {"8080:80", "90"};
  change.label_rm = {"a"};
  auto labelled = *spec;
  labelled.task.labels = {{"a", "1"}, {"b", "2"}};
  const auto changed = changed_by(change, labelled);
  REQUIRE(changed.ok());
  CHECK(changed->task.image == "team/echo:1");
  CHECK(changed->task.ports.size() == 2);
  CHECK(changed->task.ports[0].host_port == 8080);
  CHECK(changed->task.ports[1].host_port == 0);
  CHECK_FALSE(changed->task.publish_all);
  CHECK(changed->task.labels == std::map<std::string, std::string>{{"b", "2"}});
  // What a file would say of the same is the same.
  const auto again = api::parse_service_spec(api::service_spec_json(*changed));
  REQUIRE(again.ok());
  CHECK(*again == *changed);

  const auto error = [&](auto set) {
    QuickService wrong;
    set(wrong);
    const auto result = changed_by(wrong, *spec);
    return result.ok() ? std::string("fine") : result.error().message;
  };
  CHECK(error([](auto& w) { w.min = 9; }) == "Autoscale.Min: 9 is more than Max 7");
  CHECK(error([](auto& w) { w.env_rm = {"X"}; }) == "--env-rm: there is no variable `X`");
  CHECK(error([](auto& w) { w.label_rm = {"X"}; }) == "--label-rm: there is no label `X`");
  CHECK(has(error([](auto& w) { w.task.ports = {"x"}; }), "--port: `x` is not"));
  CHECK(has(error([](auto& w) { w.hosts = {"No Host"}; }), "Ingress.Hosts[0]: "));
  QuickService lower;
  lower.max = 2;
  CHECK(changed_by(lower, *spec)->replicas == 2);  // of 3
  lower.replicas = 9;
  CHECK(changed_by(lower, *spec).error().message ==
        "Replicas: 9 is outside Autoscale.Min 2 to Max 2");

  QuickService bounds;
  bounds.task.image = "x";
  bounds.max = 3;
  CHECK(service_from(bounds).error().message == "--max needs --autoscale");
  bounds.max.reset();
  bounds.autoscale = "usage";
  CHECK(service_from(bounds).error().message == "--autoscale needs --max");
}

TEST_CASE("a small configuration becomes a service with the old defaults") {
  const auto spec = orchestrated(R"({"Image":"acts:latest"})");
  REQUIRE(spec.ok());
  CHECK(spec->spec.name == "acts");
  CHECK(spec->spec.port_range.start == 8000);
  CHECK(spec->spec.task.health.interval == 1s);
  CHECK(spec->spec.task.health.path == "/api/v1/_health");
  CHECK(spec->spec.autoscale.by == service::AutoscalePolicy::By::requests);
  CHECK(spec->spec.autoscale.interval == 120s);
  CHECK(spec->spec.autoscale.per_replica == 20);
  CHECK(spec->spec.autoscale.min == 1);
  CHECK(spec->spec.autoscale.max == 10);
  CHECK(spec->spec.autoscale.remove == service::AutoscalePolicy::Remove::highest);
  CHECK(spec->spec.task.health.retries == 1);
  CHECK(spec->spec.task.health.start_period == 10s);  // that it does not listen at once is no fault
  CHECK(spec->spec.ingress.port == 80);
  CHECK(spec->spec.ingress.not_counted ==
        std::vector<std::string>{"/api/v1/_health", "/api/v1/_crash"});

  const auto own = orchestrated(R"({"image":"a","name":"b","startingport":9000,"containerport":8000,
      "healthcheckinterval":"500ms","healthcheckstartperiod":"30s",
      "healthcheckpath":"/h","scalinginterval":60,"volume":"data:/d",
      "requestspercontainer":5,"minimum":2,"maximum":4,"port":0})");
  if (!own.ok()) FAIL(own.error().message);
  CHECK(own->spec.name == "b");
  CHECK(own->spec.port_range.start == 9000);
  CHECK(own->spec.port_range.port.number == 8000);
  CHECK(own->spec.task.health.start_period == 30s);
  CHECK(own->is_named);
  CHECK_FALSE(spec->is_named);
  CHECK(looks_orchestrated(own->spec));
  CHECK(looks_orchestrated(spec->spec));
  CHECK_FALSE(looks_orchestrated(spec_of(kWeb)));
  CHECK(own->spec.replicas == 2);
  CHECK(own->spec.volume.name == "data");
  CHECK(own->spec.volume.target == "/d");
  CHECK(own->spec.ingress.port == 0);
  CHECK(own->spec.ingress.path == "/b");
  CHECK(own->spec.ingress.not_counted == std::vector<std::string>{"/h", "/_crash"});

  for (const auto& [json, message] : {
           std::pair{"{}", "Image: is missing"},
           std::pair{R"({"Image":"a","Minimum":5,"Maximum":2})",
                     "Minimum: 5 is more than Maximum 2"},
           std::pair{R"({"Image":"a","Minimun":5})",
                     "Minimun: unknown field; did you mean Minimum?"},
           std::pair{R"({"Image":"a","StartingPort":65530})", "end behind port 65535"},
           std::pair{R"({"Image":"a","Volume":"/host:/x"})", "Volume: is not NAME:TARGET"},
           std::pair{R"({"Image":"a","Port":"x"})", "Port: expected"},
           std::pair{R"({"Image":"a","RequestsPerContainer":0})", "must be at least 1"},
           std::pair{R"({"Image":"a","Maximum":0})", "Maximum: must be at least 1"},
           std::pair{R"({"Image":"a","HealthCheckInterval":"0s"})", "HealthCheckInterval: is 0s"},
           std::pair{R"({"Image":"a","ScalingInterval":"0s"})", "ScalingInterval: is 0s"},
           std::pair{R"({"Image":"a","HealthCheckPath":"/a b"})", "HealthCheckPath: "},
           std::pair{R"({"Image":"a","Port":8003})",
                     "Port: port 8003 of the ingress cannot go with StartingPort: host ports"},
       }) {
    const auto got = orchestrated(json);
    CAPTURE(json);
    REQUIRE_FALSE(got.ok());
    CAPTURE(got.error().message);
    CHECK(has(got.error().message, message));
    CHECK_FALSE(has(got.error().message, "Task."));
  }
}

TEST_CASE_FIXTURE(AppFixture, "orchestrate applies its configuration") {
  manager.service_script = [](api::ServiceView& s, int) {
    s.status.state = "stable";
    s.status.ready = s.status.updated = s.status.replicas;
  };
  standard_input = "Image: acts\nMaximum: 3\n";
  const auto got = cube({"orchestrate", "-f", "-"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(manager.service_specs().front().autoscale.max == 3);
  standard_input = "Image: acts\nMinimun: 3\n";
  const auto wrong = cube({"orchestrate", "-f", "-"});
  CHECK(wrong.code == exit_usage);
  CHECK(wrong.err == "cube: standard input:2:1: Minimun: unknown field; did you mean Minimum?\n");
  CHECK(cube({"orchestrate"}).err == "cube: config.json: cannot open: No such file or directory\n");
}

TEST_CASE_FIXTURE(AppFixture, "orchestrate tells where it is wrong, in its own names") {
  standard_input = "Image: acts\nHealthCheckInterval: 0s\n";
  CHECK(has(cube({"orchestrate", "-f", "-"}).err,
            "cube: standard input:2:1: HealthCheckInterval: is 0s"));
  standard_input = "Image: acts\n\nMaximum: 0\n";
  CHECK(has(cube({"orchestrate", "-f", "-"}).err,
            "cube: standard input:3:1: Maximum: must be at least 1\n"));
  manager.add_service("web", "echo:1").spec =
      spec_of(R"({"Name":"web","Task":{"Image":"x"},"Ingress":{"Port":80}})");
  standard_input = "Image: acts\n";
  const auto got = cube({"orchestrate", "-f", "-"});
  CHECK(got.code == exit_conflict);
  CHECK(got.err == "cube: -: Port: every path at port 80 belongs to service web\n");
  CHECK(manager.service_requests().empty());
}

TEST_CASE_FIXTURE(AppFixture, "orchestrate changes no service of that name that it did not make") {
  manager.add_service("acts", "mine").spec = spec_of(R"({"Name":"acts","Task":{"Image":"mine"}})");
  manager.service_script = [](api::ServiceView& s, int) {
    s.status.state = "stable";
    s.status.ready = s.status.updated = s.status.replicas;
  };
  standard_input = "Image: acts\n";
  const auto derived = cube({"orchestrate", "-f", "-"});
  CHECK(derived.code == exit_conflict);
  CHECK(has(derived.err, "service acts exists, and `cube orchestrate` did not make it"));
  CHECK(manager.service_requests().empty());
  standard_input = "Image: acts\nName: acts\n";
  CHECK(cube({"orchestrate", "-f", "-"}).code == exit_fine);  // it is asked for
  standard_input = "Image: acts\nMaximum: 4\n";
  CHECK(cube({"orchestrate", "-f", "-"}).code == exit_fine);  // made by it now
  CHECK(manager.service_requests().size() == 2);
}

TEST_CASE_FIXTURE(AppFixture, "what several services cannot have together changes nothing") {
  manager.add_service("old", "echo:1").spec =
      spec_of(R"({"Name":"old","Task":{"Image":"x"},"Ingress":{"Path":"/old"}})");
  const std::string two =
      "- {Name: a, Task: {Image: x}, Ingress: {Path: /same}}\n"
      "- {Name: b, Task: {Image: x}, Ingress: {Path: /same}}\n";
  for (const char* command : {"plan", "apply"}) {
    CAPTURE(command);
    standard_input = two;
    const auto among = cube({command, "-f", "-"});
    CHECK(among.code == exit_usage);
    CHECK(among.out.empty());
    CHECK(among.err ==
          "cube: standard input:2:3: Ingress.Path: the path /same belongs to service a\n");
    standard_input =
        "- {Name: a, Task: {Image: x}}\n- {Name: b, Task: {Image: x}, Ingress: {Path: /old}}\n";
    const auto taken = cube({command, "-f", "-"});
    CHECK(taken.code == exit_conflict);
    CHECK(has(taken.err, "2:3: Ingress.Path: the path /old belongs to service old\n"));
    standard_input = "- {Name: a, Task: {Image: x}}\n- {Name: old, Task: {Image: x}, Global: true}";
    const auto global = cube({command, "-f", "-"});
    CHECK(global.code == exit_conflict);
    CHECK(has(global.err, "2:3: Global: cannot be changed"));
  }
  CHECK(manager.service_requests().empty());

  // A route that the first gives up is free for the second.
  standard_input =
      "- {Name: old, Task: {Image: x}, Ingress: {Path: /new}}\n"
      "- {Name: b, Task: {Image: x}, Ingress: {Path: /old}}\n";
  CHECK(cube({"plan", "-f", "-"}).code == 1);
}

TEST_CASE_FIXTURE(AppFixture, "a service that is being removed is not as the file says") {
  auto& web = manager.add_service("web", "echo:1");
  web.spec = spec_of(kWeb);
  web.status.state = "removing";
  for (const char* command : {"plan", "apply"}) {
    standard_input = kWeb;
    const auto got = cube({command, "-f", "-"});
    CHECK(got.code == exit_conflict);
    CHECK(has(got.err, "service web is being removed; `cube service rm --wait web`"));
  }
}

TEST_CASE_FIXTURE(AppFixture, "what the manager refuses is not said to be created") {
  manager.refuse_services_with = 400;
  standard_input = kWeb;
  const auto got = cube({"apply", "-f", "-"});
  CHECK(got.code == exit_failed);
  CHECK(got.err == "cube: standard input:1:1: refused\n");
}

TEST_CASE("what is written and would mean nothing is refused") {
  const auto said_of = [](const std::string& rest) {
    const auto spec =
        api::parse_service_spec(R"({"Name":"web","Task":{"Image":"x"},)" + rest + "}");
    return spec.ok() ? std::string() : spec.error().message;
  };
  CHECK(said_of(R"("PortRange":{"Start":0,"Port":80})").starts_with("PortRange.Start: must be"));
  CHECK(said_of(R"("Ingress":{"RateLimit":{"Requests":0}})") ==
        "Ingress.RateLimit.Requests: must be at least 1; without RateLimit there is no limit");
  CHECK(said_of(R"("constraints":["node.name==n1"])") ==
        "constraints: unknown field; did you mean Task.Constraints?");
  CHECK(said_of(R"("Envv":[])").starts_with("Envv: unknown field"));
  CHECK(said_of(R"("Replicas":2)").empty());
}

TEST_CASE("a plan shows exposed ports") {
  const auto one = spec_of(R"({"Name":"web","Task":{"Image":"x","ExposedPorts":{"7777/tcp":{}}}})");
  const auto two = spec_of(
      R"({"Name":"web","Task":{"Image":"x","ExposedPorts":{"7777/tcp":{},"7778/tcp":{}}}})");
  CHECK(differences(one, two) == std::vector<std::string>{"+ Task.ExposedPorts: \"7778/tcp\""});
  CHECK(differences(two, one) == std::vector<std::string>{"- Task.ExposedPorts: \"7778/tcp\""});
  CHECK(has(join(plan_for(two, nullptr).lines, "\n"), "+ Task.ExposedPorts: \"7777/tcp\""));
}

TEST_CASE_FIXTURE(AppFixture, "drain waits until nothing runs there") {
  for (const char* name : {"n1", "n2"}) {
    api::NodeView node;
    node.name = name;
    manager.nodes.push_back(node);
  }
  Task& task = manager.add("bb1d59ef-9fc1-4e4b-a44d-db571eeed203", "web.1");
  task.attempt = 1;
  task.node = "n1";
  task.status.observed = Observed::running;
  manager.script = [](Task& t, int asked) {
    if (asked >= 4) t.node = "n2";
  };
  const auto got = cube({"node", "drain", "--wait", "n1"});
  CAPTURE(got.err);
  CHECK(got.code == exit_fine);
  CHECK(got.out == "n1 is drained\n");
  CHECK(has(got.err, "n1: 1 task left: web.1\n"));
  CHECK(manager.service_requests() == std::vector<std::string>{"POST /nodes/n1/drain"});

  CHECK(cube({"node", "drain", "n1"}).out == "n1 is being drained\n");
  CHECK(cube({"node", "pause", "n1"}).out == "n1 is paused: nothing new is placed there\n");
  CHECK(cube({"node", "activate", "n1", "n2"}).out == "n1 is active\nn2 is active\n");
  CHECK(cube({"node", "drain", "nobody"}).code == exit_not_found);
  manager.script = [](Task&, int) {};
  const auto late = cube({"node", "drain", "--wait", "--timeout", "2s", "n2"});
  CHECK(late.code == exit_not_converged);
  CHECK(has(late.err, "n2: 1 task left: web.1; it goes on"));
  CHECK(has(cube({"node", "pause", "--wait", "n2"}).err, "--wait is for `cube node drain`"));
  CHECK(has(cube({"node", "drain"}).err, "`cube node drain` needs the name of a node"));
}

TEST_CASE("lines of several streams by their times") {
  LogMerge merge(/*by_time=*/true);
  merge.open("a");
  merge.open("b");
  bool ended = false;
  CHECK(merge.write("a", "2026-01-02T03:04:05.000000000Z one\n2026-01-02T03:04:07.0"));
  CHECK_FALSE(merge.take(1ms, ended).has_value());  // b may bring an earlier one
  CHECK_FALSE(ended);
  CHECK(merge.write("b", "2026-01-02T03:04:06.000000000Z two\r\nmore\n"));
  CHECK(merge.take(1s, ended)->text == "one");
  CHECK(merge.write("a", "00000000Z three"));
  merge.close("a");
  CHECK(merge.take(1s, ended)->text == "two");
  const auto more = merge.take(1s, ended);
  CHECK(more->text == "more");
  CHECK(more->stream == "b");
  merge.close("b");
  CHECK(merge.take(1s, ended)->text == "three");
  CHECK_FALSE(merge.take(1s, ended).has_value());
  CHECK(ended);
  merge.stop();
  CHECK_FALSE(merge.write("b", "x"));
}

}  // namespace
}  // namespace cube::cli
