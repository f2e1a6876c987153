#include "yaml/scalar.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace cube::yaml {
namespace {

using Kind = Scalar::Kind;

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the digits off the front.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::string without_leading_zeros(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return std::string(first == std::string_view::npos ? "0" : digits.substr(first));
}

// "0o17", "0x1F"
std::optional<Scalar> based_integer(std::string_view text) {
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'o' && text[1] != 'x')) return std::nullopt;
  const std::string_view digits = text.substr(2);
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, text[1] == 'o' ? 8 : 16);
  if (stop != end) return std::nullopt;
  if (error != std::errc()) return Scalar{Kind::beyond, std::string(text)};
  return Scalar{Kind::number, std::to_string(value)};
}

// [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ([eE][-+]?[0-9]+)?
std::optional<Scalar> decimal(std::string_view text) {
  std::string_view rest = text;
  std::string out;
  if (rest.starts_with('-')) out = "-";
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const std::string_view whole = take_digits(rest);
  std::string_view fraction;
  const bool has_point = rest.starts_with('.');
  if (has_point) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  out += without_leading_zeros(whole);
  if (has_point) out += "." + (fraction.empty() ? "0" : std::string(fraction));
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    out += 'e';
    if (rest.starts_with('-')) out += '-';
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    const std::string_view exponent = take_digits(rest);
    if (exponent.empty()) return std::nullopt;
    out += exponent;
  }
  if (!rest.empty()) return std::nullopt;
  return Scalar{Kind::number, out};
}

bool is_infinite_or_none(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) {
    return is_one_of(text.substr(1), {".inf", ".Inf", ".INF"});
  }
  return is_one_of(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}

}  // namespace

Scalar plain_scalar(std::string_view text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return {};
  if (is_one_of(text, {"true", "True", "TRUE"})) return {Kind::boolean, "true"};
  if (is_one_of(text, {"false", "False", "FALSE"})) return {Kind::boolean, "false"};
  if (is_infinite_or_none(text)) return {Kind::beyond, std::string(text)};
  if (auto number = based_integer(text)) return *std::move(number);
  if (auto number = decimal(text)) return *std::move(number);
  return {Kind::text, std::string(text)};
}

}  // namespace cube::yaml
