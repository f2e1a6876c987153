#include "task/exit_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace cube {
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

std::string_view last_end_in(std::string_view reason) {
  constexpr std::string_view last = "; last: ";
  const auto at = reason.find(last);
  return at == std::string_view::npos ? std::string_view() : reason.substr(at + last.size());
}

std::string end_in_words(const AttemptStatus& status) {
  if (const auto told = last_end_in(status.reason); !told.empty()) return std::string(told);
  switch (status.failure) {
    case Failure::exit:
      return exit_in_words(status.exit_code);
    case Failure::oom:
      return "out of memory";
    case Failure::unhealthy:
      return "unhealthy";
    case Failure::none:
      if (status.restart == 0) return {};
      return status.exit_code == 0 ? "exit code 0" : "stopped on request";
    case Failure::spec:
    case Failure::node:
    case Failure::engine:
      return {};
  }
  CUBE_UNREACHABLE();
}

}  // namespace cube
