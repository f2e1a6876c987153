// Calendar times of base/text.h.

#include <fmt/format.h>

#include <optional>

#include "base/text.h"

namespace cube {
namespace {

constexpr std::string_view zero_text = "0001-01-01T00:00:00Z";
constexpr std::int64_t us_per_second = 1'000'000;

// Microseconds since 1970 of a day's beginning.
constexpr std::int64_t us_of(std::chrono::year_month_day day) {
  return std::chrono::sys_days(day).time_since_epoch().count() * 86'400 * us_per_second;
}

using std::chrono::day;
using std::chrono::month;
using std::chrono::year;
// What four digits of a year can show.
constexpr std::int64_t first_us = us_of(year(2) / month(1) / day(1));
constexpr std::int64_t last_us = us_of(year(10'000) / month(1) / day(1)) - 1;

// Takes exactly `digits` digits off the front of `rest`.
std::optional<int> take_number(std::string_view& rest, std::size_t digits) {
  if (rest.size() < digits) return std::nullopt;
  int out = 0;
  for (const char c : rest.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + (c - '0');
  }
  rest.remove_prefix(digits);
  return out;
}

// Takes one of the characters of `choices`.
bool take_any(std::string_view& rest, std::string_view choices) {
  if (rest.empty() || choices.find(rest[0]) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  return true;
}

// "2026-01-02" as microseconds since 1970.
std::optional<std::int64_t> take_date(std::string_view& rest) {
  const auto y = take_number(rest, 4);
  if (!y || !take_any(rest, "-")) return std::nullopt;
  const auto m = take_number(rest, 2);
  if (!m || !take_any(rest, "-")) return std::nullopt;
  const auto d = take_number(rest, 2);
  if (!d) return std::nullopt;
  const std::chrono::year_month_day date(year(*y), month(static_cast<unsigned>(*m)),
                                         day(static_cast<unsigned>(*d)));
  if (!date.ok()) return std::nullopt;
  return us_of(date);
}

// "03:04:05.123456789" as microseconds; what is finer is cut off. A leap second is the next one.
std::optional<std::int64_t> take_clock(std::string_view& rest) {
  const auto h = take_number(rest, 2);
  if (!h || *h > 23 || !take_any(rest, ":")) return std::nullopt;
  const auto m = take_number(rest, 2);
  if (!m || *m > 59 || !take_any(rest, ":")) return std::nullopt;
  const auto s = take_number(rest, 2);
  if (!s || *s > 60) return std::nullopt;
  std::int64_t us = ((*h * 60 + *m) * std::int64_t{60} + *s) * us_per_second;
  if (!take_any(rest, ".")) return us;
  std::int64_t weight = us_per_second / 10;
  auto digit = take_number(rest, 1);
  if (!digit) return std::nullopt;
  for (; digit; digit = take_number(rest, 1)) {
    us += *digit * weight;
    weight /= 10;
  }
  return us;
}

// "Z" or "+02:00" as the microseconds to take away.
std::optional<std::int64_t> take_offset(std::string_view& rest) {
  if (take_any(rest, "Zz")) return 0;
  const bool west = !rest.empty() && rest[0] == '-';
  if (!take_any(rest, "+-")) return std::nullopt;
  const auto h = take_number(rest, 2);
  if (!h || *h > 23 || !take_any(rest, ":")) return std::nullopt;
  const auto m = take_number(rest, 2);
  if (!m || *m > 59) return std::nullopt;
  const std::int64_t us = (*h * 60 + *m) * 60 * us_per_second;
  return west ? -us : us;
}

}  // namespace

Result<WallTime> parse_time(std::string_view text) {
  const Error wrong{Code::invalid, "\"" + printable(text.substr(0, 64)) +
                                       "\" is not a time such as \"2026-01-02T03:04:05Z\""};
  std::string_view rest = text;
  const auto date = take_date(rest);
  if (!date || !take_any(rest, "Tt ")) return wrong;
  const auto clock = take_clock(rest);
  if (!clock) return wrong;
  const auto offset = take_offset(rest);
  if (!offset || !rest.empty()) return wrong;
  const std::int64_t us = *date + *clock - *offset;
  return WallTime{us < first_us ? 0 : us};
}

std::string format_time(WallTime t) {
  if (t.is_zero() || t.us < first_us) return std::string(zero_text);
  const std::chrono::sys_time<Duration> time(Duration(t.us > last_us ? last_us : t.us));
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace cube
