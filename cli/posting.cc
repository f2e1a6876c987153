#include "cli/posting.h"

#include <fmt/format.h>

#include <istream>

#include "api/codec.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/quick.h"
#include "cli/text_file.h"

namespace cube::cli {

Result<Posting> read_posting(const std::string& file, std::istream& standard_input) {
  Posting posting{called_file(file), "", {}};
  auto body = read_text(file, standard_input, limits::http_body_bytes_max);
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
