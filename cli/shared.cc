// What the commands share.

#include <fmt/format.h>

#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/service_views.h"
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
    if (t.spec->name == ref || t.id.str().starts_with(ref))
      candidates.push_back(fmt::format("{} {}", called(t), name(t.wire_state())));
  if (candidates.empty()) return error;
  return Error{Code::conflict,
               fmt::format("`{}` is ambiguous: {}", printable(ref), join(candidates, ", "))};
}

void print_log_tail(ManagerClient& client, Io& io, const Task& task) {
  constexpr std::uint64_t lines_shown = 20;
  constexpr std::size_t bytes_shown_max = 64 * 1024;
  std::string text;
  const LogQuery query{false, false, lines_shown, ""};
  const auto got = client.logs(task.id.str(), query, [&](std::string_view piece) {
    text += piece;
    return text.size() < bytes_shown_max;
  });
  if (!got.ok() || text.empty()) return;  // it never ran, or its node is away: nothing to show
  io.err << "the last lines that it wrote:\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    io.err << "  " << printable(rest.substr(0, end)) << '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  io.err.flush();
}

Result<api::ServiceView> find_service(ManagerClient& client, std::string_view ref) {
  auto found = client.service(ref);
  if (found.ok()) return found;
  Error error = std::move(found).error();
  if (error.code == Code::not_found)
    return Error{Code::not_found, fmt::format("no service is called `{}`", printable(ref))};
  if (error.code != Code::conflict) return error;
  const auto all = client.services();
  if (!all.ok()) return error;
  std::vector<std::string> candidates;
  for (const api::ServiceView& s : *all)
    if (s.id.str().starts_with(ref)) candidates.push_back(called(s));
  if (candidates.empty()) return error;
  return Error{Code::conflict,
               fmt::format("`{}` is ambiguous: {}", printable(ref), join(candidates, ", "))};
}

namespace {

// Does the worker's ID or the name begin so?
bool begins(const api::NodeView& node, std::string_view ref, bool in_any_case) {
  const auto does = [&](std::string_view text) {
    return in_any_case ? equal_ignoring_case(text.substr(0, ref.size()), ref)
                       : text.starts_with(ref);
  };
  return does(node.name) || (!node.info.worker.is_nil() && does(node.info.worker.str()));
}

}  // namespace

Result<api::NodeView> node_meant(const std::vector<api::NodeView>& nodes, std::string_view ref) {
  for (const api::NodeView& n : nodes)
    if (n.name == ref) return n;
  for (const api::NodeView& n : nodes)
    if (!n.info.worker.is_nil() && equal_ignoring_case(n.info.worker.str(), ref)) return n;
  for (const bool in_any_case : {false, true}) {
    std::vector<const api::NodeView*> found;
    for (const api::NodeView& n : nodes)
      if (begins(n, ref, in_any_case)) found.push_back(&n);
    if (found.size() == 1) return *found.front();
    if (found.empty()) continue;
    std::vector<std::string> candidates;
    for (const api::NodeView* n : found) candidates.push_back(n->name);
    return Error{Code::conflict, fmt::format("`{}` is ambiguous: {}", printable(ref),
                                             printable(join(candidates, ", ")))};
  }
  return Error{Code::not_found, fmt::format("no node is called `{}`", printable(ref))};
}

}  // namespace cube::cli
