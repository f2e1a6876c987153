#pragma once
// `Convergence`: has a submitted task got where it should be? A pure state machine that is fed what
// the manager says and the time, so that `cube run` only has to ask and to print.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "task/task.h"

namespace cube::cli {

struct ConvergenceRules {
  Duration settle = 1s;            // so long it must run without a restart
  Duration hopeless_after = 2s;    // so long a reason that time will not mend is watched
  std::uint32_t failures_max = 3;  // in a row: it keeps failing, whatever its restart policy says
};

class Convergence {
 public:
  enum class Verdict : std::uint8_t {
    waiting,    // go on asking
    running,    // runs, stays up, and is healthy when it has a health check
    completed,  // ended well
    failed,     // over, or failing again and again
    hopeless,   // queued, but nothing that is there can take it
  };

  explicit Convergence(ConvergenceRules rules = {}) : rules_(rules) {}

  Verdict observe(Instant now, const Task& task);

  // In words, for what the last observe() returned: why it waits or failed. May be empty.
  const std::string& why() const { return why_; }

 private:
  Verdict observe_running(Instant now, const Task& task);
  Verdict observe_waiting(Instant now, const Task& task);

  ConvergenceRules rules_;
  std::string why_;
  std::optional<Instant> running_since_, hopeless_since_;
  std::pair<std::uint32_t, std::uint32_t> container_{0, 0};  // attempt, restart
};

}  // namespace cube::cli
