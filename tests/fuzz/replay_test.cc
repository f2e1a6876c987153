// Replays the corpora through the targets: without libFuzzer, in every build.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/target.h"

using namespace cube;

namespace {

namespace fs = std::filesystem;

const fs::path corpora = fs::path(CUBE_SOURCE_DIR) / "tests/fuzz/corpus";

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("every input of every corpus holds its target's assertions") {
  for (const auto& target : fuzz::targets()) {
    CAPTURE(target.name);
    target.run("");
    std::size_t inputs = 0;
    for (const auto& entry : fs::directory_iterator(corpora / target.name)) {
      CAPTURE(entry.path().string());
      const std::string bytes = content(entry.path());
      target.run(bytes);
      // Cut off anywhere it is another input.
      target.run(std::string_view(bytes).substr(0, bytes.size() / 2));
      ++inputs;
    }
    CHECK(inputs > 0);
  }
}

TEST_CASE("every corpus has a target") {
  for (const auto& entry : fs::directory_iterator(corpora)) {
    const auto name = entry.path().filename().string();
    CAPTURE(name);
    CHECK(std::ranges::any_of(fuzz::targets(), [&](const auto& t) { return t.name == name; }));
  }
}

TEST_CASE("pieces are all of the bytes, in order") {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(i * 7);
  std::string joined;
  for (const auto piece : fuzz::pieces(bytes)) joined += piece;
  CHECK(joined == bytes);
  CHECK(fuzz::pieces(bytes).size() > 20);
}
