// docs/cli.md has every command, flag and exit code; completion scripts are what shells accept.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/decode.h"
#include "api/service.h"
#include "cli/command_table.h"
#include "cli/completion.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

// The part of the page under "## name", or empty.
std::string section(const std::string& page, const std::string& name) {
  std::size_t at = page.find("\n## " + name);
  if (at == std::string::npos && name != "run") at = page.find("\n## completion, version, help");
  if (at == std::string::npos) return "";
  return page.substr(at, page.find("\n## ", at + 1) - at);
}

TEST_CASE("docs/cli.md is complete") {
  std::ifstream in(CUBE_SOURCE_DIR "/docs/cli.md");
  std::stringstream text;
  text << in.rdbuf();
  const std::string page = text.str();
  for (const Command& c : commands()) {
    const std::string here = section(page, std::string(c.name));
    CAPTURE(c.name);
    CHECK(here.find("`cube " + std::string(c.name)) != std::string::npos);
    for (const Flag& f : c.flags) {
      CAPTURE(f.name);
      CHECK(here.find("`--" + std::string(f.name)) != std::string::npos);
      if (f.letter != '\0')
        CHECK(here.find("`-" + std::string(1, f.letter) + "`") != std::string::npos);
    }
  }
  for (const ExitMeaning& m : exit_meanings()) {
    const std::string row = "| " + std::to_string(m.code) + " | " + std::string(m.word) + " | " +
                            std::string(m.meaning) + " |";
    CHECK(page.find(row) != std::string::npos);
  }
}

// Every name in an object, but those of tasks and of volume options.
void names_in(const api::Value& v, std::vector<std::string>& out) {
  if (v.object() == nullptr) return;
  for (const api::Member& m : *v.object()) {
    out.push_back(m.key);
    if (m.key != "Task" && m.key != "Options") names_in(m.value, out);
  }
}

TEST_CASE("docs/services.md has every field of a service") {
  service::ServiceSpec spec;
  spec.name = "web";
  spec.autoscale.by = service::AutoscalePolicy::By::usage;
  spec.ingress.rate_limit.requests = 1;
  spec.port_range = {8000, {80, "tcp"}};
  spec.volume.name = "data";
  const auto value = api::read_json(api::service_spec_json(spec));
  REQUIRE(value.ok());
  std::vector<std::string> names{"Global"};
  names_in(*value, names);
  CHECK(names.size() > 40);
  std::ifstream in(CUBE_SOURCE_DIR "/docs/services.md");
  std::stringstream text;
  text << in.rdbuf();
  for (const std::string& name : names) {
    CAPTURE(name);
    const bool found = text.str().find("`" + name + "`") != std::string::npos ||
                       text.str().find("`" + name + ":") != std::string::npos;
    CHECK(found);
  }
}

TEST_CASE("no command has two flags of one name or letter") {
  for (const Command& c : commands())
    for (std::size_t i = 0; i < c.flags.size(); ++i)
      for (std::size_t k = i + 1; k < c.flags.size(); ++k) {
        CHECK(c.flags[i].name != c.flags[k].name);
        const bool same = c.flags[i].letter != '\0' && c.flags[i].letter == c.flags[k].letter;
        CHECK_FALSE(same);
        CHECK(c.flags[i].letter != 'h');
      }
}

TEST_CASE("the bash script completes commands, flags and values in a real bash") {
  const auto file = std::filesystem::temp_directory_path() / "cube-completion-test.bash";
  std::ofstream(file) << completion_script("bash");
  // Answers for itself what the script would ask a manager.
  const std::string set_up =
      "bash --norc -c 'cube() { [ \"$1\" = status ] && echo web; [ \"$2\" = ls ] && echo api; }; "
      ". " +
      file.string() + "; ";
  const auto completes = [&](const std::string& words, int at, const std::string& expected) {
    const std::string line = set_up + "COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(at) +
                             "; _cube; [ \"${COMPREPLY[*]}\" = \"" + expected + "\" ]'";
    CAPTURE(line);
    CHECK(std::system(line.c_str()) == 0);
  };
  completes("cube sta", 1, "status");
  completes("cube status --no", 2, "--no-trunc");
  completes("cube status -o n", 3, "name");
  completes("cube stop w", 2, "web");
  completes("cube completion f", 2, "fish");
  completes("cube ser", 1, "service");
  completes("cube service sc", 2, "scale");
  completes("cube service create --rep", 3, "--replicas");
  completes("cube service create --order st", 4, "start-first stop-first");
  completes("cube service rm a", 3, "api");
  completes("cube node dr", 2, "drain");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace cube::cli
