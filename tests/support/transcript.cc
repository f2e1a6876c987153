#include "tests/support/transcript.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace cube::test {
namespace {

constexpr std::string_view command_mark = "> ";
constexpr std::string_view indent = "  ";

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first command (with its output) where the two texts part, for a failure message.
std::string around(const std::vector<std::string>& lines, std::size_t at) {
  std::size_t begin = std::min(at, lines.empty() ? 0 : lines.size() - 1);
  while (begin > 0 && !lines[begin].starts_with(command_mark)) --begin;
  std::string out;
  for (std::size_t i = begin; i < std::min(lines.size(), at + 8); ++i) {
    out += (i == at ? "! " : "| ") + lines[i] + '\n';
  }
  return out;
}

void check_same(const std::string& file, const std::string& expected, const std::string& actual) {
  const auto want = split_lines(expected);
  const auto got = split_lines(actual);
  const auto [w, g] = std::mismatch(want.begin(), want.end(), got.begin(), got.end());
  if (w == want.end() && g == got.end()) return;
  const auto at = static_cast<std::size_t>(w - want.begin());
  FAIL_CHECK(file << ":" << at + 1 << " differs\nwritten there:\n"
                  << around(want, at) << "now:\n"
                  << around(got, at)
                  << "CUBE_UPDATE_GOLDEN=1 rewrites the file; review the change");
}

}  // namespace

std::string replay_transcript(const std::string& text, const RunCommand& run) {
  std::string out;
  bool in_output = false;
  for (const std::string& line : split_lines(text)) {
    if (in_output && line.starts_with(indent)) continue;
    in_output = line.starts_with(command_mark);
    out += line + '\n';
    if (!in_output) continue;
    for (const std::string& printed : split_lines(run(line.substr(command_mark.size())))) {
      out.append(indent).append(printed).push_back('\n');
    }
  }
  return out;
}

void run_transcripts(const std::string& folder, const MakeWorld& make_world) {
  const auto directory = std::filesystem::path(CUBE_SOURCE_DIR) / "tests" / "golden" / folder;
  const char* update = std::getenv("CUBE_UPDATE_GOLDEN");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  REQUIRE_MESSAGE(!files.empty(), "no transcript in " << directory.string());
  for (const auto& path : files) {
    const std::string expected = read_text(path);
    const std::string actual = replay_transcript(expected, make_world());
    if (update != nullptr && std::string_view(update) == "1") {
      if (actual != expected) std::ofstream(path, std::ios::binary) << actual;
    } else {
      check_same(path.filename().string(), expected, actual);
    }
  }
}

}  // namespace cube::test
