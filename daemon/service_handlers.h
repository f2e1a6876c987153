#pragma once
// The routes about services, and those by which ingresses learn where requests may go.

#include <list>
#include <memory>

#include "daemon/manager_loop.h"
#include "daemon/replies.h"
#include "http/loop.h"

namespace cube::daemon {

// Lives beside the core's loop, and is stopped after it.
class ServiceHandlers {
 public:
  ServiceHandlers(ManagerLoop& core, store::Store& store, http::Loop& loop);
  ~ServiceHandlers();
  void add(Handlers& all);

  // On the core's thread, after the commit: everybody who waits for the table gets the new one.
  void routes_changed();
  // Nobody waits any more.
  void stop();

 private:
  struct Waiting;
  using Responder = std::shared_ptr<http::Responder>;

  void ask(Responder responder, int status,
           const std::function<manager::ServiceInput(manager::Token)>& make);
  void create(const http::Request& request, Responder responder);
  void update(const http::Request& request, std::string ref, Responder responder);
  void scale(const http::Request& request, std::string ref, Responder responder);
  void roll_back(const http::Request& request, std::string ref, Responder responder);
  void remove(const http::Request& request, std::string ref, Responder responder);
  void get_routes(const http::Request& request, Responder responder);
  void report_routes(const http::Request& request, Responder responder);

  ManagerLoop& core_;
  store::Store& store_;
  http::Loop& loop_;
  std::shared_ptr<Waiting> waiting_;
};

}  // namespace cube::daemon
