#pragma once
// `EngineClaim`: at most one worker of a name and cluster uses an engine from this machine. Two
// would take each other's containers for their own, and remove what they know nothing of.

#include <string>
#include <string_view>

#include "base/result.h"

namespace cube::daemon {

class EngineClaim {
 public:
  // `engine` is where the engine listens, in the same words for all. The claim is the kernel's (an
  // abstract unix socket, unix(7)): no crash leaves it behind. Workers in other network namespaces
  // are not seen. Error: conflict, with what to do.
  static Result<EngineClaim> take(std::string_view engine, std::string_view cluster,
                                  std::string_view name);
  EngineClaim(EngineClaim&& other) noexcept;
  EngineClaim& operator=(EngineClaim&&) = delete;
  ~EngineClaim();

 private:
  explicit EngineClaim(int socket) : socket_(socket) {}
  int socket_ = -1;
};

}  // namespace cube::daemon
