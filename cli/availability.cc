// `cube node drain|pause|activate`: what a node may be used for; and waiting until it is empty.

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/progress.h"
#include "cli/views.h"

namespace cube::cli {
namespace {

constexpr Duration kPollEvery = 200ms;
constexpr std::size_t kTasksShown = 5;

using Action = NodeOptions::Action;

struct Verb {
  std::string_view path, done;
};

Verb verb_of(Action action) {
  switch (action) {
    case Action::drain:
      return {"drain", "is being drained"};
    case Action::pause:
      return {"pause", "is paused: nothing new is placed there"};
    case Action::activate:
      return {"activate", "is active"};
    case Action::list:
    case Action::forget:
      break;
  }
  CUBE_UNREACHABLE();
}

// Tasks that still have something on the node.
std::vector<Task> left_on(const std::string& node, const std::vector<Task>& tasks) {
  std::vector<Task> left;
  for (const Task& t : tasks)
    if (t.node == node && !t.is_terminal()) left.push_back(t);
  return left;
}

// "n1: 2 tasks left: web.1, db: no node has room"
std::string remains(const std::string& node, const std::vector<Task>& left) {
  std::vector<std::string> names;
  for (const Task& t : left) {
    if (names.size() == kTasksShown) {
      names.emplace_back("...");
      break;
    }
    names.push_back(t.spec->name);
  }
  return fmt::format("{}: {} {} left: {}", node, left.size(), left.size() == 1 ? "task" : "tasks",
                     join(names, ", "));
}

class Emptying {
 public:
  Emptying(const NodeOptions& options, ManagerClient& client, Io& io)
      : options_(options), client_(client), io_(io), progress_(io, false) {}

  void add(const std::string& node) { nodes_.push_back({node, {}, false}); }
  int finish();

 private:
  struct Node {
    std::string name;
    std::vector<Task> left;
    bool empty = false;
  };

  void look();
  bool wait();  // false: interrupted

  const NodeOptions& options_;
  ManagerClient& client_;
  Io& io_;
  Progress progress_;
  std::vector<Node> nodes_;
  std::optional<Error> unreachable_;
};

void Emptying::look() {
  const auto tasks = client_.tasks();
  if (!tasks.ok()) {
    unreachable_ = tasks.error();
    return;
  }
  unreachable_.reset();
  for (Node& n : nodes_) {
    n.left = left_on(n.name, *tasks);
    if (!n.left.empty() || std::exchange(n.empty, true)) continue;
    progress_.clear();
    io_.out << printable(n.name) << " is drained\n" << std::flush;
  }
}

bool Emptying::wait() {
  const Instant end = io_.mono_now() + options_.timeout;
  while (true) {
    look();
    std::vector<std::string> lines;
    for (const Node& n : nodes_) {
      std::string line = n.empty ? "" : remains(n.name, n.left);
      if (unreachable_ && !n.empty) line += " (the manager does not answer)";
      lines.push_back(std::move(line));
    }
    progress_.show(lines);
    if (std::ranges::all_of(nodes_, &Node::empty) || io_.mono_now() >= end) return true;
    if (!io_.sleep(kPollEvery)) return false;
  }
}

int Emptying::finish() {
  if (nodes_.empty()) return exit_fine;
  const bool patient = wait();
  progress_.clear();
  int code = exit_fine;
  for (const Node& n : nodes_) {
    if (n.empty) continue;
    if (unreachable_) {
      code = worse(code, fail(io_, *unreachable_));
      continue;
    }
    const std::string_view what = "; it goes on, and what has no other place to run stays";
    code = worse(code, fail(io_, patient ? exit_not_converged : exit_interrupted,
                            remains(n.name, n.left) + std::string(what)));
  }
  return code;
}

}  // namespace

int set_availability(const NodeOptions& options, Io& io) {
  ManagerClient client(options.manager);
  const auto nodes = client.nodes();
  if (!nodes.ok()) return fail(io, nodes.error());
  const Verb verb = verb_of(options.action);
  Emptying emptying(options, client, io);
  int code = exit_fine;
  for (const std::string& ref : options.names) {
    const auto node = node_meant(*nodes, ref);
    const auto done =
        node.ok() ? client.set_availability(node->name, verb.path) : Result<void>(node.error());
    if (!done.ok()) {
      code = worse(code, fail(io, done.error()));
    } else if (options.wait) {
      emptying.add(node->name);
    } else {
      io.out << printable(node->name) << ' ' << verb.done << '\n' << std::flush;
    }
  }
  return worse(code, emptying.finish());
}

}  // namespace cube::cli
