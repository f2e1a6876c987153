// What the commands share.

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/views.h"

namespace cube::cli {

int fail(Io& io, int exit_code, std::string_view message) {
  io.err << "cube: " << printable(message) << '\n' << std::flush;
  return exit_code;
}

int fail(Io& io, const Error& error) {
  return fail(io, exit_for(error.code), error.message);
}

bool may_pass(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::timeout;
}

Result<Task> find_task(ManagerClient& client, std::string_view ref) {
  auto found = client.task(ref);
  if (found.ok()) return found;
  Error error = std::move(found).error();
  if (error.code == Code::not_found)
    return Error{Code::not_found, fmt::format("no task is called `{}`", printable(ref))};
  if (error.code != Code::conflict) return error;

  const auto tasks = client.tasks();
  if (!tasks.ok()) return error;
  std::vector<std::string> candidates;
  for (const Task& t : *tasks)
    if (t.spec.name == ref || t.id.str().starts_with(ref))
      candidates.push_back(fmt::format("{} {}", called(t), name(t.wire_state())));
  if (candidates.empty()) return error;
  return Error{Code::conflict,
               fmt::format("`{}` is ambiguous: {}", printable(ref), join(candidates, ", "))};
}

}  // namespace cube::cli
