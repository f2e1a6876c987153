// Image references, by the grammar of the distribution project
// (https://pkg.go.dev/github.com/distribution/reference).

#include <algorithm>

#include "task/rules.h"

namespace cube::rules {
namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t tag_bytes_max = 128;
constexpr std::size_t digest_digits_min = 32;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z');
}
constexpr bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// Lower-case letters and digits, with single '.', one or two '_', or any number of '-' between.
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = std::min(text.size(), text.find_first_not_of("._-", i));
    const std::string_view separator = text.substr(i, end - i);
    const bool good = separator.empty() || separator == "." || separator == "_" ||
                      separator == "__" ||
                      separator.find_first_not_of('-') == std::string_view::npos;
    if (!good || !is_lower_alnum(text[end])) return false;
    i = end;
  }
  return true;
}

// "registry.example", "localhost:5000", "[::1]:5000"
bool is_host(std::string_view text) {
  std::string_view name = text;
  if (!text.empty() && text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    const std::string_view rest = text.substr(close + 1);
    return is_ip_address(text.substr(1, close - 1)) &&
           (rest.empty() || (rest[0] == ':' && is_digits(rest.substr(1))));
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (!is_digits(text.substr(colon + 1))) return false;
    name = text.substr(0, colon);
  }
  if (name.empty() || !is_alnum(name.front()) || !is_alnum(name.back())) return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
}

// The first component is a host when it cannot be a path component, as the engine decides it.
bool looks_like_host(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:[") != std::string_view::npos ||
         std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_name(std::string_view text) {
  if (text.size() > name_bytes_max) return false;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && looks_like_host(text.substr(0, slash))) {
    if (!is_host(text.substr(0, slash))) return false;
    text.remove_prefix(slash + 1);
  }
  for (;;) {
    const std::size_t end = text.find('/');
    if (!is_path_component(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= tag_bytes_max && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

// "sha256:" and hexadecimal digits
bool is_digest(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool named = std::all_of(algorithm.begin(), algorithm.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '+' || c == '.';
  });
  return named && !is_digit(algorithm[0]) && is_alnum(algorithm[0]) &&
         digits.size() >= digest_digits_min && std::all_of(digits.begin(), digits.end(), is_hex);
}

}  // namespace

bool is_image_reference(std::string_view text) {
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    if (!is_digest(text.substr(at + 1))) return false;
    text = text.substr(0, at);
  }
  // A colon after the last slash begins the tag; one before it belongs to the host.
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    if (!is_tag(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  return is_name(text);
}

}  // namespace cube::rules
