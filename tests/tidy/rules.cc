#include "tests/tidy/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <span>

namespace cube::tidy {
namespace {

constexpr std::size_t columns_max = 100;
constexpr std::size_t header_lines_max = 250;
constexpr std::size_t source_lines_max = 600;
constexpr std::size_t function_lines_max = 70;

// Whom a folder may include; itself always. The table of docs/ARCHITECTURE.md.
struct Folder {
  std::string_view name;
  bool pure;                                  // no I/O, no clock, no thread, no chance but a seed
  std::vector<std::string_view> may_include;  // folders, or single headers of them
};

const std::vector<Folder>& folders() {
  static const std::vector<Folder> table = {
      {"base", true, {}},
      {"task", true, {"base"}},
      {"scheduler", true, {"task", "base"}},
      {"service", true, {"task", "base"}},
      {"api", true, {"service", "task", "base"}},
      {"yaml", true, {"api", "base"}},
      {"manager",
       true,
       {"scheduler", "service", "api", "task", "base", "store/store.h", "runtime/runtime.h"}},
      {"worker", true, {"api", "task", "base", "store/store.h", "runtime/runtime.h"}},
      {"sim",
       true,
       {"manager", "worker", "scheduler", "service", "api", "task", "base", "store/store.h",
        "store/memory_store.h", "runtime/runtime.h"}},
      {"store", false, {"base"}},
      {"http", false, {"api", "task", "base"}},
      {"runtime", false, {"http", "task", "base"}},
      {"ingress", false, {"http", "service", "api", "task", "base"}},
      {"daemon",
       false,
       {"manager", "worker", "scheduler", "service", "ingress", "http", "runtime", "store", "api",
        "task", "base"}},
      {"cli", false, {"yaml", "service", "api", "task", "base"}},
  };
  return table;
}

// Free to include anything of the project: they stand above it or beside it.
constexpr std::string_view unbound_folders[] = {"cmd", "tests", "bench", "examples", "packaging"};

// A library ends at its seam: it is included in these places (folder, or folder and ending) only.
struct Seam {
  std::string_view header;  // how the name of the included header begins
  std::vector<std::string_view> where;
  std::string_view instead;
};

const std::vector<Seam>& seams() {
  static const std::vector<Seam> table = {
      {"nlohmann/", {"api/*.cc", "runtime/*.cc", "tests/", "bench/"}, "use api/codec.h"},
      {"boost/", {"http/", "tests/http/"}, "use the headers of http/"},
      {"httplib.h",
       {"http/", "cli/", "tests/", "bench/", "examples/"},
       "use http/client.h; in the command line, its client"},
      {"yaml-cpp/", {"yaml/*.cc"}, "use yaml/document.h"},
      {"lmdb.h", {"store/", "tests/store/"}, "use store/store.h"},
      {"CLI/", {"cli/", "cmd/", "bench/", "tests/kill/"}, "take an options struct"},
      {"CLI11", {"cli/", "cmd/"}, "take an options struct"},
      {"doctest/", {"tests/"}, "tests live in tests/"},
  };
  return table;
}

struct Ban {
  std::string_view what;  // an include, or a regular expression on code
  std::string_view instead;
  std::string_view unless = {};  // a remark on the line that excuses it
};

constexpr Ban pure_includes[] = {
    {"thread", "the shells own the threads (daemon/); a core is one object with step()"},
    {"mutex", "the shells own the threads (daemon/); a core is one object with step()"},
    {"shared_mutex", "the shells own the threads (daemon/); a core is one object with step()"},
    {"condition_variable", "return the next wake-up time from next_wake()"},
    {"atomic", "the shells own the threads (daemon/); a core is one object with step()"},
    {"future", "put the wish into Effects and take the answer as an input"},
    {"random", "take a seeded Rng (base/rng.h)"},
    {"filesystem", "put the wish into Effects; shells touch files"},
    {"fstream", "put the wish into Effects; shells touch files"},
    {"iostream", "return text; shells print it"},
    {"unistd.h", "put the wish into Effects; shells call the system"},
    {"sys/socket.h", "put the wish into Effects; shells speak to the network"},
};

constexpr Ban pure_calls[] = {
    {R"(_clock::now\b)", "take the time as an argument (Now, base/time.h)"},
    {R"(\b(gettimeofday|clock_gettime|localtime|gmtime)\s*\()",
     "take the time as an argument (Now, base/time.h)"},
    {R"(\bs?rand\s*\()", "take a seeded Rng (base/rng.h)"},
    {R"(\brandom_device\b)", "take a seeded Rng (base/rng.h)"},
    {R"(\b(u?sleep|nanosleep|sleep_for|sleep_until)\s*\()",
     "return the next wake-up time from next_wake()"},
    {R"(\bgetenv\s*\()", "take it as configuration; cmd/ reads the environment"},
};

constexpr Ban test_calls[] = {
    {R"(\b(sleep_for|sleep_until|usleep|sleep)\s*\()",
     "wait for a condition with a deadline; a sleep that paces a slow peer says \"// paced\"",
     "// paced"},
};

// Spelled apart, so that this file keeps its own rule.
constexpr Ban unfinished[] = {
    {"\\b(TO"
     "DO|FIX"
     "ME|X"
     "XX)\\b",
     "finish it, or open an issue and say what holds today"},
};

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> endings) {
  return std::ranges::any_of(endings, [text](auto ending) { return text.ends_with(ending); });
}

std::string_view top_folder(std::string_view path) {
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

const Folder* folder_of(std::string_view path) {
  const auto found = std::ranges::find(folders(), top_folder(path), &Folder::name);
  return found == folders().end() ? nullptr : &*found;
}

// "api/*.cc" matches sources of that folder, "api/" everything in it.
bool within(std::string_view path, std::string_view place) {
  const auto star = place.find('*');
  if (star == std::string_view::npos) return path.starts_with(place);
  return path.starts_with(place.substr(0, star)) && path.ends_with(place.substr(star + 1));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::size_t columns(std::string_view line) {  // characters, not bytes
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }));
}

struct Include {
  std::string header;
  bool quoted = false;
};

std::optional<Include> include_in(std::string_view line) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  std::match_results<std::string_view::const_iterator> match;
  if (!std::regex_match(line.begin(), line.end(), match, pattern)) return std::nullopt;
  return Include{match[2].str(), match[1].str() == "\""};
}

// One file under examination.
class Checker {
 public:
  Checker(std::string_view path, std::string_view text)
      : path_(path),
        lines_(lines_of(text)),
        code_text_(code_only(text)),
        code_(lines_of(code_text_)),
        folder_(folder_of(path)) {}

  std::vector<Finding> run() {
    const bool header = path_.ends_with(".h");
    find_calls(lines_, unfinished, "unfinished: ");
    if (!header && !path_.ends_with(".cc")) return std::move(findings_);
    check_place();
    check_size(header);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (const auto include = include_in(lines_[i])) check_include(i + 1, *include);
    }
    if (folder_ != nullptr && folder_->pure) find_calls(code_, pure_calls, "not pure: ");
    if (top_folder(path_) == "tests" && path_.find("/support") == std::string_view::npos) {
      find_calls(code_, test_calls, "a fixed wait: ");
    }
    check_functions();
    std::ranges::stable_sort(findings_, {}, &Finding::line);
    return std::move(findings_);
  }

 private:
  void report(std::size_t line, std::string message) {
    findings_.push_back({std::string(path_), line, std::move(message)});
  }

  void check_place() {
    if (folder_ != nullptr) return;
    if (std::ranges::find(unbound_folders, top_folder(path_)) != std::end(unbound_folders)) return;
    report(1, "this folder is not in the table of tests/tidy/rules.cc: say whom it may include");
  }

  void check_size(bool header) {
    const std::size_t most = header ? header_lines_max : source_lines_max;
    if (lines_.size() > most) {
      report(most + 1, fmt::format("{} lines; a {} has at most {}: split it by noun", lines_.size(),
                                   header ? "header" : "source", most));
    }
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (columns(lines_[i]) <= columns_max) continue;
      report(i + 1, fmt::format("{} columns; at most {}: run clang-format", columns(lines_[i]),
                                columns_max));
    }
    if (header && std::ranges::find(lines_, "#pragma once") == lines_.end()) {
      report(1, "no \"#pragma once\"");
    }
  }

  void check_include(std::size_t line, const Include& include) {
    for (const Seam& seam : seams()) {
      if (!include.header.starts_with(seam.header)) continue;
      const bool here = std::ranges::any_of(
          seam.where, [this](std::string_view place) { return within(path_, place); });
      if (!here) {
        report(line, fmt::format("<{}> ends at its seam: {}", include.header, seam.instead));
      }
    }
    if (folder_ == nullptr) return;
    if (!include.quoted) {
      const auto ban = std::ranges::find(pure_includes, include.header, &Ban::what);
      if (folder_->pure && ban != std::end(pure_includes)) {
        report(line, fmt::format("not pure: <{}>: {}", include.header, ban->instead));
      }
      return;
    }
    const std::string_view to = top_folder(include.header);
    if (to == folder_->name) return;
    const bool allowed = std::ranges::any_of(folder_->may_include, [&](std::string_view place) {
      return place == to || place == include.header;
    });
    if (!allowed) {
      report(line, fmt::format("{}/ may not include \"{}\"; it may include: {}", folder_->name,
                               include.header, fmt::join(folder_->may_include, ", ")));
    }
  }

  void find_calls(const std::vector<std::string_view>& lines, std::span<const Ban> bans,
                  std::string_view kind) {
    for (const Ban& ban : bans) {
      const std::regex pattern{std::string(ban.what)};
      for (std::size_t i = 0; i < lines.size(); ++i) {
        std::match_results<std::string_view::const_iterator> match;
        if (!std::regex_search(lines[i].begin(), lines[i].end(), match, pattern)) continue;
        if (!ban.unless.empty() && lines_[i].find(ban.unless) != std::string_view::npos) continue;
        report(i + 1, fmt::format("{}{}: {}", kind, match[0].str(), ban.instead));
      }
    }
  }

  // As clang-format leaves it, a function begins in the first column and ends with a lone brace.
  // Tests may be long: they are tables.
  void check_functions() {
    if (top_folder(path_) == "tests") return;
    std::size_t begin = 0;
    bool begun = false;
    for (std::size_t i = 0; i < code_.size(); ++i) {
      const std::string_view line = code_[i];
      if (line.empty() || line.front() == ' ' || line.front() == '#') continue;
      if (line != "}") {
        const bool between = line.front() == '}' || line.ends_with(";");  // a class's end, a using
        if (!begun || line.ends_with("{")) begin = i;
        begun = !between;
        continue;
      }
      begun = false;
      if (i - begin + 1 > function_lines_max) {
        report(begin + 1, fmt::format("a function of {} lines; at most {}: name its parts",
                                      i - begin + 1, function_lines_max));
      }
    }
  }

  std::string_view path_;
  std::vector<std::string_view> lines_;
  std::string code_text_;
  std::vector<std::string_view> code_;
  const Folder* folder_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string Finding::str() const {
  return fmt::format("{}:{}: {}", path, line, message);
}

std::vector<Finding> check(std::string_view path, std::string_view text) {
  if (!ends_with_any(path, {".h", ".cc", ".sh", ".md", ".cmake", ".bats", "CMakeLists.txt"})) {
    return {};
  }
  return Checker(path, text).run();
}

std::string code_only(std::string_view text) {
  enum class In { code, line_comment, block_comment, string, character, raw };
  In in = In::code;
  std::string out;
  std::string raw_end;
  const auto blank = [&out](std::string_view part) {
    for (const char c : part) out += c == '\n' ? '\n' : ' ';
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    std::size_t taken = 1;
    switch (in) {
      case In::code:
        if (rest.starts_with("//") || rest.starts_with("/*")) {
          in = rest[1] == '/' ? In::line_comment : In::block_comment;
          taken = 2;
        } else if (rest.starts_with("R\"")) {
          const auto open = rest.find('(');
          if (open == std::string_view::npos) break;
          raw_end = fmt::format("){}\"", rest.substr(2, open - 2));
          in = In::raw;
          taken = open + 1;
        } else if (rest[0] == '"') {
          in = In::string;
        } else if (rest[0] == '\'' &&
                   (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])))) {
          in = In::character;  // and not the separator of 1'000
        } else {
          out += rest[0];
          continue;
        }
        break;
      case In::line_comment:
        if (rest[0] == '\n') in = In::code;
        break;
      case In::block_comment:
        if (rest.starts_with("*/")) {
          in = In::code;
          taken = 2;
        }
        break;
      case In::string:
      case In::character:
        if (rest[0] == '\\') {
          taken = 2;
        } else if (rest[0] == (in == In::string ? '"' : '\'')) {
          in = In::code;
        }
        break;
      case In::raw:
        if (rest.starts_with(raw_end)) {
          in = In::code;
          taken = raw_end.size();
        }
        break;
    }
    blank(rest.substr(0, taken));
    i += taken - 1;
  }
  return out;
}

}  // namespace cube::tidy
