#pragma once
// Tasks, nodes and events as people read them. Pure: the golden texts of the tests are made here.

#include <string>
#include <string_view>
#include <vector>

#include "api/codec.h"
#include "base/time.h"
#include "cli/table.h"
#include "task/task.h"

namespace cube::cli {

struct TaskView {
  bool wide = false;
  bool no_trunc = false;  // full IDs
};

struct NodeTableView {
  bool wide = false;
  bool no_trunc = false;  // with the IDs of the workers
};

Table task_table(const std::vector<Task>& tasks, WallTime now, TaskView view);
Table node_table(const std::vector<api::NodeView>& nodes, WallTime now, NodeTableView view);
Table event_table(const std::vector<Event>& events);
// One event of a stream, where nobody can know how wide the columns will be.
std::string event_line(const Event& event);

// A line of a log, for a terminal: tabs stay, nothing else that could take it over does.
std::string printable_line(std::string_view line);
std::string short_id(const TaskId& id);    // the first 8 characters
std::string called(const Task& task);      // "web (1a2b3c4d)", made printable
std::string ports_text(const Task& task);  // "0.0.0.0:8080->7777/tcp, ..."
// Where it answers from here, when that is known: "http://127.0.0.1:8080". `node_host` stands in
// for an address that means "all of the node's".
std::string url_of(const Task& task, const std::string& node_host);

}  // namespace cube::cli
