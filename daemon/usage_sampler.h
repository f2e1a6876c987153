#pragma once
// `UsageSampler`: what each container uses, from one look at its control group to the next.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/messages.h"
#include "worker/worker.h"

namespace cube::daemon {

class UsageSampler {
 public:
  // Of each container that was there at the sample before too, its use since then. Memory without a
  // limit is told in per cent of `machine_bytes`.
  std::vector<api::TaskUsage> sample(const std::vector<worker::RunningContainer>& running,
                                     std::int64_t machine_bytes);

 private:
  struct Last {
    Instant at{};
    std::int64_t cpu_ns = 0;
  };
  std::map<std::string, Last> last_;  // by container
};

}  // namespace cube::daemon
