// `GET /metrics` keeps to the text format of Prometheus, whatever the names in it are.

#include "daemon/metrics.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <regex>
#include <set>

#include "tests/daemon/support.h"

using namespace cube;
using namespace cube::daemon::testing;

namespace {

constexpr std::string_view cadvisor_names[] = {
    "container_cpu_usage_seconds_total",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
    "container_network_receive_bytes_total",
    "container_network_transmit_bytes_total",
    "container_fs_reads_bytes_total",
    "container_fs_writes_bytes_total",
    "container_processes",
};

struct Page {
  std::map<std::string, std::string> types;  // by family
  std::map<std::string, double> samples;     // by name with labels
};

// Each line is a HELP, a TYPE or a sample of the family before it; nothing comes twice.
Page parse(const std::string& text) {
  static const std::regex help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S[^\n]*)");
  static const std::regex type(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge))");
  static const std::regex sample(
      R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="(\\[\\"n]|[^"\\])*",?)+\})? ([-+.0-9eE]+))");
  Page page;
  std::string family, helped;
  REQUIRE(text.ends_with('\n'));
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      helped = match[1];
      CHECK_MESSAGE(!page.types.contains(helped), "twice: ", helped);
    } else if (std::regex_match(line, match, type)) {
      family = match[1];
      CHECK_MESSAGE(family == helped, "a TYPE without its HELP: ", line);
      CHECK_MESSAGE(page.types.emplace(family, match[2]).second, "twice: ", family);
    } else if (std::regex_match(line, match, sample)) {
      CHECK_MESSAGE(match[1] == family, "not of the family before it: ", line);
      const std::string series = match[1].str() + match[2].str();
      CHECK_MESSAGE(page.samples.emplace(series, std::stod(match[5])).second, "twice: ", series);
    } else {
      CHECK_MESSAGE(false, "no line of the format: ", line);
    }
  }
  for (const auto& [name, kind] : page.types) {
    CHECK_MESSAGE((kind == "counter") == (name.ends_with("_total") || name == "cube_revision"),
                  name, " is a ", kind);
  }
  return page;
}

}  // namespace

TEST_CASE("both daemons' metrics are well-formed and say what is there") {
  WorkerBox box("n1");
  ManagerBox manager({box.address()});
  Caller caller(api::Daemon::manager, manager.port);
  Caller worker(api::Daemon::worker, box.port);
  REQUIRE(runs(caller, submit(caller, "one")));
  REQUIRE(runs(caller, submit(caller, "two")));
  submit(caller, "huge", R"(,"Cpu":1000)");

  const auto reply = caller.get("/metrics");
  CHECK(reply.headers.find("Content-Type")->second == daemon::metrics_content_type);
  auto page = parse(reply.body);
  CHECK(page.samples[R"(cube_tasks{state="Running"})"] == 2);
  CHECK(page.samples[R"(cube_tasks{state="Pending"})"] == 1);
  CHECK(page.samples[R"(cube_node_ready{node="n1"})"] == 1);
  CHECK(page.samples[R"(cube_node_cpu_cores{node="n1"})"] == 64);
  CHECK(page.samples["cube_tasks_submitted_total"] == 3);
  CHECK(page.samples["cube_manager_epoch"] == 1);
  CHECK(page.samples["cube_store_bytes_used"] > 0);

  page = parse(worker.get("/metrics").body);
  CHECK(page.samples["cube_engine_ready"] == 1);
  CHECK(page.samples["cube_worker_tasks"] == 2);
  CHECK(page.samples["cube_containers_started_total"] == 2);
  for (const auto name : cadvisor_names) CHECK(page.types.contains(std::string(name)));
}

TEST_CASE("a manager's page ends with what another part of its process measures, while it does") {
  ManagerBox manager;
  Caller caller(api::Daemon::manager, manager.port);
  CHECK(parse(caller.get("/metrics").body).samples.contains("cube_manager_epoch"));
  manager.daemon->also_measure([](const std::function<void(std::string)>& tell) {
    tell("# HELP proxied_total So many.\n# TYPE proxied_total counter\nproxied_total 7\n");
  });
  const auto page = parse(caller.get("/metrics").body);
  CHECK(page.samples.contains("cube_manager_epoch"));
  CHECK(page.samples.at("proxied_total") == 7);
  manager.daemon->also_measure({});
  CHECK_FALSE(parse(caller.get("/metrics").body).samples.contains("proxied_total"));
}

TEST_CASE("a container has cAdvisor's names, and no name of a task can break the page") {
  daemon::MeasuredContainer measured;
  measured.container.container_id = "c1";
  measured.container.task_name = "a \"quoted\"\\ name\n# TYPE evil gauge";
  measured.container.image = "app";
  measured.stats.cpu_ns = 1'500'000'000;
  measured.stats.memory_bytes = 4096;
  auto plain = measured;
  plain.container.container_id = "c2";
  plain.container.task_name = "plain";
  const auto page =
      parse(daemon::worker_metrics({}, {}, {}, 2, {measured, plain}, store::Store::Usage{}));
  const auto sum = [&](std::string_view family, std::string_view label) {
    double out = 0;
    for (const auto& [series, value] : page.samples) {
      if (series.starts_with(std::string(family) + "{") && series.find(label) != std::string::npos)
        out += value;
    }
    return out;
  };
  for (const auto name : cadvisor_names) CHECK(page.types.contains(std::string(name)));
  CHECK(sum("container_cpu_usage_seconds_total", R"(name="plain")") == doctest::Approx(1.5));
  CHECK(sum("container_memory_usage_bytes", R"(id="/docker/c1")") == 4096);
  CHECK(sum("container_memory_usage_bytes", R"(image="app")") == 2 * 4096);
}
