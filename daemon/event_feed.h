#pragma once
// `EventFeed`: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)
// to everyone who follows `GET /events`. Lives on the loop's thread.

#include <list>
#include <memory>
#include <vector>

#include "http/server.h"
#include "task/task.h"

namespace cube::daemon {

class EventFeed {
 public:
  explicit EventFeed(http::Loop& loop) : loop_(loop) {}

  // Both from the core's thread, in the order of the events: what was recorded before a follower
  // came is its backlog, what is recorded after reaches it through publish().
  void follow(std::shared_ptr<http::Responder> responder, std::vector<Event> backlog);
  void publish(std::vector<Event> events);

 private:
  struct State {
    std::list<std::shared_ptr<http::Responder::Body>> followers;
    std::unique_ptr<http::Loop::Timer> heartbeat;
  };
  static void beat(http::Loop& loop, const std::shared_ptr<State>& state);

  http::Loop& loop_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace cube::daemon
