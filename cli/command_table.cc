#include "cli/command_table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cli/command_table_parts.h"

namespace cube::cli {
namespace {

using enum Flag::Kind;

constexpr std::string_view kPolicies = "epvm roundrobin spread binpack";
constexpr std::string_view kStores = "persistent memory";
constexpr std::string_view kLogFormats = "text json";

constexpr Flag kManager = kManagerFlag;
constexpr Flag kLogFormat{'\0', "log-format", text, "FORMAT", "form of the log", kLogFormats};
constexpr Flag kStore{'d',     "dbtype", text, "TYPE", "where state is kept (persistent)",
                      kStores, "dbType"};
constexpr Flag kDataDir{'\0', "data-dir", text, "DIR",
                        "directory of the store (environment CUBE_DATA_DIR)"};
constexpr Flag kCluster{'\0', "cluster", text, "NAME", "cluster it belongs to (default)"};
constexpr Flag kDockerHost{'\0', "docker-host", text, "URL",
                           "engine to use (environment DOCKER_HOST)"};
constexpr Flag kAllowMount{'\0', "allow-mount", list, "DIR",
                           "host directory that tasks may mount from; repeatable"};
constexpr Flag kQuiet{'q', "quiet", toggle, "", "only IDs"};
constexpr Flag kDetach = kDetachFlag;
constexpr Flag kIngressPort{'\0', "ingress-port", text, "PORT",
                            "port of the ingress in this process, 0 for none (8080)"};

constexpr std::array kManagerFlags{
    Flag{'H', "host", text, "ADDRESS", "address to listen on (127.0.0.1)"},
    Flag{'p', "port", text, "PORT", "port to listen on (5555)"},
    Flag{'w', "workers", list, "HOST:PORT,...", "workers to use; repeatable"},
    Flag{'s', "scheduler", text, "POLICY", "how nodes are chosen (epvm)", kPolicies},
    kStore,
    kDataDir,
    kCluster,
    Flag{'\0', "node-deadline", text, "DURATION", "silence after which a node is lost (10s)"},
    kIngressPort,
    kLogFormat,
};

constexpr std::array kWorkerFlags{
    Flag{'H', "host", text, "ADDRESS", "address to listen on (127.0.0.1)"},
    Flag{'p', "port", text, "PORT", "port to listen on (5556)"},
    Flag{'n', "name", text, "NAME", "name of this node (the host's name)"},
    kStore,
    kDataDir,
    kCluster,
    Flag{'\0', "join", list, "HOST:PORT,...", "managers to announce itself to; repeatable"},
    Flag{'\0', "advertise", text, "HOST:PORT", "address to tell them (what they see)"},
    Flag{'\0', "label", list, "KEY=VALUE", "label of this node, for constraints; repeatable"},
    kAllowMount,
    Flag{'\0', "cpus", text, "CORES", "offer so many instead of what the machine has"},
    Flag{'\0', "memory", text, "SIZE", "offer so much instead of what the machine has"},
    Flag{'\0', "disk", text, "SIZE", "offer so much instead of what the machine has"},
    kDockerHost,
    Flag{'\0', "engine-parallel", text, "N", "container operations at once (8)"},
    Flag{'\0', "forget-manager", toggle, "", "drop the last manager's tasks and obey any manager"},
    kLogFormat,
};

constexpr std::array kDevFlags{
    Flag{'H', "host", text, "ADDRESS", "address to listen on (127.0.0.1)"},
    Flag{'p', "port", text, "PORT", "port of the manager (5555)"},
    Flag{'\0', "worker-port", text, "PORT", "port of the worker (5556)"},
    kIngressPort,
    Flag{'s', "scheduler", text, "POLICY", "how nodes are chosen (epvm)", kPolicies},
    kStore,
    kDataDir,
    kAllowMount,
    kDockerHost,
    kLogFormat,
};

constexpr std::array kIngressFlags{
    Flag{'m', "manager", list, "HOST:PORT,...",
         "manager to learn the routes from; several are tried in turn (localhost:5555)"},
    Flag{'H', "host", text, "ADDRESS", "address to listen on (127.0.0.1)"},
    Flag{'p', "port", text, "PORT", "port to listen on (8080)"},
    Flag{'\0', "metrics-host", text, "ADDRESS", "address of /metrics and /healthz (127.0.0.1)"},
    Flag{'\0', "metrics-port", text, "PORT", "port of /metrics and /healthz, 0 for none (5557)"},
    Flag{'\0', "access-log", text, "FILE", "a JSON line per request; `-` is standard output"},
    Flag{'\0', "connections", text, "N", "most client connections at once (10000)"},
    Flag{'\0', "share-port", toggle, "", "let another ingress listen on the same port"},
    Flag{'\0', "drain", text, "DURATION", "at the end, wait so long for requests under way (30s)"},
    kLogFormat,
};

constexpr std::array kRunFlags{
    kManager,
    Flag{'f', "filename", list, "FILE", "task file (task.json), `-` is standard input; repeatable"},
    kDetach,
    Flag{'\0', "timeout", text, "DURATION", "wait at most so long (60s)"},
    Flag{'q', "quiet", toggle, "", "print only the IDs"},
    Flag{'\0', "image", text, "IMAGE", "run this image, without a file"},
    Flag{'\0', "name", text, "NAME", "name of the task (made from the image)"},
    Flag{'p', "port", list, "[[IP:]HOST:]PORT[/udp]", "publish a port; repeatable"},
    Flag{'e', "env", list, "NAME=VALUE", "environment variable; repeatable"},
    Flag{'\0', "cpu", text, "CORES", "cores to reserve, and the limit"},
    Flag{'\0', "memory", text, "SIZE", "memory to reserve, and the limit: 512MiB"},
    Flag{'\0', "disk", text, "SIZE", "disk to reserve"},
    Flag{'\0', "restart", text, "POLICY", "what happens when it ends",
         "no on-failure always unless-stopped"},
    Flag{'\0', "health", text, "PATH", "path that answers 200 while it is well: /health"},
    Flag{'l', "label", list, "KEY=VALUE", "label of the container; repeatable"},
    Flag{'v', "mount", list, "SOURCE:TARGET[:ro]", "volume or host directory; repeatable"},
    Flag{'c', "constraint", list, "RULE", "node.labels.disk==ssd, node.name!=n2; repeatable"},
    Flag{'u', "user", text, "USER", "user in the container"},
    Flag{'\0', "workdir", text, "DIR", "working directory in the container"},
    Flag{'\0', "pull", text, "WHEN", "when the image is pulled (missing)", "missing always never"},
    Flag{'\0', "platform", text, "OS/ARCH", "only nodes of this platform"},
    Flag{'\0', "exclusive", toggle, "",
         "never two of it at once, at the price of none for a while"},
};

constexpr std::array kStopFlags{
    kManager,
    kDetach,
    Flag{'\0', "timeout", text, "DURATION", "wait at most so long (60s)"},
};

constexpr std::array kStatusFlags{
    kManager,
    Flag{'o', "output", text, "FORMAT", "form of the answer (table)", "table wide json name"},
    kQuiet,
    Flag{'\0', "no-trunc", toggle, "", "full IDs"},
    Flag{'w', "watch", toggle, "", "go on and show changes"},
};

constexpr std::array kNodeFlags{
    kManager,
    Flag{'o', "output", text, "FORMAT", "form of the answer (table)", "table wide json name"},
    Flag{'q', "quiet", toggle, "", "only names"},
    Flag{'\0', "no-trunc", toggle, "", "with the IDs of the workers"},
    Flag{'w', "watch", toggle, "", "go on and show changes"},
    Flag{'y', "yes", toggle, "", "do not ask before forgetting a node"},
    Flag{'\0', "wait", toggle, "", "with drain: until nothing runs there"},
    Flag{'\0', "timeout", text, "DURATION", "with --wait: at most so long (10m)"},
};

constexpr std::array kInspectFlags{
    kManager,
    Flag{'\0', "type", text, "TYPE", "what to show (a task, else a node)", "task node"},
};

constexpr std::array kLogsFlags{
    kManager,
    Flag{'f', "follow", toggle, "", "go on as the task writes"},
    Flag{'n', "tail", text, "N", "only the last N lines"},
    Flag{'\0', "since", text, "WHEN", "only newer lines: 10m, or a time like 2026-01-02T03:04:05Z"},
    Flag{'t', "timestamps", toggle, "", "begin each line with its time"},
};

constexpr std::array kEventsFlags{
    kManager,
    Flag{'f', "follow", toggle, "", "go on with new events"},
    Flag{'\0', "since", text, "WHEN",
         "after a revision (17), for a duration (10m), or from a time"},
    Flag{'o', "output", text, "FORMAT", "form of the answer (table)", "table json"},
};

constexpr std::string_view kManagerDetails =
    R"(Keeps what should run and decides where. Workers are named with --workers, or announce
themselves (`cube worker --join`). Only 127.0.0.1 is listened on unless another address is asked
for: whoever can reach the manager can run anything on every node.

Examples:
  cube manager --workers n1:5556,n2:5556
  cube manager -p 6000 -s spread --data-dir /srv/cube)";

constexpr std::string_view kWorkerDetails =
    R"(Runs what a manager assigns, in containers of the Docker engine of this machine. Stopping or
upgrading a worker does not stop its containers.

Examples:
  cube worker --name n1
  cube worker --name n2 -p 5557 --join manager:5555 --label disk=ssd --allow-mount /srv/data)";

constexpr std::string_view kRunDetails =
    R"(Submits tasks and waits until they run and stay up for a moment (and are healthy, when they
have a health check). A task that fails is shown with its last log lines. The files hold a task,
a task event, or an array of them. Without --image and -f the file is task.json. `--port 7777`
publishes on the same port of the node; `--port 0:7777` on one that the engine chooses.

Examples:
  cube run -f task.json
  cube run --image echo --port 8080:7777 --name hi --health /health
  cube run --image busybox --restart no -- sh -c 'echo hello'
  generate-tasks | cube run -f - --detach)";

constexpr std::string_view kStopDetails =
    R"(Stops tasks and waits until they are stopped. A task is called by its name, its ID, or the
beginning of its ID, as long as only one is meant.

Examples:
  cube stop web
  cube stop bb1d59ef 0a63)";

constexpr std::string_view kStatusDetails =
    R"(Examples:
  cube status
  cube status -o wide web
  cube status -q --no-trunc
  cube status --watch)";

constexpr std::string_view kNodeDetails =
    R"(`cube node` and `cube node ls` list the nodes, `cube node NAME...` only these: a node is
called by its name, its worker's ID, or the beginning of either. `cube node forget NAME` says that a
silent node is gone for good: its tasks are placed elsewhere at once. It wants the whole name.
`drain` empties nodes: replacements run before the replicas there stop, and nothing new is placed on
them; `pause` only does the latter; `activate` ends both.

Examples:
  cube node -o wide
  cube node --watch
  cube node drain n2 --wait
  cube node activate n2
  cube node forget n2 --yes)";

constexpr std::string_view kInspectDetails =
    R"(Prints everything that is known of a task, or of a node when no task is called so, as JSON.

Examples:
  cube inspect web
  cube inspect --type node n1)";

constexpr std::string_view kLogsDetails =
    R"(Examples:
  cube logs --tail 20 web
  cube logs -f --since 10m web)";

constexpr std::string_view kEventsDetails =
    R"(Every recorded change, oldest first. With -f the stream is taken up again where it broke.

Examples:
  cube events --since 1h
  cube events -f -o json)";

constexpr std::string_view kCompletionDetails =
    R"(Examples:
  source <(cube completion bash)
  cube completion zsh > "${fpath[1]}/_cube"
  cube completion fish > ~/.config/fish/completions/cube.fish)";

constexpr std::string_view kDevDetails =
    R"(A manager and one worker in one process, for trying things out.

Example:
  cube dev)";

constexpr std::string_view kIngressDetails =
    R"(A reverse proxy in front of the services of a cluster. Any number of them can run side by
side; a manager has one inside already (--ingress-port).

Examples:
  cube ingress -m manager:5555 -H 0.0.0.0 -p 80
  cube ingress -m manager:5555 --access-log /var/log/cube/access.json)";

using Takes = Command::Takes;
constexpr std::array<Command, 14> kCommands{{
    {"run", "run tasks and wait until they run",
     "[flags] [-f FILE... | --image IMAGE [-- COMMAND...]]", Takes::container_command, kRunFlags,
     kRunDetails},
    {"status", "show tasks", "[flags] [TASK...]", Takes::tasks, kStatusFlags, kStatusDetails},
    {"stop", "stop tasks", "[flags] TASK...", Takes::tasks, kStopFlags, kStopDetails},
    {"logs", "show what a task writes", "[flags] TASK", Takes::tasks, kLogsFlags, kLogsDetails},
    {"inspect", "show all about a task or node", "[flags] NAME...", Takes::tasks, kInspectFlags,
     kInspectDetails},
    {"events", "show what changed", "[flags]", Takes::nothing, kEventsFlags, kEventsDetails},
    {"node", "show, drain or forget nodes",
     "[flags] [ls | NAME... | drain|pause|activate NAME... | forget NAME]", Takes::nodes,
     kNodeFlags, kNodeDetails},
    {"manager", "be the manager of a cluster", "[flags]", Takes::nothing, kManagerFlags,
     kManagerDetails},
    {"worker", "be a node of a cluster", "[flags]", Takes::nothing, kWorkerFlags, kWorkerDetails},
    {"dev", "be a whole cluster, for trying things out", "[flags]", Takes::nothing, kDevFlags,
     kDevDetails},
    {"ingress", "be a proxy in front of the services", "[flags]", Takes::nothing, kIngressFlags,
     kIngressDetails},
    {"completion",
     "print a completion script",
     "bash|zsh|fish",
     Takes::shell,
     {},
     kCompletionDetails},
    {"version", "print the version", "", Takes::nothing, {}, ""},
    {"help", "explain a command, or exit-codes", "[COMMAND | exit-codes]", Takes::topic, {}, ""},
}};

constexpr std::array<Group, 1> kGroups{{
    {"service", "replicated tasks: create, ls, ps, inspect, scale, update, rollback, logs, rm"},
}};

// The services' commands stand where a cluster's users look: before the daemons.
std::vector<Command> all_commands() {
  std::vector<Command> all(kCommands.begin(), kCommands.end());
  const auto manager = std::ranges::find(all, "manager", &Command::name);
  all.insert(manager, service_commands().begin(), service_commands().end());
  return all;
}

}  // namespace

std::span<const Command> commands() {
  static const std::vector<Command> all = all_commands();
  return all;
}

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(commands(), name, &Command::name);
  return found == commands().end() ? nullptr : &*found;
}

std::span<const Group> groups() {
  return kGroups;
}

const Group* find_group(std::string_view name) {
  const auto* found = std::ranges::find(kGroups, name, &Group::name);
  return found == kGroups.end() ? nullptr : found;
}

std::string_view group_of(const Command& command) {
  const std::size_t space = command.name.find(' ');
  return space == std::string_view::npos ? "" : command.name.substr(0, space);
}

}  // namespace cube::cli
