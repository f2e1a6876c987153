// Sizes, durations, times, and what is done to any foreign text.

#include <array>

#include "base/id.h"
#include "base/text.h"
#include "cli/draft.h"
#include "tests/fuzz/target.h"

using namespace cube;

namespace {

void check_bytes(std::string_view text) {
  const auto bytes = parse_bytes(text);
  if (!bytes.ok()) return;
  CUBE_ASSERT(*bytes >= 0);
  CUBE_ASSERT(*parse_bytes(std::to_string(*bytes)) == *bytes);
  // What is shown is rounded down, and can be read.
  const auto shown = parse_bytes(format_bytes(*bytes));
  CUBE_ASSERT(shown.ok());
  CUBE_ASSERT(*shown <= *bytes);
}

void check_duration(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration.ok()) return;
  CUBE_ASSERT(duration->count() >= 0);
  const auto again = parse_duration(format_duration(*duration));
  CUBE_ASSERT(again.ok());
  CUBE_ASSERT(*again == *duration);
  CUBE_ASSERT(!format_ago(*duration).empty());
}

void check_time(std::string_view text) {
  const auto time = parse_time(text);
  if (!time.ok()) return;
  const std::string shown = format_time(*time);
  const auto again = parse_time(shown);
  CUBE_ASSERT(again.ok());
  CUBE_ASSERT(format_time(*again) == shown);
}

void check_text(std::string_view text) {
  const std::string clean = printable(text);
  CUBE_ASSERT(is_valid_utf8(clean));
  CUBE_ASSERT(printable(clean) == clean);
  for (const char c : clean) CUBE_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  static constexpr std::array<std::string_view, 3> words{"Image", "PortBindings", "HealthCheck"};
  (void)nearest(text, words);
  if (const auto uuid = Uuid::parse(text)) {
    CUBE_ASSERT(equal_ignoring_case(uuid->str(), text));
  }
}

void check_flags(std::string_view text) {
  (void)cli::port_of("--port", text);
  (void)cli::count_of("--tail", text);
  if (const auto milli = cli::cpu_milli_of("--cpu", text); milli.ok()) CUBE_ASSERT(*milli >= 0);
  if (const auto address = cli::address_of("--manager", text, 5555); address.ok()) {
    const auto again = cli::address_of("--manager", address->str(), 1);
    CUBE_ASSERT(again.ok());
    CUBE_ASSERT(again->host == address->host && again->port == address->port);
  }
}

}  // namespace

FUZZ_TARGET(quantities) {
  check_bytes(bytes);
  check_duration(bytes);
  check_time(bytes);
  check_text(bytes);
  check_flags(bytes);
}
