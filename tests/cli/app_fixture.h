#pragma once
// The whole command line against a FakeManager, with a clock that only sleeping moves.

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/output.h"
#include "fake_manager.h"

namespace cube::cli {

struct AppFixture {
  struct Outcome {
    int code;
    std::string out, err;
  };

  FakeManager manager;
  std::string standard_input;
  std::map<std::string, std::string> environment;
  std::optional<Duration> interrupt_after;  // Ctrl-C, after so much waiting
  bool terminal = false;
  FdOutput* output = nullptr;  // instead of Outcome::out
  Duration slept{0};

  // `arguments` with the manager's address in CUBE_MANAGER.
  Outcome cube(const std::vector<std::string>& arguments) {
    std::istringstream in(standard_input);
    std::ostringstream out, err;
    std::ostream fd_out(output);
    Io io{in, output == nullptr ? out : fd_out, err};
    if (output != nullptr) io.out_error = [this] { return output->error_number(); };
    io.in_is_tty = io.out_is_tty = io.err_is_tty = terminal;
    io.columns = terminal ? 80 : 0;
    environment.try_emplace("CUBE_MANAGER", manager.address());
    io.env = [this](const std::string& name) {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    slept = Duration(0);
    io.wall_now = [] { return WallTime{1'767'326'645'000'000}; };  // 2026-01-02T04:04:05Z
    io.mono_now = [this] { return Instant{1'000'000} + slept; };
    io.sleep = [this](Duration d) {
      slept += d;
      return !interrupt_after || slept < *interrupt_after;
    };
    io.random_uuid = [this] { return Uuid::from_random(7, ++uuids_); };
    const int code = run_app(arguments, io, {}, "1.2.3");
    return {code, out.str(), err.str()};
  }

 private:
  std::uint64_t uuids_ = 0;
};

}  // namespace cube::cli
