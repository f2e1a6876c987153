// `cube node`: show the nodes, or forget one that is gone for good. (cli/availability.cc: drain.)

#include <fmt/format.h>

#include <array>
#include <iostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/views.h"
#include "cli/watch.h"

namespace cube::cli {
namespace {

std::string text_of(const NodeOptions& options, const std::vector<api::NodeView>& nodes,
                    const Io& io) {
  if (options.quiet || options.output == OutputFormat::name) {
    std::string names;
    for (const auto& n : nodes) names += printable(n.name) + "\n";
    return names;
  }
  const NodeTableView view{options.output == OutputFormat::wide, options.no_trunc};
  return render(node_table(nodes, io.wall_now(), view), io.color);
}

bool is_json(const NodeOptions& options) {
  return options.output == OutputFormat::json && !options.quiet;
}

// As node_meant(); a word that is nearly one of `cube node`'s own was perhaps meant as that.
Result<api::NodeView> node_named(const std::vector<api::NodeView>& nodes, const std::string& ref) {
  constexpr std::array<std::string_view, 4> verbs{"drain", "pause", "activate", "forget"};
  auto found = node_meant(nodes, ref);
  const std::string_view verb = nearest(ref, verbs);
  if (found.ok() || found.error().code != Code::not_found || verb.empty()) return found;
  return Error{Code::not_found,
               fmt::format("{}; did you mean `cube node {}`?", found.error().message, verb)};
}

int show(const NodeOptions& options, ManagerClient& client, Io& io) {
  if (is_json(options) && options.names.empty()) {
    const auto body = client.get("/nodes");  // as the manager tells it
    if (!body.ok()) return fail(io, body.error());
    io.out << api::pretty(*body) << '\n' << std::flush;
    return exit_fine;
  }
  const auto all = client.nodes();
  if (!all.ok()) return fail(io, all.error());
  int code = exit_fine;
  std::vector<api::NodeView> nodes;
  if (options.names.empty()) nodes = *all;
  for (const std::string& ref : options.names) {
    auto found = node_named(*all, ref);
    if (found.ok())
      nodes.push_back(std::move(found).value());
    else
      code = worse(code, fail(io, found.error()));
  }
  if (nodes.empty() && code != exit_fine) return code;
  if (is_json(options))
    io.out << api::pretty(api::nodes_json(nodes)) << '\n';
  else
    io.out << text_of(options, nodes, io);
  io.out.flush();
  return code;
}

// All that were asked for, or the first error.
Result<std::vector<api::NodeView>> look(const NodeOptions& options, ManagerClient& client) {
  auto all = client.nodes();
  if (!all.ok() || options.names.empty()) return all;
  std::vector<api::NodeView> nodes;
  for (const std::string& ref : options.names) {
    auto found = node_named(*all, ref);
    CUBE_TRY(found);
    nodes.push_back(std::move(found).value());
  }
  return nodes;
}

// What makes a node worth showing again. (When it was heard, and how busy it is, does not.)
std::string fingerprint(const api::NodeView& n) {
  const auto resources = [](const Resources& r) {
    return fmt::format("{} {} {}", r.cpu_milli, r.memory_bytes, r.disk_bytes);
  };
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {}", n.state, n.availability, n.reason, n.api,
                  n.info.version, n.task_count, resources(n.info.capacity), resources(n.reserved));
  for (const auto& [key, value] : n.info.labels) text += fmt::format(" {}={}", key, value);
  return text;
}

int watch_nodes(const NodeOptions& options, ManagerClient& client, Io& io) {
  const bool only_names = options.quiet || options.output == OutputFormat::name;
  Watched<api::NodeView> watched;
  watched.look = [&] { return look(options, client); };
  watched.key = [](const api::NodeView& n) { return n.name; };
  watched.fingerprint = fingerprint;
  watched.text = [&](const std::vector<api::NodeView>& nodes) {
    if (!is_json(options)) return text_of(options, nodes, io);
    std::string lines;
    for (const auto& n : nodes) lines += api::node_json(n) + "\n";
    return lines;
  };
  watched.has_titles = !only_names && !is_json(options);
  watched.redrawn = io.out_is_tty && !is_json(options);
  return watch(watched, io);
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
      return options.watch ? watch_nodes(options, client, io) : show(options, client, io);
    case NodeOptions::Action::forget:
      return forget(options, client, io);
    case NodeOptions::Action::drain:
    case NodeOptions::Action::pause:
    case NodeOptions::Action::activate:
      return set_availability(options, io);
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube::cli
