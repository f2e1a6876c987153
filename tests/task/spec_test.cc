#include "task/spec.h"

#include <doctest/doctest.h>

#include <functional>

namespace cube {
namespace {

TEST_CASE("ports") {
  struct Case {
    std::string text;
    const char* written;  // nullptr: refused
  };
  const Case cases[] = {
      {"7777", "7777/tcp"},    {"7777/tcp", "7777/tcp"}, {"53/udp", "53/udp"},
      {"9/sctp", "9/sctp"},    {"1", "1/tcp"},           {"65535", "65535/tcp"},
      {"0", nullptr},          {"65536", nullptr},       {"", nullptr},
      {"/tcp", nullptr},       {"80/", nullptr},         {"80/TCP", nullptr},
      {"80/icmp", nullptr},    {"-80", nullptr},         {"80/tcp/udp", nullptr},
      {"4294967376", nullptr}, {"http", nullptr},        {" 80", nullptr},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto port = Port::parse(c.text);
    CHECK(port.ok() == (c.written != nullptr));
    if (port && c.written != nullptr) CHECK(port->str() == c.written);
  }
}

TEST_CASE("restart policies") {
  using Kind = RestartPolicy::Kind;
  struct Case {
    RestartPolicy policy;
    std::string name;
    std::optional<std::uint32_t> max;
    bool after_success, after_failure;
  };
  const Case cases[] = {
      {{Kind::unset, 0}, "", 3, false, true},
      {{Kind::no, 0}, "no", 0, false, false},
      {{Kind::always, 0}, "always", std::nullopt, true, true},
      {{Kind::unless_stopped, 0}, "unless-stopped", std::nullopt, true, true},
      {{Kind::on_failure, 0}, "on-failure", std::nullopt, false, true},
      {{Kind::on_failure, 5}, "on-failure", 5, false, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(c.policy.name() == c.name);
    CHECK(c.policy.max_in_a_row() == c.max);
    CHECK(c.policy.restarts_after(true) == c.after_success);
    CHECK(c.policy.restarts_after(false) == c.after_failure);
  }
}

// The canonical task of the wire contract.
TaskSpec echo() {
  TaskSpec spec;
  spec.name = "test-chapter-9.1";
  spec.image = "timboring/echo-server:latest";
  spec.exposed_ports = {*Port::parse("7777/tcp")};
  spec.ports = {{*Port::parse("7777/tcp"), 7777, ""}};
  spec.health.kind = HealthCheck::Kind::http;
  spec.health.path = "/health";
  return spec;
}

std::string problem(const TaskSpec& spec) {
  const auto valid = validate(spec);
  if (valid.ok()) return "";
  CHECK(valid.error().code == Code::invalid);
  CHECK(valid.error().message.find('\n') == std::string::npos);
  return valid.error().message;
}

TEST_CASE("images") {
  const std::string hex(64, 'a');
  const std::string good[] = {
      "echo",
      "timboring/echo-server:latest",
      "localhost:5000/x@sha256:" + hex,
      "registry.example/team/app",
      "registry.example:443/team/app:1.2",
      "REGISTRY/app",
      "a/b/c/d:T_a.g-1",
      "my_app",
      "my__app",
      "my--app",
      "my.app",
      "x:y@sha256:" + hex,
      "sha256:" + hex,
      hex,
      "[::1]:5000/app",
      "localhost/app",
      "0/0",
  };
  for (const std::string& image : good) {
    TaskSpec spec = echo();
    spec.image = image;
    CHECK_MESSAGE(problem(spec) == "", image);
  }
  const std::string bad[] = {
      "Echo",
      "echo server",
      "echo:",
      ":latest",
      "/echo",
      "echo/",
      "a//b",
      "-echo",
      "echo-",
      "my___app",
      "my..app",
      "echo:-tag",
      "echo:" + std::string(129, 't'),
      "echo@sha256:abc",
      "echo@" + hex,
      "echo@sha256:" + std::string(64, 'g'),
      "team/Echo",
      "ec\nho",
      "echo\t",
      "registry.example:port/app",
      "http://registry/app",
      std::string(256, 'a'),
      "\xc3\xbc",
      "a/../b",
      "[::1/app",
      "echo?x=1",
      "echo#",
      "@",
      ":",
      "/",
  };
  for (const std::string& image : bad) {
    TaskSpec spec = echo();
    spec.image = image;
    CHECK_MESSAGE(problem(spec).starts_with("Image: "), image);
  }
}

struct Case {
  std::string what;
  std::function<void(TaskSpec&)> change;
  const char* message;  // what its error begins with; empty: allowed
};

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    TaskSpec spec = echo();
    c.change(spec);
    const std::string found = problem(spec);
    CHECK_MESSAGE((*c.message == '\0' ? found.empty() : found.starts_with(c.message)), c.what,
                  " gave: ", found);
  }
}

TEST_CASE("names and numbers") {
  check({
      {"canonical", [](TaskSpec&) {}, ""},
      {"no name", [](TaskSpec& s) { s.name = ""; }, "Name: is missing"},
      {"name of the most bytes", [](TaskSpec& s) { s.name = std::string(128, 'n'); }, ""},
      {"long name", [](TaskSpec& s) { s.name = std::string(129, 'n'); }, "Name: has 129 bytes"},
      {"utf-8 name", [](TaskSpec& s) { s.name = "gr\xc3\xbc\xc3\x9f"; }, ""},
      {"slash in name", [](TaskSpec& s) { s.name = "a/b"; },
       R"(Name: "a/b" is not a task name: any text without "/", "?", "#" and "%")"},
      {"question mark in name", [](TaskSpec& s) { s.name = "a?b"; }, "Name: \"a?b\" is not"},
      {"hash in name", [](TaskSpec& s) { s.name = "a#b"; }, "Name: \"a#b\" is not"},
      {"percent in name", [](TaskSpec& s) { s.name = "a%20b"; }, "Name: \"a%20b\" is not"},
      {"space before", [](TaskSpec& s) { s.name = " a"; }, "Name: \" a\" is not"},
      {"space after", [](TaskSpec& s) { s.name = "a "; }, "Name: \"a \" is not"},
      {"broken utf-8", [](TaskSpec& s) { s.name = "\xff"; }, "Name: is not valid UTF-8"},
      {"escape in name", [](TaskSpec& s) { s.name = "\x1b[2J"; }, "Name: may not hold control"},
      {"no image", [](TaskSpec& s) { s.image = ""; }, "Image: is missing"},
      {"negative cpu", [](TaskSpec& s) { s.cpu_milli = -1; }, "Cpu: is -0.001 cores"},
      {"all cpu", [](TaskSpec& s) { s.cpu_milli = 1'024'000; }, ""},
      {"too much cpu", [](TaskSpec& s) { s.cpu_milli = 1'024'001; }, "Cpu: "},
      {"negative memory", [](TaskSpec& s) { s.memory_bytes = -1; }, "Memory: is -1 bytes"},
      {"least memory", [](TaskSpec& s) { s.memory_bytes = 6 << 20; }, ""},
      {"too little memory", [](TaskSpec& s) { s.memory_bytes = (6 << 20) - 1; }, "Memory: "},
      {"absurd memory", [](TaskSpec& s) { s.memory_bytes = INT64_MAX; }, "Memory: "},
      {"negative disk", [](TaskSpec& s) { s.disk_bytes = -1; }, "Disk: "},
      {"absurd disk", [](TaskSpec& s) { s.disk_bytes = INT64_MAX; }, "Disk: "},
      {"negative pids", [](TaskSpec& s) { s.pids_max = -1; }, "PidsLimit: "},
      {"maximum without its policy", [](TaskSpec& s) { s.restart.max = 2; }, "RestartMaximum: "},
      {"maximum with its policy",
       [](TaskSpec& s) {
         s.restart = {RestartPolicy::Kind::on_failure, 2};
       },
       ""},
      {"no grace", [](TaskSpec& s) { s.stop_grace = 0s; }, ""},
      {"negative grace", [](TaskSpec& s) { s.stop_grace = -1s; }, "StopGracePeriod: is -1s"},
      {"endless grace", [](TaskSpec& s) { s.stop_grace = 61min; }, "StopGracePeriod: is 1h1m"},
      {"signal", [](TaskSpec& s) { s.stop_signal = "SIGQUIT"; }, ""},
      {"short signal", [](TaskSpec& s) { s.stop_signal = "INT"; }, ""},
      {"signal number", [](TaskSpec& s) { s.stop_signal = "64"; }, ""},
      {"signal 0", [](TaskSpec& s) { s.stop_signal = "0"; }, "StopSignal: \"0\""},
      {"signal 65", [](TaskSpec& s) { s.stop_signal = "65"; }, "StopSignal: "},
      {"no signal", [](TaskSpec& s) { s.stop_signal = "SIGFOO"; }, "StopSignal: \"SIGFOO\""},
  });
}

TEST_CASE("port bindings") {
  const auto bind = [](const char* port, std::uint16_t host, const char* ip = "") {
    return PortBinding{*Port::parse(port), host, ip};
  };
  check({
      {"port 0",
       [](TaskSpec& s) {
         s.exposed_ports = {Port{0, "tcp"}};
       },
       "ExposedPorts[\"0/tcp\"]: is no port"},
      {"protocol", [](TaskSpec& s) { s.ports[0].container.protocol = "icmp"; },
       "PortBindings[\"7777/icmp\"]: is no port"},
      {"exposed twice", [](TaskSpec& s) { s.exposed_ports.push_back(s.exposed_ports[0]); },
       "ExposedPorts[\"7777/tcp\"]: is given twice"},
      {"one host port twice", [&](TaskSpec& s) { s.ports.push_back(bind("80", 7777)); },
       "PortBindings[\"80/tcp\"]: host port 7777/tcp is already bound to 7777/tcp"},
      {"other protocol", [&](TaskSpec& s) { s.ports.push_back(bind("80/udp", 7777)); }, ""},
      {"several for one", [&](TaskSpec& s) { s.ports.push_back(bind("7777", 7778)); }, ""},
      {"one on all addresses",
       [&](TaskSpec& s) { s.ports.push_back(bind("80", 7777, "127.0.0.1")); },
       "PortBindings[\"80/tcp\"]: host port"},
      {"two addresses",
       [&](TaskSpec& s) {
         s.ports = {bind("80", 1, "127.0.0.1"), bind("81", 1, "127.0.0.2")};
       },
       ""},
      {"v4 and v6",
       [&](TaskSpec& s) {
         s.ports = {bind("80", 1, "0.0.0.0"), bind("80", 1, "::")};
       },
       ""},
      {"v6 twice",
       [&](TaskSpec& s) {
         s.ports = {bind("80", 1, "::1"), bind("81", 1, "::")};
       },
       "PortBindings[\"81/tcp\"]: host port"},
      {"chosen by the engine",
       [&](TaskSpec& s) {
         s.ports = {bind("80", 0), bind("80", 0)};
       },
       ""},
      {"a name for an address", [&](TaskSpec& s) { s.ports[0].host_ip = "localhost"; },
       "PortBindings[\"7777/tcp\"]: \"localhost\" is not an IP address"},
      {"no address", [&](TaskSpec& s) { s.ports[0].host_ip = "1.2.3.256"; }, "PortBindings["},
      {"too many", [&](TaskSpec& s) { s.ports.assign(129, bind("80", 0)); },
       "PortBindings: has 129 items; at most 128 are allowed"},
  });
}

TEST_CASE("process, labels and mounts") {
  const auto volume = [](const char* source, const char* target) {
    return Mount{Mount::Kind::volume, source, target, false};
  };
  const auto host = [](const char* source, const char* target) {
    return Mount{Mount::Kind::bind, source, target, true};
  };
  check({
      {"env",
       [](TaskSpec& s) {
         s.env = {"A=1", "B=", "C=x=y"};
       },
       ""},
      {"env without value",
       [](TaskSpec& s) {
         s.env = {"A=1", "B"};
       },
       "Env[1]: \"B\" is not"},
      {"env without name", [](TaskSpec& s) { s.env = {"=x"}; }, "Env[0]: "},
      {"env with NUL", [](TaskSpec& s) { s.env = {std::string("A=\0", 3)}; },
       "Env[0]: may not hold a NUL"},
      {"much env", [](TaskSpec& s) { s.env.assign(513, "A=1"); }, "Env: has 513 items"},
      {"long env", [](TaskSpec& s) { s.env = {"A=" + std::string(40'000, 'x')}; },
       "Env[0]: has 40002 bytes; at most 32768"},
      {"command with NUL",
       [](TaskSpec& s) {
         s.command = {"a", std::string(1, '\0')};
       },
       "Command[1]: "},
      {"empty argument",
       [](TaskSpec& s) {
         s.command = {"a", ""};
       },
       ""},
      {"empty program", [](TaskSpec& s) { s.entrypoint = {""}; }, "Entrypoint[0]: "},
      {"relative directory", [](TaskSpec& s) { s.working_dir = "tmp"; }, "WorkingDir: \"tmp\""},
      {"user", [](TaskSpec& s) { s.user = "1000:1000"; }, ""},
      {"user with newline", [](TaskSpec& s) { s.user = "a\nb"; }, "User: "},
      {"label",
       [](TaskSpec& s) {
         s.labels = {{"team", "a\nb"}, {"cubes", ""}};
       },
       ""},
      {"our label",
       [](TaskSpec& s) {
         s.labels = {{"cube.task", "x"}};
       },
       "Labels[\"cube.task\"]: "},
      {"nameless label",
       [](TaskSpec& s) {
         s.labels = {{"", "x"}};
       },
       "Labels[\"\"]: "},
      {"volume", [&](TaskSpec& s) { s.mounts = {volume("data-1", "/data")}; }, ""},
      {"volume path", [&](TaskSpec& s) { s.mounts = {volume("/etc", "/data")}; },
       "Mounts[0].Source: \"/etc\" is not a volume name"},
      {"volume of one letter", [&](TaskSpec& s) { s.mounts = {volume("d", "/data")}; },
       "Mounts[0].Source: "},
      {"relative target", [&](TaskSpec& s) { s.mounts = {volume("data", "data")}; },
       "Mounts[0].Target: "},
      {"target up", [&](TaskSpec& s) { s.mounts = {volume("data", "/a/../b")}; },
       "Mounts[0].Target: "},
      {"dots in a name", [&](TaskSpec& s) { s.mounts = {volume("data", "/a..b/...")}; }, ""},
      {"whole container", [&](TaskSpec& s) { s.mounts = {volume("data", "//.")}; },
       "Mounts[0].Target: "},
      {"same target",
       [&](TaskSpec& s) {
         s.mounts = {volume("data", "/a/b"), volume("more", "/a//./b/")};
       },
       "Mounts[1].Target: "},
      {"host path", [&](TaskSpec& s) { s.mounts = {host("/srv/x", "/data")}; }, ""},
      {"host path up", [&](TaskSpec& s) { s.mounts = {host("/srv/../etc", "/data")}; },
       "Mounts[0].Source: "},
      {"relative host path", [&](TaskSpec& s) { s.mounts = {host("srv", "/data")}; },
       "Mounts[0].Source: "},
      {"tmpfs",
       [](TaskSpec& s) {
         s.mounts = {{Mount::Kind::tmpfs, "", "/tmp", false}};
       },
       ""},
      {"tmpfs source",
       [](TaskSpec& s) {
         s.mounts = {{Mount::Kind::tmpfs, "x", "/tmp", false}};
       },
       "Mounts[0].Source: must be empty"},
  });
}

TEST_CASE("health checks") {
  using Kind = HealthCheck::Kind;
  check({
      {"relative path", [](TaskSpec& s) { s.health.path = "health"; }, "HealthCheck.Path: "},
      {"no path", [](TaskSpec& s) { s.health.path = ""; }, "HealthCheck.Path: "},
      {"request smuggled", [](TaskSpec& s) { s.health.path = "/ HTTP/1.1\r\nX: y"; },
       "HealthCheck.Path: "},
      {"space", [](TaskSpec& s) { s.health.path = "/a b"; }, "HealthCheck.Path: "},
      {"query", [](TaskSpec& s) { s.health.path = "/a?b=c%20d"; }, ""},
      {"no port to take", [](TaskSpec& s) { s.ports.clear(), s.exposed_ports.clear(); },
       "HealthCheck.Port: is missing"},
      {"only udp ports",
       [](TaskSpec& s) { s.ports.clear(), s.exposed_ports = {*Port::parse("53/udp")}; },
       "HealthCheck.Port: "},
      {"port named",
       [](TaskSpec& s) { s.ports.clear(), s.exposed_ports.clear(), s.health.port = 80; }, ""},
      {"tcp", [](TaskSpec& s) { s.health.kind = Kind::tcp, s.health.path = ""; }, ""},
      {"command without one", [](TaskSpec& s) { s.health.kind = Kind::command; },
       "HealthCheck.Command: is missing"},
      {"command needs no port",
       [](TaskSpec& s) {
         s.ports.clear(), s.exposed_ports.clear();
         s.health.kind = Kind::command, s.health.command = {"true"};
       },
       ""},
      {"interval", [](TaskSpec& s) { s.health.interval = 100ms; }, ""},
      {"hectic", [](TaskSpec& s) { s.health.interval = 99ms; }, "HealthCheck.Interval: is 99ms"},
      {"no timeout", [](TaskSpec& s) { s.health.timeout = 0s; }, "HealthCheck.Timeout: "},
      {"negative start", [](TaskSpec& s) { s.health.start_period = -1s; },
       "HealthCheck.StartPeriod: "},
      {"no retries", [](TaskSpec& s) { s.health.retries = 0; }, "HealthCheck.Retries: is 0"},
      {"endless retries", [](TaskSpec& s) { s.health.retries = 101; }, "HealthCheck.Retries: "},
      {"unused fields", [](TaskSpec& s) { s.health.kind = Kind::none, s.health.retries = 0; }, ""},
  });
}

TEST_CASE("constraints and platforms") {
  const std::string good[] = {
      "node.name==n1",         "node.name != n1",         "node.platform==linux/arm64",
      "node.labels.disk==ssd", "node.labels.a.b/c!=x==y", "node.labels.gpu"};
  for (const std::string& text : good) {
    TaskSpec spec = echo();
    spec.constraints = {text};
    CHECK_MESSAGE(problem(spec) == "", text);
  }
  const std::string bad[] = {"",
                             "node.name",
                             "node.name=n1",
                             "node.name==",
                             "name==n1",
                             "==x",
                             "node.labels.==x",
                             "node.labels.a=b",
                             "node.labels",
                             "node.labels.a b",
                             "node.name== "};
  for (const std::string& text : bad) {
    TaskSpec spec = echo();
    spec.constraints = {"node.labels.gpu", text};
    CHECK_MESSAGE(problem(spec).starts_with("Constraints[1]: "), text);
  }
  for (const char* text : {"linux/amd64", "linux/arm/v7", ""}) {
    TaskSpec spec = echo();
    spec.platform = text;
    CHECK_MESSAGE(problem(spec) == "", text);
  }
  for (const char* text : {"linux", "linux/", "/amd64", "a/b/c/d", "linux /amd64", "linux//v7"}) {
    TaskSpec spec = echo();
    spec.platform = text;
    CHECK_MESSAGE(problem(spec).starts_with("Platform: "), text);
  }
}

TEST_CASE("a long or foreign value is shown short and harmless") {
  TaskSpec spec = echo();
  spec.stop_signal = "\x1b[31m" + std::string(5000, 'x');
  const std::string found = problem(spec);
  CHECK(found.size() < 250);
  CHECK(found.find('\x1b') == std::string::npos);
}

}  // namespace
}  // namespace cube
