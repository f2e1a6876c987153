#pragma once
// `Gateway`: the two routes of Biome, an older system (api/gateway.h), answered with services.

#include <map>
#include <memory>

#include "api/gateway.h"
#include "daemon/manager_loop.h"
#include "daemon/replies.h"
#include "http/loop.h"

namespace cube::daemon {

// Lives beside the core's loop, and is stopped after it.
class Gateway {
 public:
  Gateway(ManagerLoop& core, store::Store& store, http::Loop& loop);
  ~Gateway();
  void add(Handlers& all);
  static void say_errors(http::Router& router);  // also those of the router, in its form
  void stop();                                   // nobody waits any more

 private:
  using Responder = std::shared_ptr<http::Responder>;
  struct Waiting;

  void spawn(const http::Request& request, Responder responder);
  void kill(const http::Request& request, Responder responder);
  void look(std::shared_ptr<Waiting> waiting);

  ManagerLoop& core_;
  store::Store& store_;
  http::Loop& loop_;
  std::map<Waiting*, std::shared_ptr<Waiting>> waiting_;  // on the loop's thread
};

}  // namespace cube::daemon
