#include "cli/posting.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <istream>

#include "api/codec.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/quick.h"

namespace cube::cli {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

Result<std::string> read_all(std::istream& in, std::string_view source) {
  std::string text;
  std::string piece(kPieceBytes, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    text.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > limits::http_body_bytes_max)
      return Error{Code::invalid, fmt::format("{}: larger than {}", printable(source),
                                              format_bytes(limits::http_body_bytes_max))};
  }
  if (in.bad())
    return Error{Code::invalid,
                 fmt::format("{}: cannot read: {}", printable(source), std::strerror(errno))};
  return text;
}

Result<std::string> read_file(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return Error{Code::invalid,
                 fmt::format("{}: cannot open: {}", printable(file), std::strerror(errno))};
  return read_all(in, file);
}

}  // namespace

Result<Posting> read_posting(const std::string& file, std::istream& standard_input) {
  Posting posting{file == "-" ? "standard input" : file, "", {}};
  auto body = file == "-" ? read_all(standard_input, posting.source) : read_file(file);
  CUBE_TRY(body);
  posting.body = std::move(body).value();
  bool was_array = false;
  auto submissions = api::parse_submissions(posting.body, was_array);
  if (!submissions.ok()) return std::move(submissions).error().in(printable(posting.source));
  if (submissions->empty())
    return Error{Code::invalid, fmt::format("{}: no task in it", printable(posting.source))};
  constexpr int kStopEvent = 3;
  for (const api::Submission& s : *submissions)
    posting.stops.push_back(s.event_state == kStopEvent);
  return posting;
}

Result<Posting> quick_posting(const QuickTask& quick, const TaskId& id) {
  const auto spec = spec_from(quick);
  CUBE_TRY(spec);
  return Posting{"--image", api::submission_json(id, *spec), {false}};
}

}  // namespace cube::cli
