#pragma once
// Columns of text for people: padded to the widest cell as a terminal shows it. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cube::cli {

enum class Color : std::uint8_t { none, green, yellow, red, dim };

struct Cell {
  std::string text;
  Color color = Color::none;
};

struct Table {
  std::vector<std::string> titles;
  std::vector<std::vector<Cell>> rows;  // each as long as `titles`
};

// One line per row, titles first. What is foreign in a cell is made printable; an empty cell is
// "-". No spaces at line ends.
std::string render(const Table& table, bool color);

// Columns that UTF-8 `text` takes on a terminal: East Asian and emoji take two, marks none.
std::size_t display_width(std::string_view text);

// `text` cut to `width` columns, with "..." at its end when something is missing. 0: not cut.
std::string fit(std::string_view text, std::size_t width);

std::string colored(std::string_view text, Color color);

}  // namespace cube::cli
