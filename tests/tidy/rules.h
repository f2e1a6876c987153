#pragma once
// The rules of the house that a compiler does not know, as functions of one file's text.
//
// docs/testing.md lists them; every finding names the place and what to do instead.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cube::tidy {

struct Finding {
  std::string path;  // relative to the top folder
  std::size_t line = 0;
  std::string message;
  std::string str() const;  // "manager/nodes.cc:12: ..."
  friend bool operator==(const Finding&, const Finding&) = default;
};

// All findings in one file, by line. `path` is relative to the top folder and decides which rules
// hold. Headers, sources, scripts, CMake files and pages are looked at; others have no findings.
std::vector<Finding> check(std::string_view path, std::string_view text);

// `text` with comments and the contents of literals blanked out, line by line the same length.
std::string code_only(std::string_view text);

}  // namespace cube::tidy
