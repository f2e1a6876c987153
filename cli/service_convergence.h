#pragma once
// `ServiceConvergence`: has a service got where a change of it should lead? A pure state machine
// that is fed what the manager says.

#include <cstdint>
#include <string>

#include "api/service.h"

namespace cube::cli {

class ServiceConvergence {
 public:
  enum class Verdict : std::uint8_t {
    waiting,    // go on asking
    converged,  // every replica is ready and of the wanted version
    failed,     // it will not get there by itself
  };

  // `wanted` as the manager answered the change. `goes_back`: the change is a rollback.
  ServiceConvergence(const api::ServiceView& wanted, bool goes_back)
      : task_version_(wanted.task_version), goes_back_(goes_back) {}

  Verdict observe(const api::ServiceView& now);

  // In words, for what the last observe() returned: why it waits or failed. May be empty.
  bool rolled_back() const { return rolled_back_; }  // by itself
  const std::string& why() const { return why_; }

 private:
  Verdict failed(std::string why);

  std::uint64_t task_version_;
  bool goes_back_, rolled_back_ = false;
  std::string why_, reason_;
};

// "2 of 3 ready, 1 of the new version"
std::string readiness(const api::ServiceView& view);

}  // namespace cube::cli
