#include "api/routes.h"

namespace cube::api {

namespace {

// What both daemons have comes first, then the manager's, then the worker's.
constexpr Route table[] = {
    {"GET", "/tasks", Daemon::both, "listTasks", "All tasks, in the order they were submitted"},
    {"POST", "/tasks", Daemon::both, "submitTask",
     "Submit a task, as a bare Task or in a TaskEvent; an event with State 3 stops one"},
    {"GET", "/tasks/{id}", Daemon::both, "getTask",
     "One task, by ID, unique prefix or unique name"},
    {"DELETE", "/tasks/{id}", Daemon::both, "stopTask", "Stop a task, in whatever state it is"},
    {"GET", "/tasks/{id}/logs", Daemon::both, "getTaskLogs", "The output of a task's container"},
    {"GET", "/metrics", Daemon::both, "getMetrics", "Numbers in the text format of Prometheus"},
    {"GET", "/healthz", Daemon::both, "getHealth", "Is the daemon well? 503 when it is not"},
    {"GET", "/openapi.json", Daemon::both, "getOpenApi", "This document"},
    {"GET", "/version", Daemon::both, "getVersion", "Which program this is"},
    {"GET", "/nodes", Daemon::manager, "listNodes", "All nodes, in the order they were added"},
    {"POST", "/nodes", Daemon::manager, "joinNode", "A worker makes itself known"},
    {"GET", "/nodes/{name}", Daemon::manager, "getNode", "One node, by name"},
    {"DELETE", "/nodes/{name}", Daemon::manager, "forgetNode",
     "A node is gone for good: place its tasks elsewhere at once"},
    {"POST", "/nodes/{name}/drain", Daemon::manager, "drainNode",
     "Take a node out of use: what it runs is moved to others"},
    {"POST", "/nodes/{name}/pause", Daemon::manager, "pauseNode",
     "Give a node nothing new; what it runs stays"},
    {"POST", "/nodes/{name}/activate", Daemon::manager, "activateNode",
     "Take a paused or drained node into use again"},
    {"GET", "/services", Daemon::manager, "listServices", "All services, by creation"},
    {"POST", "/services", Daemon::manager, "createService", "So many replicas of one task"},
    {"GET", "/services/{ref}", Daemon::manager, "getService",
     "One service, by name, ID or unique prefix"},
    {"PUT", "/services/{ref}", Daemon::manager, "updateService",
     "Another spec: its replicas are exchanged step by step"},
    {"DELETE", "/services/{ref}", Daemon::manager, "removeService",
     "Drain and stop its replicas, then forget it"},
    {"POST", "/services/{ref}/scale", Daemon::manager, "scaleService",
     "Another number of replicas"},
    {"POST", "/services/{ref}/rollback", Daemon::manager, "rollbackService",
     "Back to the spec before"},
    {"GET", "/services/{ref}/tasks", Daemon::manager, "listServiceTasks",
     "Its replicas, also those that are over, by creation"},
    {"GET", "/services/{ref}/history", Daemon::manager, "listServiceHistory",
     "Its earlier specs, oldest first"},
    {"GET", "/routes", Daemon::manager, "getRoutes",
     "The table that an ingress acts on; waits for a change when asked to"},
    {"POST", "/routes/report", Daemon::manager, "reportRoutes", "What an ingress has served"},
    {"POST", "/spawn", Daemon::manager, "spawn",
     "Biome's: an image as a service; answered when it serves"},
    {"DELETE", "/kill", Daemon::manager, "kill", "Biome's: ends the service with this alias"},
    {"GET", "/events", Daemon::manager, "listEvents",
     "What happened, as a list, or as server-sent events when the client accepts them"},
    {"GET", "/stats", Daemon::worker, "getStats", "The machine's statistics"},
    {"PUT", "/assignment", Daemon::worker, "putAssignment",
     "The manager's full set of attempts for this node; answered with a report"},
    {"PATCH", "/assignment", Daemon::worker, "patchAssignment",
     "What changed in that set since generation Base; nothing is done when another is held"},
    {"GET", "/report", Daemon::worker, "getReport",
     "What the worker observes; waits for a change when asked to"},
};

}  // namespace

std::span<const Route> routes() {
  return table;
}

}  // namespace cube::api
