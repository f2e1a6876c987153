// `cube inspect`: everything that is known of a task or node, as JSON.

#include <fmt/format.h>

#include <ostream>

#include "cli/commands.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

// The body as the manager sends it, so that nothing is lost that this version does not know.
Result<std::string> body_of(InspectOptions::Type type, ManagerClient& client,
                            const std::string& ref) {
  switch (type) {
    case InspectOptions::Type::node:
      return client.get("/nodes/" + url_escaped(ref));
    case InspectOptions::Type::task: {
      const auto task = find_task(client, ref);
      CUBE_TRY(task);
      return client.get("/tasks/" + task->id.str());
    }
  }
  CUBE_UNREACHABLE();
}

}  // namespace

int inspect(const InspectOptions& options, Io& io) {
  ManagerClient client(options.manager);
  int code = exit_fine;
  for (const std::string& ref : options.refs) {
    const auto body = body_of(options.type, client, ref);
    if (body.ok())
      io.out << api::pretty(*body) << '\n' << std::flush;
    else
      code = worse(code, fail(io, body.error()));
  }
  return code;
}

}  // namespace cube::cli
