// The command line, its arguments with NULs between them: they become something to do, or a text
// with an exit code, and never end the program in another way.

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/quick.h"
#include "cli/quick_service.h"
#include "tests/fuzz/target.h"

using namespace cube;
using namespace cube::cli;

namespace {

Surroundings surroundings() {
  Surroundings out;
  out.env = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/u";
    return std::nullopt;
  };
  out.host_name = "host";
  return out;
}

void check(const Ending& ending) {
  CUBE_ASSERT(ending.code >= 0 && ending.code < 128);
  CUBE_ASSERT(!ending.out.empty() || !ending.err.empty());
  CUBE_ASSERT((ending.code == 0) == ending.err.empty());
  for (const char c : ending.err) CUBE_ASSERT(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  CUBE_ASSERT(is_valid_utf8(ending.err));
}

}  // namespace

FUZZ_TARGET(command_line) {
  static const Surroundings around = surroundings();
  std::vector<std::string> arguments;
  for (const auto argument : fuzz::split(bytes, '\0')) arguments.emplace_back(argument);
  const auto meant = parse_arguments(arguments, around);
  if (const auto* ending = std::get_if<Ending>(&meant)) return check(*ending);
  if (const auto* create = std::get_if<ServiceCreateOptions>(&std::get<Invocation>(meant))) {
    if (create->quick.task.image.empty()) return;
    const auto service = service_from(create->quick);
    if (service.ok()) {
      CUBE_ASSERT(service::validate(*service).ok());
    } else {
      CUBE_ASSERT(!service.error().message.empty());
    }
    return;
  }
  const auto* run = std::get_if<RunOptions>(&std::get<Invocation>(meant));
  if (run == nullptr || run->quick.image.empty()) return;
  const auto spec = spec_from(run->quick);
  if (spec.ok()) {
    CUBE_ASSERT(validate(*spec).ok());
  } else {
    CUBE_ASSERT(!spec.error().message.empty());
  }
}
