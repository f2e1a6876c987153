#include "worker/reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace cube::worker {
namespace {

// Linux numbers, the same on every platform that containers are built for.
constexpr std::array<std::pair<std::int32_t, std::string_view>, 16> signals = {{
    {1, "SIGHUP"},
    {2, "SIGINT"},
    {3, "SIGQUIT"},
    {4, "SIGILL"},
    {5, "SIGTRAP"},
    {6, "SIGABRT"},
    {7, "SIGBUS"},
    {8, "SIGFPE"},
    {9, "SIGKILL"},
    {10, "SIGUSR1"},
    {11, "SIGSEGV"},
    {12, "SIGUSR2"},
    {13, "SIGPIPE"},
    {14, "SIGALRM"},
    {15, "SIGTERM"},
    {31, "SIGSYS"},
}};
constexpr std::int32_t signal_exit_base = 128;  // an engine shows signal n as exit code 128 + n
constexpr std::int32_t signal_max = 64;

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

std::string signal_in_words(std::int32_t signal) {
  const auto found = std::find_if(signals.begin(), signals.end(),
                                  [&](const auto& known) { return known.first == signal; });
  if (found == signals.end()) return fmt::format("{}", signal);
  return fmt::format("{} ({})", signal, found->second);
}

std::string exit_in_words(std::int32_t exit_code) {
  const std::int32_t signal = exit_code - signal_exit_base;
  if (signal < 1 || signal > signal_max) return fmt::format("exit code {}", exit_code);
  return fmt::format("killed by signal {}", signal_in_words(signal));
}

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
