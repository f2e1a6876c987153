// `cube inspect`: everything that is known of a task or node, as JSON.

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"

namespace cube::cli {
namespace {

// The bodies are as the manager sends them, so that nothing is lost that this version does not
// know.
Result<std::string> task_body(ManagerClient& client, const std::string& ref) {
  const auto task = find_task(client, ref);
  CUBE_TRY(task);
  return client.get("/tasks/" + task->id.str());
}

Result<std::string> node_body(ManagerClient& client, const std::string& ref) {
  const auto nodes = client.nodes();
  CUBE_TRY(nodes);
  const auto node = node_meant(*nodes, ref);
  CUBE_TRY(node);
  return client.get("/nodes/" + url_escaped(node->name));
}

Result<std::string> body_of(const InspectOptions& options, ManagerClient& client,
                            const std::string& ref) {
  if (options.type == InspectOptions::Type::node) return node_body(client, ref);
  auto task = task_body(client, ref);
  if (options.type || task.ok() || task.error().code != Code::not_found) return task;
  auto node = node_body(client, ref);
  if (node.ok() || node.error().code != Code::not_found) return node;
  return Error{Code::not_found, fmt::format("no task or node is called `{}`", printable(ref))};
}

}  // namespace

int inspect(const InspectOptions& options, Io& io) {
  ManagerClient client(options.manager);
  int code = exit_fine;
  for (const std::string& ref : options.refs) {
    const auto body = body_of(options, client, ref);
    if (body.ok())
      io.out << api::pretty(*body) << '\n' << std::flush;
    else
      code = worse(code, fail(io, body.error()));
    if (code == exit_unreachable) break;  // the next would say the same
  }
  return code;
}

}  // namespace cube::cli
