// The commands for services, as data.

#include <array>

#include "cli/command_table.h"
#include "cli/command_table_parts.h"

namespace cube::cli {
namespace {

using enum Flag::Kind;
using Takes = Command::Takes;

constexpr std::string_view kFormats = "table wide json name";
constexpr Flag kFiles{'f', "filename", list, "FILE",
                      "file of services, YAML or JSON, `-` is standard input; "
                      "repeatable"};
constexpr Flag kServiceTimeout{'\0', "timeout", text, "DURATION", "wait at most so long (10m)"};
constexpr Flag kOnlyNames{'q', "quiet", toggle, "", "print only names, and no progress"};
constexpr Flag kOutput{'o', "output", text, "FORMAT", "form of the answer (table)", kFormats};
constexpr Flag kNoTrunc{'\0', "no-trunc", toggle, "", "full IDs"};
constexpr Flag kWatch{'w', "watch", toggle, "", "go on and show changes"};
constexpr Flag kIfVersion{'\0', "if-version", text, "N",
                          "only when this is its present version; else exit code 5"};

// What describes a service, or changes one.
constexpr std::array kSpecFlags{
    Flag{'\0', "image", text, "IMAGE", "image of the replicas"},
    Flag{'\0', "replicas", text, "N", "how many (1)"},
    Flag{'p', "port", list, "[[IP:]HOST:]PORT[/udp]",
         "publish a port: 7777 at one that each node's engine chooses; repeatable"},
    Flag{'e', "env", list, "NAME=VALUE", "environment variable; repeatable"},
    Flag{'\0', "cpu", text, "CORES", "cores to reserve for each, and the limit"},
    Flag{'\0', "memory", text, "SIZE", "memory to reserve for each, and the limit: 512MiB"},
    Flag{'\0', "health", text, "PATH", "path that answers 200 while a replica is well: /health"},
    Flag{'l', "label", list, "KEY=VALUE", "label of the containers; repeatable"},
    Flag{'v', "mount", list, "SOURCE:TARGET[:ro]", "volume or host directory; repeatable"},
    Flag{'c', "constraint", list, "RULE", "node.labels.disk==ssd; repeatable"},
    Flag{'u', "user", text, "USER", "user in the containers"},
    Flag{'\0', "pull", text, "WHEN", "when the image is pulled (missing)", "missing always never"},
    Flag{'\0', "order", text, "ORDER", "how a replica is exchanged (start-first)",
         "start-first stop-first"},
    Flag{'\0', "parallelism", text, "N", "replicas exchanged at once (1); 0: all"},
    Flag{'\0', "delay", text, "DURATION", "between one exchange and the next (0s)"},
    Flag{'\0', "monitor", text, "DURATION",
         "so long after it is ready a failure is the update's (5s)"},
    Flag{'\0', "deadline", text, "DURATION", "not ready by then is a failure (5m)"},
    Flag{'\0', "on-failure", text, "ACTION", "what a failed update leads to (pause)",
         "pause continue rollback"},
    Flag{'\0', "drain", text, "DURATION",
         "the longest that a retired replica waits for its requests (10s)"},
    Flag{'\0', "autoscale", text, "BY", "scale by what is measured", "usage requests rate"},
    Flag{'\0', "min", text, "N", "least replicas of autoscaling (1)"},
    Flag{'\0', "max", text, "N", "most replicas of autoscaling"},
    Flag{'\0', "host", list, "NAME", "host name that leads here; repeatable"},
    Flag{'\0', "path", text, "PATH", "path prefix that leads here: /web"},
    Flag{'\0', "balance", text, "HOW", "which replica a request goes to",
         "round-robin least-connections random-two"},
    Flag{'\0', "spread", text, "OVER",
         "keep apart by node or node.labels.KEY (node); empty: as it comes"},
    Flag{'\0', "max-per-node", text, "N", "most replicas on a node (0: any)"}};

constexpr auto kCreateFlags =
    joined(std::array{kManagerFlag, kFiles, kDetachFlag, kServiceTimeout, kOnlyNames,
                      Flag{'\0', "name", text, "NAME", "name of the service (made from the image)"},
                      Flag{'\0', "global", toggle, "", "one replica on each node instead"}},
           kSpecFlags);

constexpr auto kUpdateFlags =
    joined(std::array{kManagerFlag, kFiles, kDetachFlag, kServiceTimeout, kOnlyNames, kIfVersion,
                      Flag{'\0', "env-rm", list, "NAME", "take this variable away; repeatable"},
                      Flag{'\0', "label-rm", list, "KEY", "take this label away; repeatable"}},
           kSpecFlags);

constexpr std::array kListFlags{kManagerFlag, kOutput, Flag{'q', "quiet", toggle, "", "only IDs"},
                                kNoTrunc, kWatch};
constexpr auto kTasksFlags =
    joined(kListFlags,
           std::array{Flag{'a', "all", toggle, "", "also what is over and has been replaced"}});
constexpr std::array kInspectFlags{
    kManagerFlag, Flag{'o', "output", text, "FORMAT", "form of the answer (json)", kFormats},
    Flag{'q', "quiet", toggle, "", "only IDs"},
    Flag{'\0', "history", toggle, "", "the earlier versions instead, oldest first"}};
constexpr std::array kScaleFlags{kManagerFlag, kDetachFlag, kServiceTimeout, kOnlyNames};
constexpr std::array kRollbackFlags{kManagerFlag, kDetachFlag, kServiceTimeout, kOnlyNames,
                                    kIfVersion};
constexpr std::array kRemoveFlags{
    kManagerFlag, Flag{'\0', "wait", toggle, "", "until nothing of it is left"}, kServiceTimeout};
constexpr std::array kServiceLogsFlags{
    kManagerFlag,
    Flag{'f', "follow", toggle, "", "go on as the replicas write, also with new replicas"},
    Flag{'n', "tail", text, "N", "only the last N lines of each replica"},
    Flag{'\0', "since", text, "WHEN", "only newer lines: 10m, or a time like 2026-01-02T03:04:05Z"},
    Flag{'t', "timestamps", toggle, "", "with the time of each line"}};
constexpr std::array kPlanFlags{kManagerFlag, kFiles};
constexpr std::array kApplyFlags{kManagerFlag, kFiles, kDetachFlag, kServiceTimeout, kOnlyNames};
constexpr std::array kOrchestrateFlags{
    kManagerFlag, Flag{'f', "filename", text, "FILE", "the configuration (config.json)"},
    kDetachFlag, kServiceTimeout, kOnlyNames};

constexpr std::string_view kCreateDetails =
    R"(Creates services and waits until all their replicas are ready and have stayed so for a
moment. docs/services.md has every field of a file; the flags are the most used ones. Creating the
same again does nothing; with another content it is exit code 5, and `cube service update` or
`cube apply` is the way. `--port 7777` publishes a port of the container at one that the engine
chooses, `--port 8080:7777` at 8080 of the node, where then only one replica fits.

Examples:
  cube service create -f web.yaml
  cube service create --name web --image echo --replicas 3 --port 7777 --health /health)";

constexpr std::string_view kUpdateDetails =
    R"(Changes what the flags say of a service, or gives it what the files say, and waits as for
`create`. Replicas are exchanged step by step: a version whose replicas fail stops there, the rest
of the old one goes on, the last lines that a failed replica wrote are shown, and the exit code is
3. What another changed in the meantime is not overwritten: exit code 5.

Examples:
  cube service update --image echo:2 web
  cube service update --replicas 5 --env MODE=fast --env-rm DEBUG web
  cube service update -f web.yaml)";

constexpr std::string_view kListDetails = R"(Examples:
  cube service ls
  cube service ls -o wide --watch)";
constexpr std::string_view kTasksDetails = R"(The replicas of services, by slot.

Example:
  cube service ps -o wide web)";
constexpr std::string_view kInspectDetails =
    R"(Everything that the manager tells of a service, as JSON.

Examples:
  cube service inspect web
  cube service inspect --history web)";
constexpr std::string_view kScaleDetails = R"(Examples:
  cube service scale web=5
  cube service scale web=5 api=0)";
constexpr std::string_view kRollbackDetails =
    R"(Goes back to the last version that was stable, step by step as an update does: changes that
failed since then are stepped over.

Example:
  cube service rollback web)";
constexpr std::string_view kRemoveDetails =
    R"(Removes services: their replicas end their requests and are stopped.

Example:
  cube service rm --wait web)";
constexpr std::string_view kServiceLogsDetails =
    R"(What all replicas write, each line with the replica's name in front: by time, or with -f as
it comes.

Examples:
  cube service logs --tail 20 web
  cube service logs -f web)";
constexpr std::string_view kPlanDetails =
    R"(Shows what `cube apply` would change and changes nothing. Exit code 0 when nothing would, 1
when something would, as of diff; 2 and more when it cannot be told.

Example:
  cube plan -f web.yaml)";
constexpr std::string_view kApplyDetails =
    R"(Creates the services of the files that are not there, updates those that differ, and waits
until all are as the files say. Exit code 3 when they did not get there, with the last lines that a
failed replica wrote. What another changed in the meantime is not overwritten: exit code 5.

Example:
  cube apply -f web.yaml -f db.yaml)";
constexpr std::string_view kOrchestrateDetails =
    R"(Makes a service of one small configuration: replicas at host ports from one port on, a health
check, and as many replicas as the requests of a time ask for. examples/container-orchestrator has
one and explains it.

Example:
  cube orchestrate -f config.json)";

constexpr std::array<Command, 12> kServiceCommands{{
    {"service create", "create services and wait until they run",
     "[flags] -f FILE... | --image IMAGE [-- COMMAND...]", Takes::container_command, kCreateFlags,
     kCreateDetails},
    {"service ls", "list services", "[flags] [SERVICE...]", Takes::services, kListFlags,
     kListDetails},
    {"service ps", "list the replicas of services", "[flags] SERVICE...", Takes::services,
     kTasksFlags, kTasksDetails},
    {"service inspect", "show all about services", "[flags] SERVICE...", Takes::services,
     kInspectFlags, kInspectDetails},
    {"service scale", "change how many replicas there are", "[flags] SERVICE=N...", Takes::services,
     kScaleFlags, kScaleDetails},
    {"service update", "change a service step by step", "[flags] SERVICE | -f FILE...",
     Takes::services, kUpdateFlags, kUpdateDetails},
    {"service rollback", "go back to the last version that was stable", "[flags] SERVICE",
     Takes::services, kRollbackFlags, kRollbackDetails},
    {"service logs", "show what the replicas write", "[flags] SERVICE", Takes::services,
     kServiceLogsFlags, kServiceLogsDetails},
    {"service rm", "remove services", "[flags] SERVICE...", Takes::services, kRemoveFlags,
     kRemoveDetails},
    {"plan", "show what apply would change", "-f FILE...", Takes::nothing, kPlanFlags,
     kPlanDetails},
    {"apply", "make services as files say, and wait", "[flags] -f FILE...", Takes::nothing,
     kApplyFlags, kApplyDetails},
    {"orchestrate", "make a service of a small configuration", "[flags] [-f FILE]", Takes::nothing,
     kOrchestrateFlags, kOrchestrateDetails},
}};

}  // namespace

std::span<const Command> service_commands() {
  return kServiceCommands;
}

}  // namespace cube::cli
