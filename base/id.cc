#include "base/id.h"

namespace cube {
namespace {

constexpr std::size_t text_bytes = 36;

// Where the dashes of 8-4-4-4-12 stand.
constexpr bool is_dash_at(std::size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

// The value of a hexadecimal digit, or -1.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string Uuid::str() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out(text_bytes, '-');
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    if (is_dash_at(at)) ++at;
    out[at++] = digits[byte >> 4];
    out[at++] = digits[byte & 15];
  }
  return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != text_bytes) return std::nullopt;
  Uuid out;
  std::size_t at = 0;
  for (std::uint8_t& byte : out.bytes) {
    if (is_dash_at(at) && text[at++] != '-') return std::nullopt;
    const int high = hex_value(text[at++]);
    const int low = hex_value(text[at++]);
    if (high < 0 || low < 0) return std::nullopt;
    byte = static_cast<std::uint8_t>(high * 16 + low);
  }
  return out;
}

Uuid Uuid::from_random(std::uint64_t high, std::uint64_t low) {
  Uuid out;
  for (std::size_t i = 0; i < 8; ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    out.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0f) | 0x40);  // version 4
  out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3f) | 0x80);  // variant of RFC 4122
  return out;
}

}  // namespace cube
