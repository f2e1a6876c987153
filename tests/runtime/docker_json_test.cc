// The engine's JSON, both ways, on what a real engine has said and on what none should.

#include "runtime/docker_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace cube::runtime {
namespace {

using Json = nlohmann::json;

// "7777/tcp=0.0.0.0:32769 ..."
std::string words(const std::vector<HostPort>& ports) {
  std::string out;
  for (const HostPort& port : ports) {
    if (!out.empty()) out += ' ';
    out += port.container.str() + "=" + port.host_ip + ":" + std::to_string(port.host_port);
  }
  return out;
}

void publish(TaskSpec& spec, std::uint16_t host_port, const char* host_ip) {
  PortBinding binding;
  binding.container.number = 7777;
  binding.host_port = host_port;
  binding.host_ip = host_ip;
  spec.ports.push_back(binding);
}

ContainerConfig full_config() {
  ContainerConfig config;
  config.name = "cube-x-a1-r0";
  config.labels = {{"cube.task", "x"}, {"tier", "web"}};
  TaskSpec& spec = config.spec;
  spec.image = "echo:latest";
  spec.cpu_milli = 250;
  spec.memory_bytes = 64 * 1024 * 1024;
  spec.pids_max = 77;
  spec.exposed_ports.emplace_back(Port{9000, "udp"});
  publish(spec, 8080, "127.0.0.1");
  publish(spec, 0, "");
  spec.publish_all = true;
  spec.env = {"A=1"};
  spec.command = {"serve", "--fast"};
  spec.entrypoint = {"/bin/app"};
  spec.working_dir = "/srv";
  spec.user = "1000:1000";
  spec.mounts = {{Mount::Kind::volume, "data", "/data", false},
                 {Mount::Kind::bind, "/srv/x", "/x", true},
                 {Mount::Kind::tmpfs, "", "/tmp", false}};
  spec.stop_grace = 2500ms;
  spec.stop_signal = "SIGQUIT";
  return config;
}

TEST_CASE("the body of create holds everything of the spec") {
  const Json body = Json::parse(create_body(full_config()));
  CHECK(body["Image"] == "echo:latest");
  CHECK(body["Labels"] == Json{{"cube.task", "x"}, {"tier", "web"}});
  CHECK(body["Cmd"] == Json::array({"serve", "--fast"}));
  CHECK(body["Entrypoint"] == Json::array({"/bin/app"}));
  CHECK(body["Env"] == Json::array({"A=1"}));
  CHECK(body["WorkingDir"] == "/srv");
  CHECK(body["User"] == "1000:1000");
  CHECK(body["StopSignal"] == "SIGQUIT");
  CHECK(body["StopTimeout"] == 3);  // whole seconds, never shorter than asked
  CHECK(body["ExposedPorts"].dump() == R"({"7777/tcp":{},"9000/udp":{}})");
  const Json& host = body["HostConfig"];
  CHECK(host["NanoCpus"] == 250'000'000);
  CHECK(host["Memory"] == 64 * 1024 * 1024);
  CHECK(host["MemorySwap"] == host["Memory"]);
  CHECK(host["PidsLimit"] == 77);
  CHECK(host["PublishAllPorts"] == true);
  CHECK(host["PortBindings"].dump() ==
        R"({"7777/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"},{"HostIp":"","HostPort":""}]})");
  CHECK(host["Mounts"].dump() ==
        R"([{"ReadOnly":false,"Source":"data","Target":"/data","Type":"volume"},)"
        R"({"ReadOnly":true,"Source":"/srv/x","Target":"/x","Type":"bind"},)"
        R"({"ReadOnly":false,"Target":"/tmp","Type":"tmpfs"}])");
}

TEST_CASE("the body of create has the baseline, and leaves the image's own alone") {
  ContainerConfig config;
  config.spec.image = "echo";
  const Json body = Json::parse(create_body(config));
  for (const char* left_out : {"Cmd", "Entrypoint", "Env", "WorkingDir", "User", "StopSignal"}) {
    CHECK_MESSAGE(!body.contains(left_out), left_out);
  }
  const Json& host = body["HostConfig"];
  CHECK(!host.contains("NanoCpus"));
  CHECK(!host.contains("Memory"));
  CHECK(host["PidsLimit"] == 512);
  CHECK(host["Init"] == true);
  CHECK(host["RestartPolicy"]["Name"] == "no");
  CHECK(host["CapDrop"] == Json::array({"NET_RAW"}));
  CHECK(host["SecurityOpt"] == Json::array({"no-new-privileges"}));
  CHECK(host["LogConfig"].dump() ==
        R"({"Config":{"max-file":"3","max-size":"10m"},"Type":"json-file"})");
  CHECK(host["OomScoreAdj"] == 100);
}

TEST_CASE("bytes that are no text do not throw") {
  ContainerConfig config;
  config.spec.env = {"A=\xff\xfe"};
  CHECK(Json::parse(create_body(config))["Env"][0] == "A=\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("filters") {
  CHECK(list_filters({}) == "{}");
  CHECK(list_filters({{"a", "1"}, {"b", "x=y"}}) == R"({"label":["a=1","b=x=y"]})");
  const Json events = Json::parse(event_filters({{"a", "1"}}));
  CHECK(events["label"] == Json::array({"a=1"}));
  CHECK(events["event"].dump().find("\"kill\"") != std::string::npos);
  CHECK(events["type"] == Json::array({"container"}));
}

constexpr const char* listed = R"([
 {"Id":"c11d","Names":["/one"],"Image":"echo","Created":1795191992,"State":"running",
  "Status":"Up 2 seconds","Labels":{"a":"b"},
  "Ports":[{"IP":"0.0.0.0","PrivatePort":7777,"PublicPort":32769,"Type":"tcp"},
           {"IP":"::","PrivatePort":7777,"PublicPort":32769,"Type":"tcp"},
           {"PrivatePort":9000,"Type":"tcp"}],
  "NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2"}}}},
 {"Id":"d22e","Names":["/two"],"Created":1795191993,"State":"exited",
  "Status":"Exited (137) 3 minutes ago","Labels":null,"Ports":[]},
 {"Names":["/no id"]}, 7])";

TEST_CASE("a list") {
  const auto containers = parse_list(listed);
  REQUIRE(containers.ok());
  REQUIRE(containers->size() == 2);
  const Container& one = (*containers)[0];
  CHECK(one.name == "one");
  CHECK(one.labels.at("a") == "b");
  CHECK(one.state == ContainerState::running);
  CHECK(one.created.us == 1795191992'000000);
  CHECK(one.ip == "172.17.0.2");
  CHECK(words(one.ports) == "7777/tcp=0.0.0.0:32769");
  CHECK((*containers)[1].state == ContainerState::exited);
  CHECK((*containers)[1].exit_code == 137);
}

constexpr const char* inspected = R"({"Id":"c11d","Name":"/one",
 "Created":"2026-11-20T16:26:32.257444659Z",
 "State":{"Status":"exited","Pid":0,"ExitCode":137,"OOMKilled":true,"Error":"bad\u001b[31m thing",
  "StartedAt":"2026-11-20T16:26:32.614465687Z","FinishedAt":"0001-01-01T00:00:00Z"},
 "Config":{"Tty":true,"Image":"echo","Labels":{"a":"b"}},
 "NetworkSettings":{"IPAddress":"172.17.0.2","Ports":{
  "7777/tcp":[{"HostIp":"0.0.0.0","HostPort":"49155"},{"HostIp":"::","HostPort":"49156"}],
  "8000/tcp":[{"HostIp":"::","HostPort":"8000"}],"9000/tcp":null,"odd":[{"HostPort":"1"}]}}})";

TEST_CASE("an inspect") {
  const auto read = parse_inspect(inspected);
  REQUIRE(read.ok());
  CHECK(read->tty);
  CHECK(read->image == "echo");
  const Container& c = read->container;
  CHECK(c.name == "one");
  CHECK(c.state == ContainerState::exited);
  CHECK(c.exit_code == 137);
  CHECK(c.oom_killed);
  CHECK(c.error.find('\x1b') == std::string::npos);
  CHECK(format_time(c.started) == "2026-11-20T16:26:32.614465Z");
  CHECK(c.finished.is_zero());
  CHECK(c.ip == "172.17.0.2");
  CHECK(words(c.ports) == "7777/tcp=0.0.0.0:49155 8000/tcp=:::8000");
}

TEST_CASE("odd members are zeros; what is not JSON is an error") {
  CHECK(parse_inspect(R"({"Id":"x","State":7,"Config":[],"NetworkSettings":{"Ports":3}})").ok());
  CHECK(
      parse_inspect(R"({"Id":"x","State":{"Status":"sleeping","Pid":"many"}})")->container.state ==
      ContainerState::dead);
  for (const char* bad : {"", "{", "nonsense", "{}", "[]"}) {
    CHECK(!parse_inspect(bad).ok());
    CHECK(!parse_id(bad).ok());
  }
  CHECK(!parse_list("<html>").ok());
  CHECK(parse_list("{}")->empty());
  // A time that no calendar has.
  for (const char* created : {"9223372036854775807", "-1"}) {
    const auto odd = parse_list(std::string(R"([{"Id":"a","Created":)") + created + "}]");
    REQUIRE(odd.ok());
    CHECK((*odd)[0].created.is_zero());
  }
  CHECK(parse_exec(R"({"Running":false,"ExitCode":3})")->exit_code == 3);
  CHECK(parse_exec(R"({"Running":true,"ExitCode":null})")->running);
  const auto exec = parse_exec(R"({"Running":true,"Pid":4711,"ContainerID":"fa27"})");
  CHECK(exec->pid == 4711);
  CHECK(exec->container == "fa27");
}

TEST_CASE("the engine's information") {
  const auto info = parse_info(
      R"({"ID":"6DSU:FWQF","Name":"vm","ServerVersion":"20.10.24","OSType":"linux",
      "Architecture":"x86_64","DockerRootDir":"/var/lib/docker","NCPU":2,"MemTotal":25276502016,
      "CgroupVersion":"2","CgroupDriver":"systemd","LiveRestoreEnabled":true})");
  REQUIRE(info.ok());
  CHECK(info->id == "6DSU:FWQF");
  CHECK(info->platform == "linux/amd64");
  CHECK(info->cpus == 2);
  CHECK(info->memory_bytes == 25276502016);
  CHECK(info->cgroup_version == 2);
  CHECK(info->live_restore);
  CHECK(parse_info(R"({"Name":"vm","OSType":"linux","Architecture":"aarch64"})")->id == "vm");
  CHECK(parse_info(R"({"OSType":"linux","Architecture":"aarch64"})")->platform == "linux/arm64");
}

TEST_CASE("events") {
  const auto died = parse_event(
      R"({"status":"die","id":"c11d","from":"echo","Type":"container","Action":"die",
      "Actor":{"ID":"c11d","Attributes":{"cube.task":"x","exitCode":"137","image":"echo",
      "name":"one"}},"scope":"local","time":1795191992,"timeNano":1795191992614465687})");
  REQUIRE(died);
  CHECK(died->kind == EngineEvent::Kind::died);
  CHECK(died->container_id == "c11d");
  CHECK(died->container_name == "one");
  CHECK(died->exit_code == 137);
  CHECK(died->labels == std::map<std::string, std::string>{{"cube.task", "x"}});
  CHECK(died->at.us == 1795191992614465);
  const auto kind = [](const std::string& action) {
    return parse_event(R"({"Type":"container","Actor":{"ID":"1"},"Action":")" + action + "\"}")
        ->kind;
  };
  CHECK(kind("start") == EngineEvent::Kind::started);
  CHECK(kind("destroy") == EngineEvent::Kind::destroyed);
  CHECK(kind("remove") == EngineEvent::Kind::destroyed);  // Podman's word
  CHECK(kind("died") == EngineEvent::Kind::died);
  CHECK(kind("kill") == EngineEvent::Kind::killed);
  const auto killed =
      parse_event(R"({"Type":"container","Action":"kill","Actor":{"ID":"1","Attributes":)"
                  R"({"signal":"15","signalled":"by whom"}}})");
  REQUIRE(killed);
  CHECK(killed->signal == 15);
  CHECK(killed->labels == std::map<std::string, std::string>{{"signalled", "by whom"}});
  CHECK(kind("exec_create: sh") == EngineEvent::Kind::other);
  for (const char* none : {"", "{", "{}", "[]", R"({"Type":"network","Actor":{"ID":"1"}})"}) {
    CHECK(!parse_event(none));
  }
}

TEST_CASE("lines of a pull") {
  const auto layer = parse_pull_line(R"({"status":"Pulling fs layer","id":"abc"})");
  REQUIRE(layer);
  CHECK(layer->layer == "abc");
  CHECK(layer->status == "Pulling fs layer");
  CHECK(parse_pull_line(R"({"errorDetail":{"message":"oh no"},"error":"oh no"})")->error ==
        "oh no");
  CHECK(parse_pull_line(R"({"error":"oh"})")->error == "oh");
  CHECK(!parse_pull_line("<html>"));
}

TEST_CASE("texts of errors") {
  CHECK(error_text(R"({"message":"No such container: x\n"})") == "No such container: x");
  CHECK(error_text("400 Bad Request: malformed Host header") ==
        "400 Bad Request: malformed Host header");
  CHECK(error_text(std::string("\x1b[31mred")).find('\x1b') == std::string::npos);
  CHECK(error_text(std::string(100'000, 'x')).size() < 500);
  CHECK(error_text("") == "it gives no reason");
  CHECK(error_text(R"({"message":"."})") == "it gives no reason");
}

}  // namespace
}  // namespace cube::runtime
