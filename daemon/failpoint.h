#pragma once
// Failpoints: places where a test makes the daemon die, fail, or stand still, by the environment:
//
//   CUBE_FP="mgr.before_commit=abort@3;wrk.after_create=sleep(20)"
//
// Each acts once, at its n-th hit (`@n`, default the first): `abort` ends the process at once, as
// kill -9 does; `error` makes the step fail, or loses its answer; `sleep(SECONDS)`; `wait(PATH)`
// until that file is there. They stand in the shells only, and only in builds with CUBE_FAILPOINTS
// (the asan preset); elsewhere the macros leave nothing, not even the names.
// docs/testing.md lists them.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cube::daemon {

enum class Stage : unsigned char { before_commit, after_commit, before_send };  // of a CoreLoop

#ifdef CUBE_FP

struct Failpoint {
  enum class Action : unsigned char { abort, error, sleep, wait };
  std::string name;
  Action action = Action::abort;
  std::string argument;  // sleep: seconds; wait: a path
  unsigned long at = 1;
};
Result<std::vector<Failpoint>> parse_failpoints(std::string_view text);

// Does what CUBE_FP asks for here; true: the step is to fail. From any thread.
bool hit_failpoint(std::string_view name);

// A core's name for a stage of this batch; empty: none.
template <class Traits, class Effects>
std::string_view failpoint_of(Stage stage, const Effects& effects) {
  if constexpr (requires { Traits::failpoint(stage, effects); }) {
    return Traits::failpoint(stage, effects);
  } else {
    return {};
  }
}

// `done` with the outcome that it is given, or with `error` when the failpoint loses that.
template <class Done, class Lost>
auto losing(std::string_view name, Done done, Lost error) {
  return [name, done, error](auto outcome) {
    if (hit_failpoint(name)) return done(decltype(outcome)(error));
    done(std::move(outcome));
  };
}

#define CUBE_FAILPOINT(name) ::cube::daemon::hit_failpoint(name)
#define CUBE_LOSING(name, done, error) ::cube::daemon::losing(name, done, error)

#else

#define CUBE_FAILPOINT(name) false
#define CUBE_LOSING(name, done, error) done

#endif

}  // namespace cube::daemon
