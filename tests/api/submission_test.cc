#include <doctest/doctest.h>

#include "api/codec.h"

namespace cube::api {
namespace {

constexpr std::string_view canonical =
    R"({"ID":"a7aa1d44-08f6-443e-9378-f5884311019e","State":2,"Task":{"State":1,)"
    R"("ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203",)"
    R"( "Name":"test-chapter-9.1","Image":"timboring/echo-server:latest",)"
    R"("ExposedPorts":{"7777/tcp":{}},)"
    R"( "PortBindings":{"7777/tcp":"7777"},"HealthCheck":"/health"}})";

// A bare task with the fields `more` beside a name and an image.
std::string bare(std::string_view more) {
  return R"({"Name":"n","Image":"i",)" + std::string(more) + "}";
}

TaskSpec spec_of(std::string_view more) {
  auto s = parse_submission(bare(more));
  if (!s) FAIL(s.error().message);
  return s->spec;
}

// "80/tcp=127.0.0.1:8080 ..."
std::string ports_text(const TaskSpec& spec) {
  std::string out;
  for (const PortBinding& b : spec.ports) {
    out += (out.empty() ? "" : " ") + b.container.str() + "=" + b.host_ip + ":" +
           std::to_string(b.host_port);
  }
  return out;
}

std::string error_of(std::string_view json) {
  bool was_array = false;
  auto s = parse_submissions(json, was_array);
  return s ? "no error" : s.error().message;
}

TEST_CASE("the canonical task file") {
  auto s = parse_submission(canonical);
  REQUIRE(s.ok());
  CHECK(s->id.str() == "bb1d59ef-9fc1-4e4b-a44d-db571eeed203");
  CHECK(s->event_state == 2);
  CHECK(s->task_state == 1);
  CHECK_FALSE(s->bare);
  CHECK(s->spec.name == "test-chapter-9.1");
  CHECK(s->spec.image == "timboring/echo-server:latest");
  REQUIRE(s->spec.exposed_ports.size() == 1);
  CHECK(s->spec.exposed_ports[0].str() == "7777/tcp");
  CHECK(ports_text(s->spec) == "7777/tcp=:7777");
  CHECK(s->spec.health.kind == HealthCheck::Kind::http);
  CHECK(s->spec.health.path == "/health");
}

TEST_CASE("what an old client's encoder sends: nulls and zero values everywhere") {
  auto s = parse_submission(
      R"({"ID":"a7aa1d44-08f6-443e-9378-f5884311019e","State":2,"Timestamp":"0001-01-01T00:00:00Z",
          "Task":{"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203","ContainerID":"","Name":"n","State":0,
          "Image":"i","Cpu":0,"Memory":0,"Disk":0,"HostPorts":null,"ExposedPorts":null,
          "PortBindings":null,"RestartPolicy":"","StartTime":"0001-01-01T00:00:00Z",
          "FinishTime":"0001-01-01T00:00:00Z","HealthCheck":"","RestartCount":0}})");
  REQUIRE(s.ok());
  TaskSpec plain;
  plain.name = "n";
  plain.image = "i";
  CHECK(s->spec == plain);
  CHECK(s->task_state == 0);
}

TEST_CASE("both event forms, both spellings, any case") {
  for (std::string_view json :
       {R"({"task":{"name":"n","IMAGE":"i"}})", R"({"Sail":{"Name":"n","Image":"i"}})",
        R"({"State":0,"Task":{"Name":"n","Image":"i","State":0}})",
        R"({"STATE":1,"sail":{"Name":"n","Image":"i","State":1}})"}) {
    CAPTURE(json);
    auto s = parse_submission(json);
    REQUIRE(s.ok());
    CHECK_FALSE(s->bare);
    CHECK(s->event_state == 2);
    CHECK(s->id.is_nil());
    CHECK(s->spec.image == "i");
  }
  auto s = parse_submission(R"({"Name":"n","Image":"i"})");
  REQUIRE(s.ok());
  CHECK(s->bare);
}

TEST_CASE("an event with State 3 needs only the ID") {
  auto s = parse_submission(
      R"({"State":3,"Task":{"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203","State":3}})");
  REQUIRE(s.ok());
  CHECK(s->event_state == 3);
  CHECK(s->id.str() == "bb1d59ef-9fc1-4e4b-a44d-db571eeed203");
  CHECK(error_of(R"({"State":3,"Task":{}})") == "Task.ID: is missing: it tells which task to stop");
  CHECK(error_of(R"({"State":3,"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203"})") ==
        "Task: is missing: to stop a task, post {\"State\":3,\"Task\":{\"ID\":...}}");
}

TEST_CASE("an old manager's restart of a task names its container") {
  auto s = parse_submission(R"({"State":2,"Task":{"ID":"bb1d59ef-9fc1-4e4b-a44d-db571eeed203",
      "State":1,"ContainerID":"0123abcd","Name":"n","Image":"i"}})");
  REQUIRE(s.ok());
  CHECK(s->container_id == "0123abcd");
  CHECK(s->task_state == 1);
}

TEST_CASE("what was read can be posted: read-only fields are ignored, whatever they hold") {
  Task task;
  task.id = *TaskId::parse("bb1d59ef-9fc1-4e4b-a44d-db571eeed203");
  task.spec.edit().name = "n";
  task.spec.edit().image = "i";
  task.attempt = 3;
  task.node = "n1";
  task.status.observed = Observed::running;
  HostPort& host_port = task.status.host_ports.emplace_back();
  host_port.container.number = 80;
  host_port.host_port = 49155;
  auto s = parse_submission(task_json(task));
  REQUIRE(s.ok());
  CHECK(s->spec == task.spec);
  CHECK(s->id == task.id);
  CHECK(parse_submission(bare(R"("HostPorts":7,"Node":[],"Revision":"x")")).ok());
}

TEST_CASE("quantities") {
  CHECK(spec_of(R"("Cpu":0.5)").cpu_milli == 500);
  CHECK(spec_of(R"("Cpu":2)").cpu_milli == 2000);
  CHECK(spec_of(R"("Cpu":0.001)").cpu_milli == 1);
  CHECK(spec_of(R"("Cpu":1e2)").cpu_milli == 100'000);
  CHECK(spec_of(R"("Memory":"512MiB","Disk":"1GiB")").memory_bytes == 512 << 20);
  CHECK(spec_of(R"("Memory":"512MiB","Disk":"1GiB")").disk_bytes == 1 << 30);
  CHECK(spec_of(R"("Memory":8388608)").memory_bytes == 8388608);
  CHECK(spec_of(R"("StopGracePeriod":"1m30s")").stop_grace == 90s);
  CHECK(spec_of(R"("StopGracePeriod":2.5)").stop_grace == 2500ms);
  CHECK(spec_of(R"("StopGracePeriod":0)").stop_grace == 0s);
}

TEST_CASE("ports in every form") {
  auto exposed = spec_of(R"("ExposedPorts":["80","53/udp","80/tcp"])").exposed_ports;
  REQUIRE(exposed.size() == 2);
  CHECK(exposed[0].str() == "53/udp");
  CHECK(exposed[1].str() == "80/tcp");

  struct {
    std::string_view json, ports;
  } cases[] = {
      {R"({"80":"8080"})", "80/tcp=:8080"},
      {R"({"80/tcp":""})", "80/tcp=:0"},
      {R"({"80/tcp":"0"})", "80/tcp=:0"},
      {R"({"80/tcp":null})", "80/tcp=:0"},
      {R"({"80/tcp":8080})", "80/tcp=:8080"},
      {R"({"53/udp":"127.0.0.1:53"})", "53/udp=127.0.0.1:53"},
      {R"({"80/tcp":"127.0.0.1:"})", "80/tcp=127.0.0.1:0"},
      {R"({"80/tcp":"[::1]:80"})", "80/tcp=::1:80"},
      {R"({"80/tcp":"8081, 8080"})", "80/tcp=:8080 80/tcp=:8081"},
      {R"({"80/tcp":["8080","127.0.0.1:9"]})", "80/tcp=127.0.0.1:9 80/tcp=:8080"},
      {R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}]})", "80/tcp=:8080"},
      {R"({"80/tcp":[{"hostport":""}]})", "80/tcp=:0"},
      {R"({"81/tcp":"2","80/tcp":"1"})", "80/tcp=:1 81/tcp=:2"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.json);
    CHECK(ports_text(spec_of("\"PortBindings\":" + std::string(c.json))) == c.ports);
  }
}

TEST_CASE("restart policies in every form") {
  using Kind = RestartPolicy::Kind;
  CHECK(spec_of(R"("RestartPolicy":"")").restart == RestartPolicy{});
  CHECK(spec_of(R"("RestartPolicy":"no")").restart.kind == Kind::no);
  CHECK(spec_of(R"("RestartPolicy":"unless-stopped")").restart.kind == Kind::unless_stopped);
  RestartPolicy five{Kind::on_failure, 5};
  CHECK(spec_of(R"("RestartPolicy":"on-failure:5")").restart == five);
  CHECK(spec_of(R"("RestartPolicy":"on-failure","RestartMaximum":5)").restart == five);
  CHECK(spec_of(R"("RestartMaximum":5,"RestartPolicy":"on-failure")").restart == five);
  CHECK(spec_of(R"("RestartMaximum":0,"RestartPolicy":"on-failure:5")").restart == five);
  CHECK(spec_of(R"("RestartPolicy":{"Name":"on-failure","MaximumRetryCount":5})").restart == five);
}

TEST_CASE("health checks in every form") {
  using Kind = HealthCheck::Kind;
  auto health = [](std::string_view json) {
    return spec_of(R"("ExposedPorts":["80"],"HealthCheck":)" + std::string(json)).health;
  };
  CHECK(health(R"("")") == HealthCheck{});
  CHECK(health("null") == HealthCheck{});
  CHECK(health(R"("/h")").kind == Kind::http);
  CHECK(health(R"({"Path":"/h"})") == health(R"("/h")"));
  CHECK(health(R"({"Port":80})").kind == Kind::tcp);
  CHECK(health(R"({"Command":["true"]})").kind == Kind::command);
  CHECK(health(R"({"Type":"none","Path":"/h"})") == HealthCheck{});
  auto full = health(R"({"Kind":"http","Path":"/h","Port":8080,"Interval":"1m","Timeout":0.5,
                         "Retries":2,"StartPeriod":"5s"})");
  CHECK(full.port == 8080);
  CHECK(full.interval == 60s);
  CHECK(full.timeout == 500ms);
  CHECK(full.retries == 2);
  CHECK(full.start_period == 5s);
}

TEST_CASE("the other fields") {
  CHECK(spec_of(R"("Env":["A=b","C="])").env == std::vector<std::string>{"A=b", "C="});
  CHECK(spec_of(R"("Env":{"Z":"1","A":""})").env == std::vector<std::string>{"Z=1", "A="});
  auto spec = spec_of(R"("Command":["a","b"],"Entrypoint":["/e"],"WorkingDir":"/w","User":"u:g",
      "Labels":{"k":"v"},"PidsLimit":9,"Constraints":["node.name!=x"],"Platform":"linux/arm64",
      "PullPolicy":"never","StopSignal":"SIGINT","PublishAll":true,"Exclusive":true,"Mounts":[
      {"Type":"tmpfs","Target":"/t"},{"Source":"/host","Target":"/h","ReadOnly":true},
      {"Source":"data","Target":"/d"}])");
  CHECK(spec.command == std::vector<std::string>{"a", "b"});
  CHECK(spec.entrypoint == std::vector<std::string>{"/e"});
  CHECK(spec.working_dir == "/w");
  CHECK(spec.user == "u:g");
  CHECK(spec.labels == std::map<std::string, std::string>{{"k", "v"}});
  CHECK(spec.pids_max == 9);
  CHECK(spec.constraints == std::vector<std::string>{"node.name!=x"});
  CHECK(spec.platform == "linux/arm64");
  CHECK(spec.pull == TaskSpec::Pull::never);
  CHECK(spec.stop_signal == "SIGINT");
  CHECK(spec.publish_all);
  CHECK(spec.exclusive);
  CHECK(spec.mounts == std::vector<Mount>{{Mount::Kind::tmpfs, "", "/t", false},
                                          {Mount::Kind::bind, "/host", "/h", true},
                                          {Mount::Kind::volume, "data", "/d", false}});
}

TEST_CASE("what is exposed is published unless something else is said") {
  struct {
    std::string_view json;
    bool publish_all;
  } cases[] = {
      {R"("ExposedPorts":{"7777/tcp":{}})", true},
      {R"("ExposedPorts":{"7777/tcp":{}},"PortBindings":null)", true},
      {R"("ExposedPorts":{"7777/tcp":{}},"PortBindings":{})", true},
      {R"("ExposedPorts":{"7777/tcp":{}},"PublishAll":null)", true},
      {R"("ExposedPorts":["7777/tcp"],"publishall":true)", true},
      {R"("ExposedPorts":{"7777/tcp":{}},"PublishAll":false)", false},
      {R"("exposedports":["7777/tcp"],"publishall":false,"PortBindings":{})", false},
      {R"("ExposedPorts":["7777/tcp"],"PortBindings":{"80/tcp":"80"})", false},
      {R"("ExposedPorts":null)", false},
      {R"("ExposedPorts":{})", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.json);
    const auto spec = spec_of(c.json);
    CHECK(spec.publish_all == c.publish_all);
    const auto again = parse_submission(submission_json({}, spec));
    REQUIRE(again.ok());
    CHECK(again->spec == spec);
  }
}

TEST_CASE("what is wrong is named with its path") {
  struct {
    std::string_view json, message;
  } cases[] = {
      {"null", "expected a task or a task event, as an object, got null"},
      {"7", "expected a task or a task event, as an object, got 7"},
      {"[[]]", "[0]: expected a task or a task event, as an object, got a list"},
      {"{}", "Name: is missing"},
      {R"({"Name":"n"})", "Image: is missing"},
      {R"({"Task":null})", "Task: is missing"},
      {R"({"Task":[]})", "Task: expected an object, got a list"},
      {R"({"Task":{},"Sail":{}})", "Task: given twice"},
      {R"({"Timestamp":"2026-01-01T00:00:00Z","State":2})", "Task: is missing"},
      {R"({"Task":{"Name":"n"}})", "Task.Image: is missing"},
      {R"({"State":4,"Task":{}})", "State: must be 2 (start) or 3 (stop), not 4"},
      {R"({"State":"2","Task":{}})", "State: expected an integer, got a string"},
      {R"({"Task":{"State":2,"Name":"n","Image":"i"}})", "Task.State: must be 0 or 1, not 2"},
      {R"({"State":7})",
       "State: 7 is no state; 0 Pending, 1 Scheduled, 2 Running, 3 Completed, 4 Failed"},
      {R"({"Task":{"ID":"nope"}})", "Task.ID: \"nope\" is not a UUID"},
      {R"({"Task":{"ID":7}})", "Task.ID: expected a UUID as a string, got 7"},
      {R"({"Tsak":{}})", "Tsak: unknown field"},
      {R"({"Evn":[]})", "Evn: unknown field; did you mean Env?"},
      {R"({"Name":"n","name":"m"})", "Name: given twice"},
      {R"({"Foo bar":1})", "[\"Foo bar\"]: unknown field"},
      {R"({"Task":{"HealthCheck":{"Intervl":1}}})",
       "Task.HealthCheck.Intervl: unknown field; did you mean Interval?"},
      {R"({"Cpu":-0.5})", "Cpu: must not be negative: -0.5"},
      {R"({"Cpu":"1"})", "Cpu: expected a number, got a string"},
      {R"({"Cpu":0.0001})", "Cpu: 0.0001 cores is less than 0.001"},
      {R"({"Cpu":1e300})", "Cpu: 1e300 cores is more than 1024"},
      {R"({"Cpu":1e400})", "Cpu: number out of range: 1e400"},
      {R"({"Memory":-1})", "Memory: must not be negative: -1"},
      {R"({"Memory":1.5})",
       "Memory: expected bytes as an integer or text like \"512MiB\", got 1.5"},
      {R"({"Memory":9223372036854775808})",
       "Memory: 9223372036854775808 is more than 9223372036854775807"},
      {R"({"Memory":[]})",
       "Memory: expected bytes as an integer or text like \"512MiB\", got a list"},
      {R"({"PidsLimit":-5})", "PidsLimit: must not be negative: -5"},
      {R"({"PidsLimit":1.0})", "PidsLimit: expected an integer, got 1.0"},
      {R"({"ExposedPorts":7})",
       "ExposedPorts: expected an object such as {\"7777/tcp\":{}}, got 7"},
      {R"({"ExposedPorts":["x"]})",
       "ExposedPorts[0]: \"x\" is not a port such as \"7777\", \"7777/tcp\" or \"53/udp\""},
      {R"({"ExposedPorts":{"80/tcp":1}})",
       "ExposedPorts[\"80/tcp\"]: expected an empty object, got 1"},
      {R"({"PortBindings":{"70000/tcp":"1"}})",
       "PortBindings[\"70000/tcp\"]: \"70000/tcp\" is not a port such as \"7777\", \"7777/tcp\" or "
       "\"53/udp\""},
      {R"({"PortBindings":{"80/tcp":"70000"}})",
       "PortBindings[\"80/tcp\"]: \"70000\" is not a host port (0 to 65535)"},
      {R"({"PortBindings":{"80/tcp":-1}})", "PortBindings[\"80/tcp\"]: must not be negative: -1"},
      {R"({"PortBindings":{"80/tcp":"8000-8010"}})",
       "PortBindings[\"80/tcp\"]: \"8000-8010\" is not a host port (0 to 65535)"},
      {R"({"PortBindings":{"80/tcp":"::1:80"}})",
       "PortBindings[\"80/tcp\"]: an IPv6 address stands in brackets: \"[::1]:8080\""},
      {R"({"PortBindings":{"80/tcp":[]}})",
       "PortBindings[\"80/tcp\"]: the list is empty; \"\" lets the engine choose a host port"},
      {R"({"PortBindings":{"80/tcp":[{"HostPrt":"1"}]}})",
       "PortBindings[\"80/tcp\"][0].HostPrt: unknown field; did you mean HostPort?"},
      {R"({"PortBindings":{"80/tcp":true}})",
       "PortBindings[\"80/tcp\"]: expected a host port such as \"8080\" or \"127.0.0.1:8080\", "
       "got true"},
      {R"({"Env":"A=b"})",
       "Env: expected a list such as [\"NAME=value\"] or an object {\"NAME\":\"value\"}, "
       "got a string"},
      {R"({"Env":["A=b",null]})", "Env[1]: expected a string, got null"},
      {R"({"Env":{"A":1}})", "Env.A: expected a string, got 1"},
      {R"({"Command":"echo hi"})",
       "Command: expected a list of strings such as [\"sh\", \"-c\", \"date\"], got a string"},
      {R"({"Entrypoint":"/x"})",
       "Entrypoint: expected a list of strings such as [\"sh\", \"-c\", \"date\"], got a string"},
      {R"({"Labels":["a"]})", "Labels: expected an object of strings, got a list"},
      {R"({"Labels":{"a b":1}})", "Labels[\"a b\"]: expected a string, got 1"},
      {R"({"Mounts":[{"Type":"nfs"}]})", "Mounts[0].Type: \"nfs\" is none of volume, bind, tmpfs"},
      {R"({"Mounts":{}})", "Mounts: expected a list, got an object"},
      {R"({"PublishAll":1})", "PublishAll: expected true or false, got 1"},
      {R"({"Exclusive":"yes"})", "Exclusive: expected true or false, got a string"},
      {R"({"PullPolicy":"sometimes"})",
       "PullPolicy: \"sometimes\" is none of missing, always, never"},
      {R"({"RestartPolicy":"allways"})",
       "RestartPolicy: \"allways\" is none of no, always, unless-stopped, on-failure"},
      {R"({"RestartPolicy":"on-failure:-1"})",
       "RestartPolicy: after \"on-failure:\" stands the maximum, as in \"on-failure:5\""},
      {R"({"RestartPolicy":"on-failure:5","RestartMaximum":6})",
       "RestartMaximum: the maximum is given twice, as 5 and 6"},
      {R"({"RestartMaximum":-1})", "RestartMaximum: must not be negative: -1"},
      {R"({"RestartMaximum":4294967296})", "RestartMaximum: 4294967296 is more than 4294967295"},
      {R"({"StopGracePeriod":-1})", "StopGracePeriod: must not be negative: -1"},
      {R"({"StopGracePeriod":1e12})", "StopGracePeriod: 1e12 seconds is more than 1000000000"},
      {R"({"StopGracePeriod":true})",
       "StopGracePeriod: expected a duration such as \"10s\" or a number of seconds, got true"},
      {R"({"HealthCheck":7})",
       "HealthCheck: expected a path such as \"/health\" or an object, got 7"},
      {R"({"HealthCheck":{}})",
       "HealthCheck: needs a Type (http, tcp or command), a Path, a Command or a Port"},
      {R"({"HealthCheck":{"Path":"/","Command":["x"]}})",
       "HealthCheck: has a Path and a Command; say which with Type"},
      {R"({"HealthCheck":{"Type":"grpc"}})",
       "HealthCheck.Type: \"grpc\" is none of http, tcp, command, none"},
      {R"({"HealthCheck":{"Port":65536}})", "HealthCheck.Port: 65536 is more than 65535"},
      {R"({"HealthCheck":{"Retries":-1}})", "HealthCheck.Retries: must not be negative: -1"},
      {R"({"HealthCheck":{"Command":"x"}})",
       "HealthCheck.Command: expected a list of strings such as [\"test\", \"-f\", \"/ready\"], "
       "got a string"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.json);
    CHECK(error_of(c.json) == c.message);
  }
}

TEST_CASE("errors are the caller's: invalid, with a foreign word kept short and printable") {
  bool was_array = false;
  auto s = parse_submissions(R"({"RestartPolicy":"\u001b[2J)" + std::string(90'000, 'x') + "\"}",
                             was_array);
  REQUIRE_FALSE(s.ok());
  CHECK(s.error().code == Code::invalid);
  CHECK(s.error().message.size() < 200);
  CHECK(s.error().message.find('\x1b') == std::string::npos);
  CHECK(error_of("{\"" + std::string(90'000, 'x') + "\":1}").size() < 200);
}

TEST_CASE("a batch, and what is wrong in it by index") {
  bool was_array = false;
  auto s = parse_submissions("[" + std::string(canonical) + "," + bare(R"("User":"u")") + "]",
                             was_array);
  REQUIRE(s.ok());
  CHECK(was_array);
  REQUIRE(s->size() == 2);
  CHECK((*s)[1].spec.user == "u");
  CHECK((*s)[1].bare);

  auto one = parse_submissions(canonical, was_array);
  REQUIRE(one.ok());
  CHECK_FALSE(was_array);
  CHECK(one->size() == 1);

  auto none = parse_submissions("[]", was_array);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().message == "the list of tasks is empty: there is nothing to submit");

  std::string ok = bare(R"("User":"u")");
  CHECK(error_of("[" + ok + "," + ok + R"(,{"Name":"n"}])") == "[2].Image: is missing");
  CHECK(error_of("[" + ok + R"(,{"Task":{"Name":"n","Imag":"i"}}])") ==
        "[1].Task.Imag: unknown field; did you mean Image?");
}

TEST_CASE("too many values are refused before they take memory") {
  std::string json = "[";
  for (int i = 0; i < 300'000; ++i) json += "0,";
  bool was_array = false;
  auto s = parse_submissions(json + "0]", was_array);
  REQUIRE_FALSE(s.ok());
  CHECK(s.error().code == Code::too_large);
}

TEST_CASE("no prefix of a good body is good, and none crashes") {
  std::string good(canonical);
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_FALSE(parse_submission(std::string_view(good).substr(0, n)).ok());
}

}  // namespace
}  // namespace cube::api
