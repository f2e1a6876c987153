#include "api/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

namespace cube::api {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(unsigned char c) {
  return (c & 0xC0) == 0x80;
}

// The length of the valid UTF-8 sequence at the start of `s` (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF), or 0. REQUIRES: `s` is not empty and begins with no ASCII.
std::size_t sequence_length(std::string_view s) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  unsigned char lead = byte(0);
  std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                       : lead >= 0xE0 && lead <= 0xEF ? 3
                       : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                      : 0;
  if (length == 0 || s.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!is_continuation(byte(i))) return 0;
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  out += "\\u00";
  out.push_back(digits[c >> 4]);
  out.push_back(digits[c & 15]);
}

template <class Number>
void append_number(std::string& out, Number n) {
  std::array<char, 32> digits;  // NOLINT: filled by to_chars
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), n);
  static_cast<void>(error);  // 32 characters hold every 64-bit integer and shortest double
  out.append(digits.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view s) {
  out.push_back('"');
  std::size_t plain = 0;  // s[plain, i) is copied as it is
  for (std::size_t i = 0; i < s.size();) {
    auto c = static_cast<unsigned char>(s[i]);
    if (c >= 0x80) {
      if (std::size_t length = sequence_length(s.substr(i)); length > 0) {
        i += length;
        continue;
      }
    } else if (c >= 0x20 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    out += s.substr(plain, i - plain);
    c >= 0x80 ? static_cast<void>(out += replacement) : append_escape(out, c);
    plain = ++i;
  }
  out += s.substr(plain);
  out.push_back('"');
}

void JsonWriter::key(std::string_view name) {
  comma();
  out_.push_back('"');
  out_ += name;
  out_ += "\":";
  comma_ = false;
}

void JsonWriter::key_text(std::string_view name) {
  comma();
  append_json_string(out_, name);
  out_.push_back(':');
  comma_ = false;
}

void JsonWriter::text(std::string_view s) {
  comma();
  append_json_string(out_, s);
  comma_ = true;
}

void JsonWriter::raw(std::string_view json) {
  comma();
  out_ += json;
  comma_ = true;
}

void JsonWriter::write_signed(std::int64_t i) {
  comma();
  append_number(out_, i);
  comma_ = true;
}

void JsonWriter::write_unsigned(std::uint64_t u) {
  comma();
  append_number(out_, u);
  comma_ = true;
}

void JsonWriter::real(double d) {
  comma();
  append_number(out_, std::isfinite(d) ? d : 0.0);
  comma_ = true;
}

void JsonWriter::thousandths(std::int64_t n) {
  comma();
  if (n < 0) out_.push_back('-');
  std::uint64_t magnitude =
      n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
  append_number(out_, magnitude / 1000);
  if (std::uint64_t part = magnitude % 1000; part != 0) {
    out_.push_back('.');
    for (std::uint64_t unit = 100; part != 0; unit /= 10) {
      out_.push_back(static_cast<char>('0' + part / unit));
      part %= unit;
    }
  }
  comma_ = true;
}

}  // namespace cube::api
