#pragma once
// `Announcer`: `cube worker --join`. Makes this worker known to its managers, again and again: a
// manager that has lost its memory or comes up later learns of it too.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/messages.h"
#include "daemon/log.h"
#include "http/client.h"

namespace cube::daemon {

class Announcer {
 public:
  // On the loop's thread. Destroying it ends the announcements.
  Announcer(http::Loop& loop, http::Client& client, Log& log, std::vector<std::string> managers,
            api::Join join);

 private:
  struct State;
  static void announce(const std::shared_ptr<State>& state, std::size_t manager);

  std::shared_ptr<State> state_;
};

}  // namespace cube::daemon
