// What managers, workers and the command line say to each other: read leniently, and what was
// understood is the same after it was written and read once more.

#include "api/codec.h"
#include "base/text.h"
#include "tests/fuzz/target.h"

using namespace cube;

namespace {

template <class Parse, class Write>
void check(std::string_view bytes, Parse parse, Write write) {
  const auto first = parse(bytes);
  if (!first.ok()) {
    CUBE_ASSERT(!first.error().message.empty());
    CUBE_ASSERT(first.error().message.size() < 4096);
    return;
  }
  const std::string text = write(*first);
  CUBE_ASSERT(is_valid_utf8(text));
  const auto second = parse(text);
  if (!second.ok()) assertion_failed("written, but not read: " + second.error().message);
  CUBE_ASSERT(write(*second) == text);
}

std::string tasks_text(const std::vector<Task>& tasks) {
  std::vector<const Task*> all;
  for (const Task& task : tasks) all.push_back(&task);
  return api::tasks_json(all);
}

}  // namespace

FUZZ_TARGET(messages) {
  check(bytes, api::parse_report, api::report_json);
  check(bytes, api::parse_assignment, api::assignment_json);
  check(bytes, api::parse_join, api::join_json);
  check(bytes, api::parse_task, api::task_json);
  check(bytes, api::parse_tasks, tasks_text);
  check(bytes, api::parse_node, api::node_json);
  check(bytes, api::parse_nodes, api::nodes_json);
  check(bytes, api::parse_event, api::event_json);
  check(bytes, api::parse_events, api::events_json);
  CUBE_ASSERT(is_valid_utf8(api::error_message(bytes)));
  const std::string shown = api::pretty(bytes);
  CUBE_ASSERT(api::pretty(shown) == shown);
}
