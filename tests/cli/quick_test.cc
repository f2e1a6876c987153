#include "cli/quick.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace cube::cli {
namespace {

TEST_CASE("port flags") {
  struct Case {
    const char* text;
    const char* container;
    int host;
    const char* ip;
  };
  for (const Case& c :
       {Case{"7777", "7777/tcp", 7777, ""}, Case{"8080:7777", "7777/tcp", 8080, ""},
        Case{"0:7777", "7777/tcp", 0, ""},
        Case{"127.0.0.1:8080:7777", "7777/tcp", 8080, "127.0.0.1"},
        Case{"[::1]:8080:7777", "7777/tcp", 8080, "::1"}, Case{"53/udp", "53/udp", 53, ""},
        Case{"5353:53/udp", "53/udp", 5353, ""}}) {
    CAPTURE(c.text);
    const auto port = parse_port_flag(c.text);
    REQUIRE(port.ok());
    CHECK(port->container.str() == c.container);
    CHECK(port->host_port == c.host);
    CHECK(port->host_ip == c.ip);
  }
  for (const char* text : {"", "x", "0", "70000", "-1", "1:2:3:", ":80", "80:", "80/icmp", ":80:80",
                           "8080:0", "80 ", "80/"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_port_flag(text).ok());
  }
}

TEST_CASE("mount flags") {
  const auto volume = parse_mount_flag("data:/var/lib/data");
  REQUIRE(volume.ok());
  CHECK(*volume == Mount{Mount::Kind::volume, "data", "/var/lib/data", false, {}, {}});
  const auto bind = parse_mount_flag("/srv/www:/www:ro");
  REQUIRE(bind.ok());
  CHECK(*bind == Mount{Mount::Kind::bind, "/srv/www", "/www", true, {}, {}});
  const auto memory = parse_mount_flag("tmpfs:/tmp");
  REQUIRE(memory.ok());
  CHECK(*memory == Mount{Mount::Kind::tmpfs, "", "/tmp", false, {}, {}});
  for (const char* text : {"", "data", ":/x", "data:x", "data:/x:rx"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_mount_flag(text).ok());
  }
}

TEST_CASE("a name from an image") {
  CHECK(name_from_image("echo") == "echo");
  CHECK(name_from_image("registry:5000/team/echo-server:latest") == "echo-server");
  CHECK(name_from_image("echo@sha256:0123") == "echo");
}

TEST_CASE("a task from flags") {
  QuickTask quick;
  quick.image = "team/echo:1";
  quick.ports = {"8080:7777"};
  quick.env = {"A=1", "B="};
  quick.cpu = "0.5";
  quick.memory = "512MiB";
  quick.restart = "unless-stopped";
  quick.health = "/health";
  quick.labels = {"a=b=c"};
  quick.command = {"serve", "--fast"};
  quick.exclusive = true;
  const auto spec = spec_from(quick);
  REQUIRE(spec.ok());
  CHECK(spec->name == "echo");
  CHECK(spec->exclusive);
  CHECK(spec->cpu_milli == 500);
  CHECK(spec->memory_bytes == 512LL * 1024 * 1024);
  CHECK(spec->restart.kind == RestartPolicy::Kind::unless_stopped);
  CHECK(spec->health.kind == HealthCheck::Kind::http);
  CHECK(spec->health.path == "/health");
  CHECK(spec->labels.at("a") == "b=c");
  CHECK(spec->command.size() == 2);
  CHECK(spec->exposed_ports == std::vector<Port>{{7777, "tcp"}});
  REQUIRE(spec->ports.size() == 1);
  CHECK(spec->ports[0].host_port == 8080);
}

TEST_CASE("a wrong flag is named") {
  struct Case {
    void (*spoil)(QuickTask&);
    const char* flag;
  };
  for (const Case& c : {Case{[](QuickTask& q) { q.ports = {"x"}; }, "--port"},
                        Case{[](QuickTask& q) { q.env = {"A"}; }, "--env"},
                        Case{[](QuickTask& q) { q.env = {"=1"}; }, "--env"},
                        Case{[](QuickTask& q) { q.cpu = "-1"; }, "--cpu"},
                        Case{[](QuickTask& q) { q.cpu = "nan"; }, "--cpu"},
                        Case{[](QuickTask& q) { q.memory = "much"; }, "--memory"},
                        Case{[](QuickTask& q) { q.labels = {"a"}; }, "--label"},
                        Case{[](QuickTask& q) { q.restart = "maybe"; }, "--restart"},
                        Case{[](QuickTask& q) { q.health = "health"; }, "--health"},
                        Case{[](QuickTask& q) { q.mounts = {"x"}; }, "--mount"}}) {
    QuickTask quick;
    quick.image = "echo";
    c.spoil(quick);
    const auto spec = spec_from(quick);
    CAPTURE(c.flag);
    REQUIRE_FALSE(spec.ok());
    CHECK(spec.error().message.starts_with(c.flag));
  }
}

}  // namespace
}  // namespace cube::cli
