#include "cli/arguments.h"

#include <doctest/doctest.h>

#include <map>

#include "cli/command_table.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

using Words = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

std::variant<Invocation, Ending> parse(const Words& words, Environment environment = {},
                                       bool is_root = false) {
  return parse_arguments(words, {[environment](const std::string& name) {
                                   const auto found = environment.find(name);
                                   return found == environment.end() ? std::nullopt
                                                                     : std::optional(found->second);
                                 },
                                 "host1", is_root});
}

template <class Options>
Options options(const Words& words, Environment environment = {}, bool is_root = false) {
  const auto parsed = parse(words, std::move(environment), is_root);
  if (const auto* ending = std::get_if<Ending>(&parsed)) FAIL(ending->err);
  return std::get<Options>(std::get<Invocation>(parsed));
}

TEST_CASE("mistakes end with a line that helps, and code 2") {
  struct Case {
    Words words;
    const char* message;
  };
  for (const Case& c : {
           Case{{"stauts"}, "unknown command `stauts`; did you mean `status`?"},
           Case{{"frobnicate"}, "unknown command `frobnicate`; `cube help` lists them"},
           Case{{"run", "--imgae", "x"},
                "`cube run` has no flag `--imgae`; did you mean `--image`?"},
           Case{{"run", "--imgae=x"}, "`cube run` has no flag `--imgae`; did you mean `--image`?"},
           Case{{"stop", "-z", "web"}, "`cube stop` has no flag `-z`; `cube help stop` lists them"},
           Case{{"version", "now"}, "`cube version` takes no argument `now`"},
           Case{{"--manager", "x", "status"},
                "`--manager` stands before the command; the command comes first"},
           Case{{"status", "-m"}, "--manager: needs a value"},
           Case{{"status", "-m", "a:b"},
                "--manager: `a:b` is not an address such as localhost:5555"},
           Case{{"manager", "-p", "70000"}, "--port: `70000` is not a port from 0 to 65535"},
           Case{{"manager", "-p", "-1"}, "--port: `-1` is not a port from 0 to 65535"},
           Case{{"manager", "-s", "best"},
                "--scheduler: `best` is not one of epvm, roundrobin, spread, binpack"},
           Case{{"manager", "--dbType", "disk"},
                "--dbtype: `disk` is not one of persistent, memory"},
           Case{{"worker", "--name", "a/b"},
                "--name: `a/b` is no name for a node: at most 63 letters, digits, `_`, `.` and "
                "`-`, beginning with a letter or digit"},
           Case{{"manager", "--cluster", "my shop"},
                "--cluster: `my shop` is no name for a cluster: at most 63 letters, digits, `_`, "
                "`.` and `-`, beginning with a letter or digit"},
           Case{{"worker", "--cluster", ""},
                "--cluster: `` is no name for a cluster: at most 63 letters, digits, `_`, `.` and "
                "`-`, beginning with a letter or digit"},
           Case{{"manager", "-w", ""}, "--workers: `` names no address"},
           Case{{"manager", "-w", "a:1", "-w", ","}, "--workers: `,` names no address"},
           Case{{"dev", "-p", "7000", "--worker-port", "7000"},
                "--worker-port: 7000 is the manager's port (--port) too"},
           Case{{"dev", "-p", "5556"}, "--worker-port: 5556 is the manager's port (--port) too"},
           Case{{"ingress", "-p", "5557"}, "--metrics-port: 5557 is the ingress's (--port) too"},
           Case{{"ingress", "--connections", "0"}, "--connections: must be from 1 to 1000000"},
           Case{{"ingress", "-m", ","}, "--manager: `,` names no address"},
           Case{{"logs", "--since", "zz", "web"},
                "--since: `zz` is neither a duration (10m) nor a time (2026-01-02T03:04:05Z)"},
           Case{{"worker", "--label", "x"}, "--label: `x` is not KEY=VALUE"},
           Case{{"worker", "--allow-mount", "x"}, "--allow-mount: `x` is not an absolute path"},
           Case{{"worker", "--cpus", "0"}, "--cpus: `0` is not a number of cores such as 0.5 or 2"},
           Case{{"run", "--timeout", "soon"},
                "--timeout: `soon` is not a duration such as 30s, 1m30s or 500ms"},
           Case{{"run", "--name", "x"}, "--name needs --image"},
           Case{{"run", "web.json"},
                "`cube run` takes no argument `web.json` without --image; did you mean `-f "
                "web.json`?"},
           Case{{"run", "--image", "x", "-f", "y"}, "--image and --filename exclude each other"},
           Case{{"run", "--image", "x", "--image", "y"}, "--image: given more than once"},
           Case{{"stop"},
                "`cube stop` needs the name or ID of a task; `cube help stop` tells more"},
           Case{{"stop", ""}, "an empty argument names nothing"},
           Case{{"service", "crate"},
                "unknown command `service crate`; did you mean `service create`?"},
           Case{{"service", "frobnicate"},
                "unknown command `service frobnicate`; `cube help service` lists them"},
           Case{{"service create"},
                "unknown command `service create`; did you mean `service create`?"},
           Case{{"service", "-m", "x", "ls"},
                "`-m` stands before the command of `service`; the command comes first"},
           Case{{"servce", "ls"}, "unknown command `servce`; did you mean `service`?"},
           Case{{"aply"}, "unknown command `aply`; did you mean `apply`?"},
           Case{{"service", "create", "--replcas", "3"},
                "`cube service create` has no flag `--replcas`; did you mean `--replicas`?"},
           Case{{"service", "create"},
                "`cube service create` needs -f FILE or --image IMAGE; `cube help service create` "
                "tells more"},
           Case{{"service", "create", "web.yaml"},
                "`cube service create` takes no argument `web.yaml` without --image; did you mean "
                "`-f web.yaml`?"},
           Case{{"service", "create", "--replicas", "3"}, "--replicas needs --image"},
           Case{{"service", "create", "--image", "x", "-f", "y"},
                "--image and --filename exclude each other"},
           Case{{"service", "create", "--image", "x", "--replicas", "-1"},
                "--replicas: `-1` is not a whole number"},
           Case{{"service", "create", "--image", "x", "--order", "last"},
                "--order: `last` is not one of start-first, stop-first"},
           Case{{"service", "update", "web"},
                "`cube service update` needs a flag that says what to change; `cube help service "
                "update` tells more"},
           Case{{"service", "update", "--image", "x"},
                "`cube service update` needs the name of one service, or -f FILE; `cube help "
                "service update` tells more"},
           Case{{"service", "update", "-f", "x", "--env", "A=1"},
                "--env and --filename exclude each other"},
           Case{{"service", "update", "-f", "x", "web"},
                "with --filename the files name the services"},
           Case{{"service", "ps"},
                "`cube service ps` needs the name of a service; `cube help service ps` tells more"},
           Case{{"apply"}, "`cube apply` needs -f FILE; `cube help apply` tells more"},
           Case{{"apply", "-f", "-", "-f", "-"}, "--filename: standard input (`-`) is given twice"},
           Case{{"node", "drain", "--watch", "n1"}, "--watch and `drain` exclude each other"},
           Case{{"logs", "a", "b"},
                "`cube logs` needs the name or ID of one task; `cube help logs` tells more"},
           Case{{"completion", "tcsh"}, "no completion for `tcsh`; there is bash, zsh, fish"},
       }) {
    CAPTURE(c.message);
    const auto parsed = parse(c.words);
    REQUIRE(std::holds_alternative<Ending>(parsed));
    const Ending& ending = std::get<Ending>(parsed);
    CHECK(ending.code == exit_usage);
    CHECK(ending.out.empty());
    CHECK(ending.err == "cube: " + std::string(c.message) + "\n");
  }
}

TEST_CASE("help is asked for, or the answer to nothing") {
  const Ending asked = std::get<Ending>(parse({"--help"}));
  CHECK(asked.code == exit_fine);
  CHECK(asked.err.empty());
  const Ending nothing = std::get<Ending>(parse({}));
  CHECK(nothing.code == exit_usage);
  CHECK(nothing.out.empty());
  CHECK(nothing.err == asked.out);
  for (const Command& c : commands()) {
    const std::string name(c.name), group(group_of(c));
    const Words words = group.empty() ? Words{name} : Words{group, name.substr(group.size() + 1)};
    Words with_help = words;
    with_help.emplace_back("--help");
    const Ending help = std::get<Ending>(parse(with_help));
    CHECK(help.code == exit_fine);
    CHECK(help.out.starts_with("cube " + name + ": "));
    CHECK(asked.out.find("\n  " + words.front() + " ") != std::string::npos);
    if (group.empty()) continue;
    const Ending listed = std::get<Ending>(parse({group, "--help"}));
    CHECK(listed.code == exit_fine);
    CHECK(listed.out.find("\n  " + name + " ") != std::string::npos);
    CHECK(std::get<Ending>(parse({group})).err == listed.out);
    CHECK(options<HelpOptions>({"help", words[0], words[1]}).topic == name);
  }
}

TEST_CASE("manager: defaults, and every spelling of the old command line") {
  const auto d = options<ManagerOptions>({"manager"}, {{"HOME", "/home/u"}});
  CHECK(d.host == "127.0.0.1");
  CHECK(d.port == 5555);
  CHECK(d.scheduler == "epvm");
  CHECK(d.dbtype == "persistent");
  CHECK(d.data_dir == "/home/u/.local/state/cube/manager");
  CHECK(d.node_deadline == 10s);

  const auto o = options<ManagerOptions>({"manager", "-H", "0.0.0.0", "-p", "6000", "-w",
                                          "a:1,b:2,", "--workers", "c,a:1", "-s", "spread",
                                          "--dbType", "memory", "--node-deadline", "3s"});
  CHECK(o.host == "0.0.0.0");
  CHECK(o.port == 6000);
  CHECK(o.workers == Words{"a:1", "b:2", "c:5556"});
  CHECK(o.scheduler == "spread");
  CHECK(o.dbtype == "memory");
  CHECK(o.node_deadline == 3s);
  CHECK(options<ManagerOptions>({"manager", "-d", "memory"}).dbtype == "memory");
}

TEST_CASE("ingress: defaults, managers from flags or the environment") {
  const auto plain = options<IngressOptions>({"ingress"});
  CHECK(plain.host == "127.0.0.1");
  CHECK(plain.port == 8080);
  CHECK(plain.metrics_port == 5557);
  CHECK(plain.managers == Words{"localhost:5555"});
  CHECK(plain.access_log.empty());
  CHECK_FALSE(plain.share_port);
  const auto full = options<IngressOptions>(
      {"ingress", "-m", "a,b:1", "-m", "a:5555", "-H", "0.0.0.0", "-p", "80", "--metrics-port", "0",
       "--access-log", "-", "--connections", "7", "--share-port", "--drain", "5s"});
  CHECK(full.managers == Words{"a:5555", "b:1"});
  CHECK(full.host == "0.0.0.0");
  CHECK(full.port == 80);
  CHECK(full.metrics_port == 0);
  CHECK(full.access_log == "-");
  CHECK(full.connections_max == 7);
  CHECK(full.share_port);
  CHECK(full.drain == 5s);
  CHECK(options<ManagerOptions>({"manager"}).ingress_port == 8080);
  CHECK_FALSE(options<ManagerOptions>({"manager"}).ingress_port_given);
  CHECK(options<DevOptions>({"dev", "--ingress-port", "0"}).ingress_port == 0);
  CHECK(options<DevOptions>({"dev", "--ingress-port", "0"}).ingress_port_given);
}

TEST_CASE("the data directory: flag, environment, root, state home") {
  const Environment set{{"CUBE_DATA_DIR", "/e"}, {"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}};
  CHECK(options<ManagerOptions>({"manager", "--data-dir", "/f"}, set).data_dir == "/f");
  CHECK(options<ManagerOptions>({"manager"}, set).data_dir == "/e");
  CHECK(options<ManagerOptions>({"manager"}, {}, true).data_dir == "/var/lib/cube/manager");
  CHECK(options<WorkerOptions>({"worker"}, {{"XDG_STATE_HOME", "/x"}}).data_dir ==
        "/x/cube/worker-host1");
}

TEST_CASE("worker") {
  const auto o = options<WorkerOptions>({"worker",
                                         "-n",
                                         "n1",
                                         "-p",
                                         "5600",
                                         "--join",
                                         "m",
                                         "--advertise",
                                         "10.0.0.1",
                                         "--label",
                                         "disk=ssd",
                                         "--label",
                                         "zone=",
                                         "--allow-mount",
                                         "/srv",
                                         "--allow-mount",
                                         "/data",
                                         "--cpus",
                                         "2.5",
                                         "--memory",
                                         "4GiB",
                                         "--engine-parallel",
                                         "4",
                                         "--forget-manager",
                                         "--log-format",
                                         "json"},
                                        {{"DOCKER_HOST", "unix:///run/x.sock"}});
  CHECK(o.name == "n1");
  CHECK(o.join == Words{"m:5555"});
  CHECK(o.advertise == "10.0.0.1:5600");
  CHECK(o.labels == std::map<std::string, std::string>{{"disk", "ssd"}, {"zone", ""}});
  CHECK(o.mount_dirs == Words{"/srv", "/data"});
  CHECK(o.cpu_milli == 2500);
  CHECK(o.memory_bytes == 4LL << 30);
  CHECK_FALSE(o.disk_bytes.has_value());
  CHECK(o.docker_host == "unix:///run/x.sock");
  CHECK(o.engine_parallel == 4);
  CHECK(o.forget_manager);
  CHECK(o.log_format == LogFormat::json);
}

TEST_CASE("the name of a node is given well, or made of the host's") {
  for (const std::string& name : {std::string("n1"), std::string("A.b_c-9"), std::string(63, 'x')})
    CHECK(options<WorkerOptions>({"worker", "-n", name}).name == name);
  for (const std::string& name : {std::string(), std::string("-x"), std::string(".x"),
                                  std::string("a b"), std::string("é"), std::string(64, 'x')}) {
    CAPTURE(name);
    CHECK(std::holds_alternative<Ending>(parse({"worker", "--name", name})));
  }
  const auto on_host = [](const std::string& host) {
    const auto parsed =
        parse_arguments({"worker"}, {[](const std::string&) { return std::nullopt; }, host, false});
    return std::get<WorkerOptions>(std::get<Invocation>(parsed)).name;
  };
  CHECK(on_host("web-1.example.org") == "web-1.example.org");
  CHECK(on_host("_my host") == "my-host");
  CHECK(on_host(std::string(80, 'h')) == std::string(63, 'h'));
  CHECK(on_host("") == "node");
}

TEST_CASE("a letter may have an = before its value") {
  CHECK(options<StatusOptions>({"status", "-m=h:1"}).manager.str() == "h:1");
  const auto both = options<StatusOptions>({"status", "-qm=h:1"});
  CHECK(both.manager.str() == "h:1");
  CHECK(both.quiet);
  const auto run = options<RunOptions>({"run", "--image", "x", "-e=A=1", "--", "sh", "-m=x"});
  CHECK(run.quick.env == Words{"A=1"});
  CHECK(run.quick.command == Words{"sh", "-m=x"});
  CHECK(std::holds_alternative<Ending>(parse({"status", "-m="})));
}

TEST_CASE("where the manager is") {
  CHECK(options<StatusOptions>({"status"}).manager.str() == "localhost:5555");
  CHECK(options<StatusOptions>({"status"}, {{"CUBE_MANAGER", "m:1"}}).manager.str() == "m:1");
  for (const auto& [text, expected] : std::map<std::string, std::string>{
           {"h:1", "h:1"},
           {"h", "h:5555"},
           {"http://h:1", "h:1"},
           {"http://h:1/", "h:1"},
           {"[::1]:7", "[::1]:7"},
       })
    CHECK(options<StatusOptions>({"status", "-m", text}, {{"CUBE_MANAGER", "m:1"}}).manager.str() ==
          expected);
  for (const std::string text :
       {"", ":1", "h:", "h:0", "h:1/x", "https://h", "a b", "[::1", "h:1:2", "[[]", "a]b"})
    CHECK(std::holds_alternative<Ending>(parse({"status", "-m", text})));
}

TEST_CASE("run: a list flag takes one value, and what follows -- is the command") {
  const auto o = options<RunOptions>({"run", "--image", "busybox", "-e", "A=1", "-e", "B=2", "-p",
                                      "80", "--", "sh", "-c", "echo --env"});
  CHECK(o.files.empty());
  CHECK(o.quick.env == Words{"A=1", "B=2"});
  CHECK(o.quick.command == Words{"sh", "-c", "echo --env"});
  CHECK(options<RunOptions>({"run"}).files == Words{"task.json"});
  CHECK(options<RunOptions>({"run", "-f", "-", "-f", "a.json"}).files == Words{"-", "a.json"});
}

TEST_CASE("node ls, forget") {
  CHECK(options<NodeOptions>({"node", "ls"}).names.empty());
  CHECK(options<NodeOptions>({"node", "n1"}).names == Words{"n1"});
  const auto forget = options<NodeOptions>({"node", "forget", "n1", "-y"});
  CHECK(forget.action == NodeOptions::Action::forget);
  CHECK(forget.names == Words{"n1"});
  CHECK(forget.yes);
  const auto watch = options<NodeOptions>({"node", "-w", "--no-trunc"});
  CHECK(watch.watch);
  CHECK(watch.no_trunc);
}

}  // namespace
}  // namespace cube::cli
