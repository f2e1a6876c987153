#include "worker/reasons.h"

#include <doctest/doctest.h>

namespace cube::worker {
namespace {

TEST_CASE("why the container before ended, whatever the present one does") {
  AttemptStatus status;
  CHECK(end_in_words(status).empty());
  status.restart = 1;
  CHECK(end_in_words(status) == "exit code 0");
  status.failure = Failure::exit;
  status.exit_code = 7;
  status.reason = "creating the container";
  CHECK(end_in_words(status) == "exit code 7");
  status.exit_code = 137;
  CHECK(end_in_words(status) == "killed by signal 9 (SIGKILL)");
  status.reason = "restart 1 in 2 s; last: killed by an operator";
  CHECK(end_in_words(status) == "killed by an operator");
  status.reason = "pulling image web";
  status.failure = Failure::oom;
  CHECK(end_in_words(status) == "out of memory");
}

TEST_CASE("exit codes in words") {
  CHECK(exit_in_words(0) == "exit code 0");
  CHECK(exit_in_words(3) == "exit code 3");
  CHECK(exit_in_words(128) == "exit code 128");
  CHECK(exit_in_words(137) == "killed by signal 9 (SIGKILL)");
  CHECK(exit_in_words(143) == "killed by signal 15 (SIGTERM)");
  CHECK(exit_in_words(139) == "killed by signal 11 (SIGSEGV)");
  CHECK(exit_in_words(128 + 40) == "killed by signal 40");
  CHECK(exit_in_words(255) == "exit code 255");
}

TEST_CASE("pauses in words") {
  CHECK(pause_in_words(350ms) == "350 ms");
  CHECK(pause_in_words(1s) == "1 s");
  CHECK(pause_in_words(1040ms) == "1 s");
  CHECK(pause_in_words(2150ms) == "2.1 s");
  CHECK(pause_in_words(64s) == "64 s");
  CHECK(pause_in_words(5min) == "5 min");
}

TEST_CASE("the end of a container") {
  struct Row {
    std::int32_t code;
    bool oom_killed, oom_seen;
    std::int64_t limit;
    Failure failure;
    std::string_view reason;
  };
  const Row rows[] = {
      {0, false, false, 0, Failure::none, "exit code 0"},
      {0, false, true, 0, Failure::none, "exit code 0"},  // a child was killed, the task went on
      {1, false, false, 0, Failure::exit, "exit code 1"},
      {137, false, false, 0, Failure::exit, "killed by signal 9 (SIGKILL)"},
      {137, true, false, 20 << 20, Failure::oom, "out of memory: the limit is 20 MiB"},
      {137, false, true, 20 << 20, Failure::oom, "out of memory: the limit is 20 MiB"},
      {137, true, false, 0, Failure::oom, "out of memory: the machine had none left"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    runtime::Container c;
    c.exit_code = row.code;
    c.oom_killed = row.oom_killed;
    c.started = {1'000'000};
    c.finished = {4'000'000};
    TaskSpec spec;
    spec.memory_bytes = row.limit;
    const End end = end_of(c, spec, row.oom_seen);
    CHECK(end.failure == row.failure);
    CHECK(end.reason == row.reason);
    CHECK(end.ran_for == 3s);
  }
}

TEST_CASE("a command that cannot be run fails for good, unless it ran for a while") {
  struct Row {
    std::int32_t code;
    Duration ran_for;
    std::vector<std::string> entrypoint, command;
    Failure failure;
    std::string_view reason;
  };
  const Row rows[] = {
      {127,
       20ms,
       {},
       {"/nope", "x"},
       Failure::spec,
       "exit code 127: the command /nope was not found in the image"},
      {126,
       20ms,
       {"/etc/passwd"},
       {"x"},
       Failure::spec,
       "exit code 126: the command /etc/passwd cannot be executed"},
      {127,
       1s,
       {},
       {"/bin/sh", "-c", "nope"},
       Failure::spec,
       "exit code 127: a command run by /bin/sh was not found in the image"},
      {127,
       20ms,
       {},
       {},
       Failure::spec,
       "exit code 127: the image's own command was not found in the image"},
      {127, 1001ms, {}, {"/nope"}, Failure::exit, "exit code 127"},
      {125, 20ms, {}, {"/nope"}, Failure::exit, "exit code 125"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    runtime::Container c;
    c.exit_code = row.code;
    c.started = {1'000'000};
    c.finished = c.started + row.ran_for;
    TaskSpec spec;
    spec.entrypoint = row.entrypoint;
    spec.command = row.command;
    const End end = end_of(c, spec, false);
    CHECK(end.failure == row.failure);
    CHECK(end.reason == row.reason);
  }
}

TEST_CASE("an engine's stamps that run backwards make no negative run") {
  runtime::Container c;
  c.started = {4'000'000};
  c.finished = {1'000'000};
  CHECK(end_of(c, TaskSpec{}, false).ran_for == 0s);
}

}  // namespace
}  // namespace cube::worker
