// Golden texts: what a person sees.
#include "cli/views.h"

#include <doctest/doctest.h>

#include "cli/sse.h"

namespace cube::cli {
namespace {

constexpr WallTime kNow{1'767'326'645'000'000};

std::string text_of(const Table& table) {
  return "\n" + render(table, false);
}

Task web() {
  Task t;
  t.id = *TaskId::parse("bb1d59ef-9fc1-4e4b-a44d-db571eeed203");
  t.spec.edit().name = "web";
  t.spec.edit().image = "echo:1";
  t.created = kNow + -Duration(2min);
  t.attempt = 1;
  t.node = "n1";
  t.status.observed = Observed::running;
  t.status.health = Health::healthy;
  t.status.container_id = "0123456789abcdef0123456789abcdef";
  t.status.host_ports = {{{7777, "tcp"}, "0.0.0.0", 8080}};
  t.status.restart = 2;
  return t;
}

Task queued() {
  Task t;
  t.id = *TaskId::parse("0a63c5e1-0000-4000-8000-000000000001");
  t.spec.edit().name = "datenbank-für-alle";
  t.spec.edit().image = "db";
  t.created = kNow;
  t.waits_for = "2 nodes: not enough memory\x1b[2J";
  return t;
}

TEST_CASE("status") {
  CHECK(text_of(task_table({}, kNow, {})) == R"(
ID   NAME   CREATED   STATE   CONTAINERNAME   IMAGE
)");
  CHECK(text_of(task_table({web()}, kNow, {})) == R"(
ID         NAME   CREATED         STATE     CONTAINERNAME   IMAGE
bb1d59ef   web    2 minutes ago   Running   0123456789ab    echo:1
)");
}

TEST_CASE("status tells why when a task is not there, and foreign control characters do not pass") {
  const std::string text = text_of(task_table({web(), queued()}, kNow, {}));
  CHECK(text.find("\x1b") == std::string::npos);
  CHECK(text.find("IMAGE    REASON\n") != std::string::npos);
  CHECK(text.find("db       2 nodes: not enough memory") != std::string::npos);
  // The umlaut takes two bytes but one column.
  CHECK(text.find("web                  2 minutes ago") != std::string::npos);
  CHECK(text.find("datenbank-für-alle   Less than") != std::string::npos);
}

TEST_CASE("status -o wide --no-trunc") {
  CHECK(text_of(task_table({web()}, kNow, {.wide = true, .no_trunc = false})) ==
        "\nID         NAME   CREATED         STATE     CONTAINERNAME   IMAGE    "
        "NODE   HEALTHY   RESTARTS   PORTS                    REASON\n"
        "bb1d59ef   web    2 minutes ago   Running   0123456789ab    echo:1   "
        "n1     healthy   2          0.0.0.0:8080->7777/tcp   -\n");
  const std::string full = text_of(task_table({web()}, kNow, {.wide = false, .no_trunc = true}));
  CHECK(full.find("bb1d59ef-9fc1-4e4b-a44d-db571eeed203") != std::string::npos);
  CHECK(full.find("0123456789abcdef0123456789abcdef") != std::string::npos);
}

TEST_CASE("node") {
  api::NodeView n;
  n.name = "n1";
  n.state = "ready";
  n.api = "http://127.0.0.1:5556";
  n.info.capacity = {2000, 4LL << 30, 20LL << 30};
  n.info.labels = {{"disk", "ssd"}};
  n.info.version = "0.1.0";
  n.reserved = {500, 512LL << 20, 0};
  n.task_count = 3;
  n.last_heard = kNow + -Duration(1s);
  api::NodeView old;  // as a foreign manager tells it
  old.name = "n2";
  old.stats.memory_kb["mem_total"] = 2048 * 1024;
  old.stats.disk_all = 10LL << 30;
  CHECK(text_of(node_table({n, old}, kNow, {})) == R"(
NAME   MEMORY (MiB)   DISK (GiB)   ROLE     TASKS   STATUS
n1     4096           20           worker   3       ready
n2     2048           10           worker   0       -
)");
  CHECK(text_of(node_table({n}, kNow, {.wide = true})) ==
        "\nNAME   MEMORY (MiB)   DISK (GiB)   ROLE     TASKS   STATUS   API                     "
        "CPU   CPU RESERVED   MEMORY RESERVED   LABELS     VERSION   HEARD          REASON\n"
        "n1     4096           20           worker   3       ready    http://127.0.0.1:5556   "
        "2     0.5            512 MiB           disk=ssd   0.1.0     1 second ago   -\n");
  n.availability = "active";
  old.state = "ready";
  old.availability = "drain";
  CHECK(text_of(node_table({n, old}, kNow, {})) == R"(
NAME   MEMORY (MiB)   DISK (GiB)   ROLE     TASKS   STATUS
n1     4096           20           worker   3       ready
n2     2048           10           worker   0       ready (drain)
)");
}

TEST_CASE("events") {
  Event e;
  e.revision = 7;
  e.at = kNow;
  e.kind = "task.running";
  e.task = web().id;
  e.name = "web";
  e.text = "running on n1";
  Event n;
  n.revision = 8;
  n.at = kNow;
  n.kind = "node.lost";
  n.node = "n1";
  n.text = "silent for 10s";
  CHECK(text_of(event_table({e, n})) == R"(
REVISION   TIME                   KIND           SUBJECT          TEXT
7          2026-01-02T04:04:05Z   task.running   web (bb1d59ef)   running on n1
8          2026-01-02T04:04:05Z   node.lost      n1               silent for 10s
)");
  n.node.clear();
  n.kind = "service.stable";
  n.name = "shop";
  CHECK(event_line(n).ends_with("   service.stable     shop   silent for 10s"));
  CHECK(event_line(e) ==
        "7          2026-01-02T04:04:05Z   task.running       web (bb1d59ef)   running on n1");
}

TEST_CASE("where a task answers") {
  CHECK(url_of(web(), "10.0.0.1") == "http://10.0.0.1:8080");
  CHECK(url_of(web(), "") == "");
  Task t = web();
  t.status.host_ports[0].host_ip = "::1";
  CHECK(url_of(t, "10.0.0.1") == "http://[::1]:8080");
  t.status.host_ports[0].container.protocol = "udp";
  CHECK(url_of(t, "10.0.0.1") == "");
}

TEST_CASE("colours only when asked for, and without effect on the columns") {
  const Table table = task_table({web()}, kNow, {});
  CHECK(render(table, false).find('\x1b') == std::string::npos);
  CHECK(render(table, true).find("\x1b[32mRunning\x1b[0m   0123") != std::string::npos);
}

TEST_CASE("width and cutting") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("für") == 3);
  CHECK(display_width("日本") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(fit("abcdefgh", 6) == "abc...");
  CHECK(fit("日本日本", 6) == "日...");
  CHECK(fit("abcdef", 6) == "abcdef");
  CHECK(fit("abcdef", 0) == "abcdef");
  CHECK(fit("abcdef", 2) == "..");
}

TEST_CASE("server-sent events in pieces of every size") {
  const std::string stream =
      ": hello\n\nid: 1\nevent: a\ndata: {\"x\":1}\n\nid: 2\r\ndata:two\r\ndata: lines\r\n\r\n"
      "data: not complete";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    SseReader reader;
    std::vector<std::string> all;
    for (std::size_t at = 0; at < stream.size(); at += size)
      for (std::string& data : reader.feed(std::string_view(stream).substr(at, size)))
        all.push_back(std::move(data));
    CAPTURE(size);
    CHECK(all == std::vector<std::string>{"{\"x\":1}", "two\nlines"});
  }
}

}  // namespace
}  // namespace cube::cli
