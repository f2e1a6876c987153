// Files of services, YAML and JSON: what is read is JSON that the strict decoder can judge, every
// fault has a place in the file, and no input takes much memory or time.

#include "api/json_reader.h"
#include "api/service.h"
#include "base/text.h"
#include "tests/fuzz/target.h"
#include "yaml/document.h"

#include <algorithm>
#include <charconv>

using namespace cube;

namespace {

// "7:3: ...", within the file (or where it ends).
void check_error(const Error& error, std::size_t lines) {
  const std::string& text = error.message;
  const char* end = text.data() + text.size();
  std::size_t line = 0;
  const auto [stop, fault] = std::from_chars(text.data(), end, line);
  CUBE_ASSERT(fault == std::errc() && stop != end && *stop == ':');
  CUBE_ASSERT(line >= 1 && line <= lines + 1);
  CUBE_ASSERT(text.size() < 8192);
  CUBE_ASSERT(printable(text) == text);
}

void check(const Result<std::vector<yaml::Document>>& documents, std::size_t lines) {
  if (!documents.ok()) return check_error(documents.error(), lines);
  for (const yaml::Document& d : *documents) {
    CUBE_ASSERT(d.json.size() < 2 * yaml::resolved_bytes_max);
    for (const auto& [path, place] : d.places) {
      CUBE_ASSERT(!path.empty());
      CUBE_ASSERT(place.line >= 1 && place.line <= lines + 1 && place.column >= 1);
    }
    const auto spec = api::parse_service_spec(d.json);
    if (!spec.ok()) {
      check_error(yaml::located(spec.error(), d), lines);
      continue;
    }
    const auto again = api::parse_service_spec(api::service_spec_json(*spec));
    CUBE_ASSERT(again.ok());
    CUBE_ASSERT(*again == *spec);
  }
}

}  // namespace

FUZZ_TARGET(service_file) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) +
                     static_cast<std::size_t>(std::ranges::count(bytes, '\r')) + 1;
  check(yaml::read_yaml(bytes), lines);
  check(yaml::read_json(bytes), lines);
}
