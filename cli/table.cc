#include "cli/table.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace cube::cli {
namespace {

struct CodePoint {
  char32_t value;
  std::size_t bytes;
};

// The code point at the start of valid UTF-8. REQUIRES: !text.empty()
CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes == 1 || bytes > text.size()) return {lead, 1};
  char32_t value = lead & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i)
    value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  return {value, bytes};
}

struct Range {
  char32_t first, last;
};

// The ranges that matter, from Unicode's EastAsianWidth (W and F) and general category Mn.
constexpr std::array kWide{
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
constexpr std::array kZero{Range{0x0300, 0x036F}, Range{0x200B, 0x200F}, Range{0x20D0, 0x20FF},
                           Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}};

std::size_t width_of(char32_t c) {
  const auto holds = [c](const Range& r) { return r.first <= c && c <= r.last; };
  if (std::ranges::any_of(kZero, holds)) return 0;
  return std::ranges::any_of(kWide, holds) ? 2 : 1;
}

std::string_view escape_of(Color color) {
  switch (color) {
    case Color::none:
      return "";
    case Color::green:
      return "\x1b[32m";
    case Color::yellow:
      return "\x1b[33m";
    case Color::red:
      return "\x1b[31m";
    case Color::dim:
      return "\x1b[2m";
  }
  CUBE_UNREACHABLE();
}

constexpr std::size_t kGap = 3;

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    width += width_of(c.value);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string fit(std::string_view text, std::size_t width) {
  if (width == 0 || display_width(text) <= width) return std::string(text);
  const std::string_view dots = std::string_view("...").substr(0, std::min<std::size_t>(width, 3));
  std::size_t used = dots.size(), end = 0;
  while (end < text.size()) {
    const CodePoint c = first_code_point(text.substr(end));
    if (used + width_of(c.value) > width) break;
    used += width_of(c.value);
    end += c.bytes;
  }
  return std::string(text.substr(0, end)).append(dots);
}

std::string colored(std::string_view text, Color color) {
  if (color == Color::none) return std::string(text);
  return std::string(escape_of(color)).append(text).append("\x1b[0m");
}

std::string render(const Table& table, bool color) {
  std::vector<std::vector<Cell>> rows;
  rows.emplace_back();
  for (const std::string& title : table.titles) rows.back().push_back({title, Color::none});
  for (const auto& row : table.rows) {
    CUBE_ASSERT(row.size() == table.titles.size());
    rows.push_back(row);
    for (Cell& cell : rows.back()) cell.text = cell.text.empty() ? "-" : printable(cell.text);
  }
  std::vector<std::size_t> widths(table.titles.size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i].text));

  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += color ? colored(row[i].text, row[i].color) : row[i].text;
      if (i + 1 < row.size()) out.append(widths[i] - display_width(row[i].text) + kGap, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace cube::cli
