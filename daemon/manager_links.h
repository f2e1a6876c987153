#pragma once
// `ManagerLinks`: carries the manager core's calls to its workers and brings back what came of
// them. Decides nothing; every call ends in exactly one input.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/client.h"
#include "manager/manager.h"

namespace cube::daemon {

class ManagerLinks {
 public:
  // `generation` is handed back with the outcome: which core's call it was.
  using OnOutcome = std::function<void(manager::Input, std::uint64_t generation)>;

  ManagerLinks(http::Loop& loop, http::Client& client) : loop_(loop), client_(client) {}

  void on_outcome(OnOutcome on_outcome) { *on_outcome_ = std::move(on_outcome); }
  void make(manager::Send send, std::uint64_t generation);  // from any thread
  // The IP address that a worker's address last answered from; its host part before it ever did.
  // From any thread.
  std::string ip_of(const std::string& address) const;
  // Returns when no outcome is being delivered, and none will be.
  void stop();

 private:
  http::Loop& loop_;
  http::Client& client_;
  // Shared with the calls under way, which may end after this object.
  std::shared_ptr<OnOutcome> on_outcome_ = std::make_shared<OnOutcome>();
  struct Peers {
    mutable std::mutex mutex;
    std::map<std::string, std::string> ips;  // by address
  };
  std::shared_ptr<Peers> peers_ = std::make_shared<Peers>();
};

}  // namespace cube::daemon
