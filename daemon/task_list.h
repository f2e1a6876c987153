#pragma once
// `GET /tasks`, however many there are: read a page at a time, so that nobody waits long for the
// core, and sent as fast as the client takes them. Each task is as it was when its page was read.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "http/server.h"
#include "task/task.h"

namespace cube::daemon {

inline constexpr std::size_t task_list_page = 256;

struct TaskPage {
  std::vector<Task> tasks;
  std::uint64_t next = 0;  // where to go on; 0: these were the last
};
// Asks for the page that begins at `next` (0: the first); `take` is called once, on any thread.
using ReadTaskPage = std::function<void(std::uint64_t next, std::function<void(TaskPage)> take)>;

// From any thread. `loop` outlives the server that `to` belongs to.
void send_task_list(http::Loop& loop, ReadTaskPage read, std::shared_ptr<http::Responder> to);

}  // namespace cube::daemon
