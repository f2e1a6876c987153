#include "worker/reasons.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cube::worker {
namespace {

// What a process that cannot be run leaves, by the convention of shells and of the engine's init.
constexpr std::int32_t exit_not_executable = 126;
constexpr std::int32_t exit_not_found = 127;
constexpr Duration never_ran_within = 1s;

bool is_shell(std::string_view command) {
  const std::string_view program = command.substr(command.rfind('/') + 1);
  return program == "sh" || program == "ash" || program == "bash" || program == "dash";
}

std::string command_in_words(const TaskSpec& spec) {
  if (spec.entrypoint.empty() && spec.command.empty()) return "the image's own command";
  const std::string& program = spec.entrypoint.empty() ? spec.command[0] : spec.entrypoint[0];
  return (is_shell(program) ? "a command run by " : "the command ") + printable(program);
}

// Did the process end because there was nothing to run? `reason` tells then.
bool cannot_run(const End& end, const TaskSpec& spec, std::string& reason) {
  if (!end.ran || end.ran_for > never_ran_within) return false;
  const bool not_found = end.exit_code == exit_not_found;
  if (!not_found && end.exit_code != exit_not_executable) return false;
  reason = fmt::format("exit code {}: {} {}", end.exit_code, command_in_words(spec),
                       not_found ? "was not found in the image" : "cannot be executed");
  return true;
}

std::string oom_in_words(const TaskSpec& spec) {
  if (spec.memory_bytes == 0) return "out of memory: the machine had none left";
  return fmt::format("out of memory: the limit is {}", format_bytes(spec.memory_bytes));
}

}  // namespace

std::string pause_in_words(Duration d) {
  const auto ms = d.count() / 1000;
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 10'000 && ms % 1000 >= 100) return fmt::format("{}.{} s", ms / 1000, ms % 1000 / 100);
  if (ms < 120'000) return fmt::format("{} s", ms / 1000);
  return fmt::format("{} min", ms / 60'000);
}

End end_of(const runtime::Container& container, const TaskSpec& spec, bool oom_seen) {
  End end;
  end.exit_code = container.exit_code;
  end.ran = !container.started.is_zero();
  end.started = container.started;
  end.finished = container.finished;
  end.ran_for = end.ran ? std::max(Duration::zero(), container.finished - container.started)
                        : Duration::zero();
  if (container.oom_killed || (oom_seen && container.exit_code != 0)) {
    end.failure = Failure::oom;
    end.reason = oom_in_words(spec);
  } else if (cannot_run(end, spec, end.reason)) {
    end.failure = Failure::spec;
  } else if (container.exit_code != 0) {
    end.failure = Failure::exit;
    end.reason = exit_in_words(container.exit_code);
  } else {
    end.reason = "exit code 0";
  }
  return end;
}

}  // namespace cube::worker
