#include "task/rules.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace cube::rules {
namespace {

constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alnum(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c);
}

// Is every character of `text` alphanumeric or one of `others`?
bool made_of_alnum_and(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || others.find(c) != std::string_view::npos;
  });
}

// A decimal number of at most five digits, or -1.
int small_number(std::string_view text) {
  if (text.empty() || text.size() > 5) return -1;
  int out = 0;
  for (const char c : text) {
    if (!is_digit(c)) return -1;
    out = out * 10 + (c - '0');
  }
  return out;
}

// Takes what stands before the first `separator` off the front of `rest`, and the separator.
std::string_view take_part(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return part;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

bool is_plain(std::string_view text) {
  return printable(text) == text;
}

std::string normal_path(std::string_view text) {
  if (text.empty() || text[0] != '/' || !is_plain(text)) return {};
  std::string out;
  while (!text.empty()) {
    const std::string_view part = take_part(text, '/');
    if (part == "..") return {};
    if (part.empty() || part == ".") continue;
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

bool is_volume_name(std::string_view text) {
  return text.size() >= 2 && is_alnum(text[0]) && made_of_alnum_and(text, "_.-");
}

bool is_ip_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    const auto colons = std::count(text.begin(), text.end(), ':');
    return colons >= 2 && colons <= 7 && text.size() <= 45 &&
           text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  if (std::count(text.begin(), text.end(), '.') != 3 || text.back() == '.') return false;
  while (!text.empty()) {
    const int number = small_number(take_part(text, '.'));
    if (number < 0 || number > 255) return false;
  }
  return true;
}

bool addresses_overlap(std::string_view a, std::string_view b) {
  if (a == b || a.empty() || b.empty()) return true;
  const auto is_six = [](std::string_view ip) { return ip.find(':') != std::string_view::npos; };
  if (is_six(a) != is_six(b)) return false;
  const std::string_view any = is_six(a) ? "::" : "0.0.0.0";
  return a == any || b == any;
}

bool is_request_path(std::string_view text) {
  return !text.empty() && text[0] == '/' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_constraint(std::string_view text) {
  constexpr std::string_view label_prefix = "node.labels.";
  const std::size_t at = std::min(text.find("=="), text.find("!="));
  const bool compares = at != std::string_view::npos;
  const std::string_view key = trimmed(text.substr(0, at));
  if (compares && trimmed(text.substr(at + 2)).empty()) return false;
  if (key == "node.name" || key == "node.platform") return compares;
  if (key.substr(0, label_prefix.size()) != label_prefix) return false;
  const std::string_view label = key.substr(label_prefix.size());
  return !label.empty() && made_of_alnum_and(label, "_.-/");
}

bool is_platform(std::string_view text) {
  const auto slashes = std::count(text.begin(), text.end(), '/');
  if (slashes < 1 || slashes > 2 || text.back() == '/') return false;
  while (!text.empty()) {
    const std::string_view part = take_part(text, '/');
    if (part.empty() || !made_of_alnum_and(part, "_.-")) return false;
  }
  return true;
}

bool is_signal(std::string_view text) {
  constexpr std::array<std::string_view, 31> names{
      "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
      "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
      "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};
  if (const int number = small_number(text); number >= 0) return number >= 1 && number <= 64;
  if (text.substr(0, 3) == "SIG") text.remove_prefix(3);
  return std::find(names.begin(), names.end(), text) != names.end();
}

}  // namespace cube::rules
