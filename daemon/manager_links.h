#pragma once
// `ManagerLinks`: carries the manager core's calls to its workers and brings back what came of
// them. Decides nothing; every call ends in exactly one input.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/client.h"
#include "manager/manager.h"

namespace cube::daemon {

class ManagerLinks {
 public:
  // `generation` is handed back with the outcome: which core's call it was.
  using OnOutcome = std::function<void(manager::Input, std::uint64_t generation)>;

  // While the texts of assignments under way are more than `bytes_max`, further ones wait: after a
  // restart every node of a large cluster is told everything at once.
  ManagerLinks(http::Loop& loop, http::Client& client,
               std::size_t bytes_max = std::size_t{64} << 20);
  ~ManagerLinks();

  void on_outcome(OnOutcome on_outcome);                    // before the first call
  void make(manager::Send send, std::uint64_t generation);  // from any thread
  // The IP address that a worker's address last answered from; its host part before it ever did.
  // From any thread.
  std::string ip_of(const std::string& address) const;
  // Returns when no outcome is being delivered, and none will be.
  void stop();

 private:
  class Traffic;

  http::Loop& loop_;
  std::shared_ptr<Traffic> traffic_;  // shared with the calls under way, which may end after this
};

}  // namespace cube::daemon
