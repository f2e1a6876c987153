#include "base/text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace cube {
namespace {

constexpr std::size_t nearest_word_bytes_max = 64;        // longer words are no slip of the keys
constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Takes one code point off the front of `rest`; on malformed UTF-8 takes one byte and gives none.
// Overlong forms, surrogates and values past U+10FFFF are malformed.
bool take_code_point(std::string_view& rest, char32_t& out) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  const unsigned char first = byte(0);
  const std::size_t size = first < 0x80             ? 1
                           : (first & 0xe0) == 0xc0 ? 2
                           : (first & 0xf0) == 0xe0 ? 3
                           : (first & 0xf8) == 0xf0 ? 4
                                                    : 0;
  out = size == 1 ? first : first & (0x7fU >> size);
  bool good = size != 0 && size <= rest.size();
  for (std::size_t i = 1; good && i < size; ++i) {
    good = (byte(i) & 0xc0) == 0x80;
    out = (out << 6) | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  good = good && out >= least[size] && out <= 0x10ffff && (out < 0xd800 || out > 0xdfff);
  rest.remove_prefix(good ? size : 1);
  return good;
}

// Control characters, and the marks that reorder what follows them on a screen.
bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

// Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, swap two.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > nearest_word_bytes_max) return {};
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view found;
  for (const std::string_view candidate : candidates) {
    const std::size_t far = distance(word, candidate);
    if (far >= best) continue;
    best = far;
    found = candidate;
  }
  return found;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_valid_utf8(std::string_view text) {
  char32_t ignored = 0;
  while (!text.empty()) {
    if (!take_code_point(text, ignored)) return false;
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view whole = text;
    char32_t c = 0;
    const bool good = take_code_point(text, c);
    if (good && (c == '\n' || c == '\r' || c == '\t')) {
      out += ' ';
    } else if (!good || is_unprintable(c)) {
      out += replacement;
    } else {
      out += whole.substr(0, whole.size() - text.size());
    }
  }
  return out;
}

std::string join(std::span<const std::string> items, std::string_view separator) {
  std::string out;
  for (const std::string& item : items) {
    if (&item != items.data()) out += separator;
    out += item;
  }
  return out;
}

}  // namespace cube
