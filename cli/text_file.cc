#include "cli/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <istream>

#include "base/text.h"

namespace cube::cli {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

Result<std::string> read_all(std::istream& in, std::string_view source, std::size_t bytes_max) {
  std::string text;
  std::string piece(kPieceBytes, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    text.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > bytes_max)
      return Error{Code::invalid, fmt::format("{}: larger than {}", printable(source),
                                              format_bytes(static_cast<std::int64_t>(bytes_max)))};
  }
  if (in.bad())
    return Error{Code::invalid,
                 fmt::format("{}: cannot read: {}", printable(source), std::strerror(errno))};
  return text;
}

}  // namespace

std::string called_file(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

Result<std::string> read_text(const std::string& file, std::istream& standard_input,
                              std::size_t bytes_max) {
  if (file == "-") return read_all(standard_input, called_file(file), bytes_max);
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return Error{Code::invalid,
                 fmt::format("{}: cannot open: {}", printable(file), std::strerror(errno))};
  return read_all(in, file, bytes_max);
}

}  // namespace cube::cli
