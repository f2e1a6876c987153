// What is posted to /tasks, and what is in a file that `cube run` is given: the same bytes.
//
// A spec that is accepted is valid, survives being written and read again as JSON and as a record,
// and placement understands it.

#include "api/codec.h"
#include "cli/posting.h"
#include "scheduler/scheduler.h"
#include "tests/fuzz/target.h"

#include <sstream>

using namespace cube;

namespace {

constexpr int stop_event = 3;

void check_spec(const TaskId& id, const TaskSpec& spec) {
  CUBE_ASSERT(validate(spec).ok());
  const std::string text = api::submission_json(id, spec);
  const auto again = api::parse_submission(text);
  CUBE_ASSERT(again.ok());
  CUBE_ASSERT(again->id == id);
  CUBE_ASSERT(again->spec == spec);
  CUBE_ASSERT(api::submission_json(id, again->spec) == text);
  const auto stored = decode_spec(encode(spec));
  CUBE_ASSERT(stored.ok());
  CUBE_ASSERT(*stored == spec);
  CUBE_ASSERT(spec_hash(*stored) == spec_hash(spec));
  for (const auto& constraint : spec.constraints) {
    CUBE_ASSERT(scheduler::Constraint::parse(constraint).ok());
  }
  (void)scheduler::Demand::of(spec, 1);
}

// As the manager shows it, and as it is read from there.
void check_task(const TaskId& id, const TaskSpec& spec) {
  Task task;
  task.id = id;
  task.spec = spec;
  const std::string text = api::task_json(task);
  const auto read = api::parse_task(text);
  CUBE_ASSERT(read.ok());
  CUBE_ASSERT(*read->spec == spec);
  CUBE_ASSERT(api::task_json(*read) == text);
  CUBE_ASSERT(api::parse_submission(text).ok());  // what was read can be posted
}

}  // namespace

FUZZ_TARGET(task_json) {
  bool was_array = false;
  const auto submissions = api::parse_submissions(bytes, was_array);
  std::istringstream file{std::string(bytes)};
  const auto posting = cli::read_posting("-", file);
  CUBE_ASSERT(posting.ok() == submissions.ok());
  const auto one = api::parse_submission(bytes);
  CUBE_ASSERT(one.ok() == (submissions.ok() && !was_array));
  if (!submissions.ok()) {
    CUBE_ASSERT(!submissions.error().message.empty());
    CUBE_ASSERT(submissions.error().message.size() < 4096);
    return;
  }
  CUBE_ASSERT(posting->stops.size() == submissions->size());
  for (const auto& s : *submissions) {
    if (s.event_state == stop_event) {
      CUBE_ASSERT(s.bare || !s.id.is_nil());
      if (!s.bare) continue;
    }
    check_spec(s.id, s.spec);
    check_task(s.id, s.spec);
  }
}
