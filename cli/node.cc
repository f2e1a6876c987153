// `cube node`: show the nodes, or forget one that is gone for good.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

int show(const NodeOptions& options, ManagerClient& client, Io& io) {
  if (options.output == OutputFormat::json && !options.quiet && options.names.empty()) {
    const auto body = client.get("/nodes");
    if (!body.ok()) return fail(io, body.error());
    io.out << api::pretty(*body) << '\n' << std::flush;
    return exit_fine;
  }
  const auto all = client.nodes();
  if (!all.ok()) return fail(io, all.error());
  int code = exit_fine;
  std::vector<api::NodeView> nodes;
  if (options.names.empty()) nodes = *all;
  for (const std::string& name : options.names) {
    const auto found = std::ranges::find(*all, name, &api::NodeView::name);
    if (found != all->end())
      nodes.push_back(*found);
    else
      code = worse(
          code, fail(io, exit_not_found, fmt::format("no node is called `{}`", printable(name))));
  }
  if (nodes.empty() && code != exit_fine) return code;
  if (options.quiet || options.output == OutputFormat::name) {
    for (const auto& n : nodes) io.out << printable(n.name) << '\n';
  } else if (options.output == OutputFormat::json) {
    io.out << api::pretty(api::nodes_json(nodes)) << '\n';
  } else {
    const bool wide = options.output == OutputFormat::wide;
    io.out << render(node_table(nodes, io.wall_now(), wide), io.color);
  }
  io.out.flush();
  return code;
}

// Asked on a terminal; elsewhere nobody can answer, so --yes must be there.
Result<bool> is_sure(const NodeOptions& options, Io& io) {
  if (options.yes) return true;
  if (!io.in_is_tty || !io.err_is_tty)
    return Error{Code::invalid, "forgetting a node needs --yes when nobody can be asked"};
  io.err << fmt::format("Forget {}? Its tasks will be started on other nodes. [y/N] ",
                        printable(join(options.names, ", ")))
         << std::flush;
  std::string answer;
  std::getline(io.in, answer);
  return equal_ignoring_case(answer, "y") || equal_ignoring_case(answer, "yes");
}

int forget(const NodeOptions& options, ManagerClient& client, Io& io) {
  const auto sure = is_sure(options, io);
  if (!sure.ok()) return fail(io, exit_usage, sure.error().message);
  if (!*sure) return fail(io, exit_failed, "nothing was forgotten");
  int code = exit_fine;
  for (const std::string& name : options.names) {
    const auto forgotten = client.forget_node(name);
    if (!forgotten.ok())
      code = worse(code, fail(io, forgotten.error()));
    else
      io.out << printable(name) << " is forgotten\n" << std::flush;
  }
  return code;
}

}  // namespace

int node(const NodeOptions& options, Io& io) {
  ManagerClient client(options.manager);
  switch (options.action) {
    case NodeOptions::Action::list:
      return show(options, client, io);
    case NodeOptions::Action::forget:
      return forget(options, client, io);
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube::cli
