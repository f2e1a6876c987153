// Reads the sources of the project and fails with file, line and remedy where a rule is broken.
// The first half shows that each rule can be broken.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/tidy/rules.h"

namespace cube::tidy {
namespace {

std::string repeated(std::string_view line, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += line;
  return out;
}

std::string header(std::string_view rest) {
  return fmt::format("#pragma once\n{}", rest);
}

TEST_CASE("every rule finds what breaks it") {
  struct Case {
    std::string path, text;
    std::size_t line;
    std::string message;  // a part of it
  };
  const std::string unfinished = std::string("TO") + "DO";
  const Case cases[] = {
      // Purity
      {"manager/a.cc", "#include <thread>\n", 1, "the shells own the threads"},
      {"worker/a.cc", "// x\n#include <mutex>\n", 2, "not pure: <mutex>"},
      {"task/a.h", header("#include <random>\n"), 2, "seeded Rng"},
      {"sim/a.cc", "#include <filesystem>\n", 1, "not pure"},
      {"base/a.cc", "#include <iostream>\n", 1, "shells print it"},
      {"api/a.cc", "#include <atomic>\n", 1, "not pure"},
      {"service/a.cc", "#  include <condition_variable>  // why\n", 1, "next_wake()"},
      {"manager/a.cc", "int f() {\n  return steady_clock::now();\n}\n", 2, "take the time"},
      {"scheduler/a.cc", "int a = rand();\n", 1, "seeded Rng"},
      {"worker/a.cc", "void f() { usleep(5); }\n", 1, "next_wake()"},
      {"worker/a.cc", "auto x = std::getenv(\"HOME\");\n", 1, "cmd/ reads the environment"},
      // Directions
      {"base/a.cc", "#include \"task/task.h\"\n", 1, "base/ may not include"},
      {"manager/a.cc", "#include \"worker/worker.h\"\n", 1, "manager/ may not include"},
      {"worker/a.cc", "#include \"manager/manager.h\"\n", 1, "worker/ may not include"},
      {"scheduler/a.cc", "#include \"store/store.h\"\n", 1, "it may include: task, base"},
      {"manager/a.cc", "#include \"store/lmdb_store.h\"\n", 1, "may not include"},
      {"worker/a.cc", "#include \"http/client.h\"\n", 1, "may not include"},
      {"cli/a.cc", "#include \"manager/manager.h\"\n", 1, "api, task, base"},
      {"new_folder/a.cc", "int a;\n", 1, "say whom it may include"},
      // Seams
      {"manager/a.cc", "#include <nlohmann/json.hpp>\n", 1, "use api/codec.h"},
      {"api/a.h", header("#include <nlohmann/json.hpp>\n"), 2, "use api/codec.h"},
      {"runtime/a.cc", "#include <boost/beast.hpp>\n", 1, "headers of http/"},
      {"daemon/a.cc", "#include <httplib.h>\n", 1, "http/client.h"},
      {"daemon/a.cc", "#include <lmdb.h>\n", 1, "store/store.h"},
      {"cli/a.cc", "#include <yaml-cpp/yaml.h>\n", 1, "yaml/document.h"},
      {"daemon/a.cc", "#include <CLI/CLI.hpp>\n", 1, "options struct"},
      {"base/a.cc", "#include <doctest/doctest.h>\n", 1, "tests live in tests/"},
      // Tests
      {"tests/worker/a.cc", "void f() {\n  std::this_thread::sleep_for(1s);\n}\n", 2,
       "a condition with a deadline"},
      // Form
      {"base/a.h", "int a;\n", 1, "#pragma once"},
      {"base/a.cc", repeated("x", 101) + "\n", 1, "101 columns"},
      {"base/a.h", header(repeated("int a;\n", 250)), 251, "a header has at most 250"},
      {"base/a.cc", repeated("int a;\n", 601), 601, "a source has at most 600"},
      {"base/a.cc", "int f() {\n" + repeated("  a();\n", 69) + "}\n", 1, "a function of 71 lines"},
      {"base/a.cc", "int a;  // " + unfinished + ": more\n", 1, "unfinished"},
      {"docs/a.md", "fine\n" + unfinished + "\n", 2, "unfinished"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path);
    CAPTURE(c.text.substr(0, 80));
    const auto findings = check(c.path, c.text);
    REQUIRE(findings.size() == 1);
    CAPTURE(findings[0].str());
    CHECK(findings[0].line == c.line);
    CHECK(findings[0].message.find(c.message) != std::string::npos);
  }
}

TEST_CASE("what is allowed is not found") {
  const std::pair<std::string, std::string> cases[] = {
      {"manager/a.cc", "#include \"store/store.h\"\n#include \"runtime/runtime.h\"\n"},
      {"manager/a.cc", "#include <map>\n#include \"manager/manager.h\"\n#include \"base/id.h\"\n"},
      {"daemon/a.cc", "#include <thread>\n#include <mutex>\nauto t = steady_clock::now();\n"},
      {"api/a.cc", "#include <nlohmann/json.hpp>\n"},
      {"http/a.cc", "#include <boost/beast.hpp>\n"},
      {"cmd/a.cc", "#include <CLI/CLI.hpp>\n#include \"daemon/manager.h\"\n"},
      {"tests/manager/a.cc", "#include <thread>\n#include <httplib.h>\n"},
      {"tests/support/wait.cc", "void f() { std::this_thread::sleep_for(1ms); }\n"},
      {"tests/http/support.cc", "void f() { std::this_thread::sleep_for(1ms); }\n"},
      {"tests/http/a.cc", "void f() { sleep_for(1ms); }  // paced: one byte at a time\n"},
      {"worker/a.cc", "// never rand(), never steady_clock::now()\nauto t = \"sleep(1)\";\n"},
      {"worker/a.cc", "/* sleep(1)\n rand() */ int operand(int);\nauto r = R\"x(rand())x\";\n"},
      {"worker/a.cc", "int a = 1'000; auto b = '\"'; int c = 2'000;  // rand(\n"},
      {"base/a.cc", repeated("\xC3\xA4", 100) + "\n"},
      {"base/a.cc", "int f() {\n" + repeated("  a();\n", 68) + "}\n"},
      {"scripts/a.sh", "mktemp -d /tmp/cube.XXXXXX\n"},
      {"docs/a.svg", std::string("TO") + "DO\n"},
  };
  for (const auto& [path, text] : cases) {
    CAPTURE(path);
    CAPTURE(text);
    for (const Finding& finding : check(path, text)) FAIL_CHECK(finding.str());
  }
}

bool skipped(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  return name.starts_with(".") || name.starts_with("build");
}

TEST_CASE("the project keeps its rules") {
  namespace fs = std::filesystem;
  const fs::path top = CUBE_SOURCE_DIR;
  std::size_t sources = 0;
  for (auto entry = fs::recursive_directory_iterator(top);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && skipped(entry->path())) {
      entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file()) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const std::string path = fs::relative(entry->path(), top).string();
    if (path.ends_with(".cc") || path.ends_with(".h")) ++sources;
    for (const Finding& finding : check(path, text.str())) FAIL_CHECK(finding.str());
  }
  CHECK(sources > 20);  // or it looked in the wrong place
}

}  // namespace
}  // namespace cube::tidy
