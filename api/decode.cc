#include "api/decode.h"

#include <fmt/format.h>

#include <cmath>

namespace cube::api {

namespace {

constexpr std::size_t shown_bytes_max = 64;
constexpr double seconds_max = 1e9;  // some thirty years: far above every limit, far below overflow

// Foreign text for a message: short and printable.
std::string shown(std::string_view text) {
  std::string out = printable(text.substr(0, shown_bytes_max));
  return text.size() > shown_bytes_max ? out + "..." : out;
}

bool is_plain_name(std::string_view key) {
  return !key.empty() && key.size() <= shown_bytes_max &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

}  // namespace

std::string At::path() const {
  if (parent_ == nullptr) return {};
  std::string before = parent_->path();
  if (is_index_) return fmt::format("{}[{}]", before, index_);
  if (!is_plain_name(key_)) return fmt::format("{}[\"{}\"]", before, shown(key_));
  return before.empty() ? std::string(key_) : fmt::format("{}.{}", before, key_);
}

Error At::error(std::string_view what) const {
  std::string where = path();
  return {Code::invalid, where.empty() ? std::string(what) : fmt::format("{}: {}", where, what)};
}

Error At::expected(std::string_view what, const Value& got) const {
  return error(fmt::format("expected {}, got {}", what, got.describe()));
}

Result<void> read(const Value& v, const At& at, std::string& out) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a string", v);
  out = *text;
  return {};
}

Result<void> read(const Value& v, const At& at, bool& out) {
  const bool* b = v.boolean();
  if (b == nullptr) return at.expected("true or false", v);
  out = *b;
  return {};
}

Result<void> read(const Value& v, const At& at, double& out) {
  if (const Value::Real* real = v.real()) {
    out = real->number;
  } else if (const Value::Integer* i = v.integer()) {
    out = i->negative ? -static_cast<double>(i->magnitude) : static_cast<double>(i->magnitude);
  } else {
    return at.expected("a number", v);
  }
  return {};
}

Result<void> read_unsigned(const Value& v, const At& at, std::uint64_t max, std::uint64_t& out) {
  const Value::Integer* i = v.integer();
  if (i == nullptr) return at.expected("an integer", v);
  if (i->negative && i->magnitude != 0)
    return at.error(fmt::format("must not be negative: {}", v.describe()));
  if (i->magnitude > max) return at.error(fmt::format("{} is more than {}", i->magnitude, max));
  out = i->magnitude;
  return {};
}

Result<void> read_signed(const Value& v, const At& at, std::int64_t min, std::int64_t max,
                         std::int64_t& out) {
  const Value::Integer* i = v.integer();
  if (i == nullptr) return at.expected("an integer", v);
  auto most = static_cast<std::uint64_t>(max);
  auto least = 0 - static_cast<std::uint64_t>(min);  // the magnitude of min <= 0
  if (!i->negative && i->magnitude > most)
    return at.error(fmt::format("{} is more than {}", v.describe(), max));
  if (i->negative && i->magnitude > least)
    return at.error(fmt::format("{} is less than {}", v.describe(), min));
  out = static_cast<std::int64_t>(i->negative ? 0 - i->magnitude : i->magnitude);
  return {};
}

Result<void> read(const Value& v, const At& at, Duration& out) {
  if (const std::string* text = v.text()) {
    auto parsed = parse_duration(*text);
    if (!parsed) return at.error(printable(parsed.error().message));
    out = *parsed;
    return {};
  }
  if (v.integer() == nullptr && v.real() == nullptr)
    return at.expected("a duration such as \"10s\" or a number of seconds", v);
  double seconds = 0;
  CUBE_TRY(read(v, at, seconds));
  if (seconds < 0) return at.error(fmt::format("must not be negative: {}", v.describe()));
  if (seconds > seconds_max)
    return at.error(fmt::format("{} seconds is more than {}", v.describe(), seconds_max));
  out = Duration(std::llround(seconds * 1e6));
  return {};
}

Result<void> read(const Value& v, const At& at, WallTime& out) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a time such as \"2026-01-02T03:04:05Z\"", v);
  auto parsed = parse_time(*text);
  if (!parsed) return at.error(printable(parsed.error().message));
  out = *parsed;
  return {};
}

Result<void> read(const Value& v, const At& at, Uuid& out) {
  const std::string* text = v.text();
  if (text == nullptr) return at.expected("a UUID as a string", v);
  out = {};
  if (text->empty()) return {};
  auto uuid = Uuid::parse(*text);
  if (!uuid) return at.error(fmt::format("\"{}\" is not a UUID", shown(*text)));
  out = *uuid;
  return {};
}

Result<void> read(const Value& v, const At& at, std::vector<std::string>& out) {
  if (v.list() == nullptr) return at.expected("a list of strings", v);
  return read_list(v, at, out, [](const Value& item, const At& here, std::string& text) {
    return read(item, here, text);
  });
}

Result<void> read(const Value& v, const At& at, std::map<std::string, std::string>& out) {
  const Value::Object* members = v.object();
  if (members == nullptr) return at.expected("an object of strings", v);
  out.clear();
  for (const Member& m : *members) CUBE_TRY(read(m.value, At(at, m.key), out[m.key]));
  return {};
}

Error unknown_field(const At& at, std::string_view key, std::span<const std::string_view> known) {
  std::string_view near = nearest(key.substr(0, shown_bytes_max), known);
  std::string advice = near.empty() ? "" : fmt::format("; did you mean {}?", near);
  return At(at, key).error("unknown field" + advice);
}

}  // namespace cube::api
