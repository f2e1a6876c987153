#pragma once
// JSON <-> the structs of the API. No JSON type appears here. The wire contract's names are
// PascalCase and matched without regard to case on input; unknown request fields are an error that
// names the field and the nearest known one.
//
// Reading is strict: depth at most limits::json_depth_max, no duplicate keys, valid UTF-8, integers
// that are integers and in range. Errors name the path ("Task.HealthCheck.Interval: ...").
// Read-only fields of a Task (ContainerID, StartTime, Node, ...) are accepted in a submission and
// ignored, so that what was read can be posted.
//
// Reports, assignments and joins are read leniently instead: unknown fields are skipped, so that
// versions can differ by one. The members that decide what runs must be there all the same.

#include <string>
#include <string_view>
#include <vector>

#include "api/messages.h"
#include "base/result.h"
#include "task/task.h"

namespace cube::api {

// Requests
Result<Submission> parse_submission(std::string_view json);  // a TaskEvent or a bare Task
// The same, or an array of them (POST /tasks with a batch); `was_array` tells which.
Result<std::vector<Submission>> parse_submissions(std::string_view json, bool& was_array);
Result<Join> parse_join(std::string_view json);
Result<Assignment> parse_assignment(std::string_view json);
Result<Report> parse_report(std::string_view json);

// Replies and messages
std::string task_json(const Task& task);
std::string tasks_json(const std::vector<const Task*>& tasks);
// Their IDs only, as objects; `as_list`, or the one of them. REQUIRES: it is one, or a list.
std::string task_ids_json(const std::vector<Task>& tasks, bool as_list);
std::string event_json(const Event& event);
std::string events_json(const std::vector<Event>& events);
std::string stats_json(const HostStats& stats, std::uint32_t task_count);
std::string assignment_json(const Assignment& assignment);
std::string report_json(const Report& report);
std::string join_json(const Join& join);
// A bare-Task submission of `spec`, for the command line to post.
std::string submission_json(const TaskId& id, const TaskSpec& spec);
std::string error_json(int status, std::string_view message);

// A Node as the contract shows it, and what Cube adds (State, Reason, Labels, Platform, CpuMilli
// and its reserved part, ...).
struct NodeView {
  std::string name, ip, api, role = "worker", state, availability, reason;
  NodeInfo info;
  HostStats stats;
  Resources reserved;
  std::uint32_t task_count = 0;
  WallTime last_heard;
};
std::string node_json(const NodeView& node);
std::string nodes_json(const std::vector<NodeView>& nodes);

// What the command line reads back. Lenient, for older and newer managers.
Result<Task> parse_task(std::string_view json);
Result<std::vector<Task>> parse_tasks(std::string_view json);
Result<NodeView> parse_node(std::string_view json);
Result<std::vector<NodeView>> parse_nodes(std::string_view json);
Result<Event> parse_event(std::string_view json);
Result<std::vector<Event>> parse_events(std::string_view json);
// The Message of an error body; the (printable, shortened) body itself when it is none.
std::string error_message(std::string_view body);
// `json` indented by two spaces, for people. Returned as it is when it is no JSON.
std::string pretty(std::string_view json);

}  // namespace cube::api
