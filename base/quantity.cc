// Quantities of base/text.h: bytes and durations.

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>

#include "base/text.h"

namespace cube {
namespace {

constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t decimals_max = 6;  // 10^6 * 1 TiB and 10^6 * 1 h (in us) both fit 64 bits

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// A decimal number without sign, kept exact: whole + millionths / 10^6.
struct Decimal {
  std::int64_t whole = 0;
  std::int64_t millionths = 0;
};

// Takes "12" or "12.5" off the front of `rest`. Nothing when there is no number, it overflows, or
// has more than `decimals_max` decimals.
std::optional<Decimal> take_decimal(std::string_view& rest) {
  if (rest.empty() || !is_digit(rest[0])) return std::nullopt;
  Decimal out;
  for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1)) {
    const int digit = rest[0] - '0';
    if (out.whole > (int64_max - digit) / 10) return std::nullopt;
    out.whole = out.whole * 10 + digit;
  }
  if (rest.empty() || rest[0] != '.') return out;
  rest.remove_prefix(1);
  std::size_t decimals = 0;
  std::int64_t weight = 100'000;
  for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1)) {
    if (++decimals > decimals_max) return std::nullopt;
    out.millionths += weight * (rest[0] - '0');
    weight /= 10;
  }
  if (decimals == 0) return std::nullopt;
  return out;
}

// `number` times `unit`, rounded down; nothing when it overflows. REQUIRES: unit < 2^42
std::optional<std::int64_t> times(const Decimal& number, std::int64_t unit) {
  const std::int64_t part = number.millionths * unit / 1'000'000;
  if (number.whole > (int64_max - part) / unit) return std::nullopt;
  return number.whole * unit + part;
}

// The factor of a byte unit: letter k, m, g or t, then optionally i, then optionally b; or only b.
std::optional<std::int64_t> byte_unit(std::string_view text) {
  std::int64_t unit = 1;
  if (!text.empty()) {
    constexpr std::string_view letters = "kmgt";
    const std::size_t at = letters.find(lower(text[0]));
    if (at != std::string_view::npos) {
      unit <<= 10 * (at + 1);
      text.remove_prefix(1);
      if (!text.empty() && lower(text[0]) == 'i') text.remove_prefix(1);
    }
  }
  if (!text.empty() && lower(text[0]) == 'b') text.remove_prefix(1);
  if (!text.empty()) return std::nullopt;
  return unit;
}

struct TimeUnit {
  std::string_view name;
  std::int64_t us;
};
// Longest names first where one begins another.
constexpr std::array<TimeUnit, 6> time_units{{
    {"ms", 1'000},
    {"us", 1},
    {"\xc2\xb5s", 1},  // "µs"
    {"h", 3'600'000'000},
    {"m", 60'000'000},
    {"s", 1'000'000},
}};

// Takes a unit's name off the front of `rest`.
std::optional<std::int64_t> take_time_unit(std::string_view& rest) {
  for (const TimeUnit& unit : time_units) {
    if (rest.substr(0, unit.name.size()) == unit.name) {
      rest.remove_prefix(unit.name.size());
      return unit.us;
    }
  }
  return std::nullopt;
}

// The sum of "1m30s", or of a bare number of seconds, in microseconds.
std::optional<std::int64_t> sum_durations(std::string_view rest) {
  std::int64_t sum = 0;
  for (bool first = true; first || !rest.empty(); first = false) {
    const auto number = take_decimal(rest);
    if (!number) return std::nullopt;
    const bool bare = first && rest.empty();
    const auto unit = bare ? std::optional<std::int64_t>(1'000'000) : take_time_unit(rest);
    if (!unit) return std::nullopt;
    const auto part = times(*number, *unit);
    if (!part || *part > int64_max - sum) return std::nullopt;
    sum += *part;
  }
  return sum;
}

// "30", "30.5": `value` / `scale` without needless zeros.
std::string decimal(std::uint64_t value, std::uint64_t scale) {
  std::string out = std::to_string(value / scale);
  if (value % scale == 0) return out;
  std::string fraction = std::to_string(scale + value % scale);  // "1" and all the digits
  fraction[0] = '.';
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return out + fraction;
}

// |value|, also for the least value.
std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  const Error wrong{Code::invalid, "\"" + printable(text.substr(0, 64)) +
                                       "\" is not a size such as 1024, \"512MiB\" or \"1.5GiB\""};
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  if (!number) return wrong;
  while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
  const auto unit = byte_unit(rest);
  if (!unit || (*unit == 1 && number->millionths != 0)) return wrong;
  const auto bytes = times(*number, *unit);
  if (!bytes) return wrong;
  return *bytes;
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  const std::uint64_t size = magnitude(bytes);
  std::size_t step = 0;
  while (step + 1 < names.size() && size >> (10 * (step + 1)) != 0) ++step;
  const std::uint64_t unit = std::uint64_t{1} << (10 * step);
  // Rounded down, so that "free" never shows more than there is.
  const std::uint64_t whole = size / unit;
  const std::uint64_t tenths = whole < 100 ? size % unit * 10 / unit : 0;
  return fmt::format("{}{} {}", bytes < 0 ? "-" : "", decimal(whole * 10 + tenths, 10),
                     names[step]);
}

Result<Duration> parse_duration(std::string_view text) {
  const auto us = sum_durations(text);
  if (us) return Duration(*us);
  return Error{Code::invalid, "\"" + printable(text.substr(0, 64)) +
                                  "\" is not a duration such as \"10s\", \"1m30s\" or \"500ms\""};
}

std::string format_duration(Duration d) {
  const std::uint64_t us = magnitude(d.count());
  std::string out = d.count() < 0 ? "-" : "";
  if (us == 0) return "0s";
  if (us < 1'000) return out + std::to_string(us) + "us";
  if (us < 1'000'000) return out + decimal(us, 1'000) + "ms";
  const std::uint64_t hours = us / 3'600'000'000;
  const std::uint64_t minutes = us / 60'000'000 % 60;
  const std::uint64_t seconds_us = us % 60'000'000;
  if (hours != 0) out += std::to_string(hours) + "h";
  if (minutes != 0) out += std::to_string(minutes) + "m";
  if (seconds_us != 0) out += decimal(seconds_us, 1'000'000) + "s";
  return out;
}

std::string format_ago(Duration d) {
  const std::int64_t seconds = d.count() / 1'000'000;
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = (minutes + 30) / 60;
  const std::int64_t days = hours / 24;
  const auto count = [](std::int64_t n, std::string_view unit) {
    return fmt::format("{} {}{} ago", n, unit, n == 1 ? "" : "s");
  };
  if (seconds < 1) return "Less than a second ago";
  if (seconds < 60) return count(seconds, "second");
  if (minutes == 1) return "About a minute ago";
  if (minutes < 60) return count(minutes, "minute");
  if (hours == 1) return "About an hour ago";
  if (hours < 48) return count(hours, "hour");
  if (days < 14) return count(days, "day");
  if (days < 60) return count(days / 7, "week");
  if (days < 730) return count(days / 30, "month");
  return count(days / 365, "year");
}

}  // namespace cube
