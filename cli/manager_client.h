#pragma once
// `ManagerClient`: the requests of the command line, blocking, one connection each.
//
// The one place of cpp-httplib. Errors carry the code that decides the exit code, and a message
// that can be shown as it is. A request that is safe to repeat (every one here: a submission has an
// idempotency key) is sent a second time when the connection broke before the answer was there; not
// when the manager stayed silent.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec.h"
#include "api/service.h"
#include "base/result.h"
#include "cli/options.h"
#include "task/task.h"

namespace cube::cli {

struct LogQuery {
  bool follow = false, timestamps = false;
  std::optional<std::uint64_t> tail;
  std::string since;
};

class ManagerClient {
 public:
  // `patience`: how long the manager may take to answer an ordinary request.
  explicit ManagerClient(Address address, Duration patience = 10s)
      : address_(std::move(address)), patience_(patience) {}

  const Address& address() const { return address_; }

  // `ref` is a full ID, a unique prefix or a unique name.
  Result<std::vector<Task>> tasks();
  Result<Task> task(std::string_view ref);
  Result<std::vector<api::NodeView>> nodes();
  Result<api::NodeView> node(std::string_view name);
  Result<std::vector<Event>> events(std::uint64_t after_revision);

  // The bodies as they came, for `-o json` and `inspect`.
  Result<std::string> get(const std::string& path);

  // `body` as POST /tasks takes it; the tasks as the manager has them now.
  Result<std::vector<Task>> submit(const std::string& body, const std::string& idempotency_key);
  Result<void> stop(const TaskId& id);
  Result<void> forget_node(std::string_view name);

  // `verb` is "drain", "pause" or "activate".
  Result<void> set_availability(std::string_view node, std::string_view verb);

  // --- Services. `ref` is a name, a full ID or a unique prefix of one.
  Result<std::vector<api::ServiceView>> services();
  Result<api::ServiceView> service(std::string_view ref);
  Result<std::vector<Task>> service_tasks(std::string_view ref);
  Result<api::ServiceView> create_service(const service::ServiceSpec& spec);
  // Refused (stale) unless `version` is the present one.
  Result<api::ServiceView> update_service(std::string_view ref, const service::ServiceSpec& spec,
                                          std::uint64_t version);
  Result<api::ServiceView> roll_back_service(std::string_view ref, std::uint64_t version);
  Result<api::ServiceView> scale_service(std::string_view ref, std::uint32_t replicas);
  Result<void> remove_service(std::string_view ref);

  // Calls `sink` with what arrives, until the end or until it returns false (which is fine).
  using Sink = std::function<bool(std::string_view)>;
  Result<void> logs(std::string_view ref, const LogQuery& query, const Sink& sink);
  // The raw server-sent events after `last_id` (nothing: from now on); see cli/sse.h.
  Result<void> follow_events(std::optional<std::uint64_t> last_id, const Sink& sink);

 private:
  struct Ask;
  struct Answer;
  Result<std::string> exchange(const Ask& ask);
  Result<void> stream(const Ask& ask, Duration patience, const Sink& sink);
  Error unreachable(std::string_view why) const;
  Error refusal(int status, std::string_view body) const;
  Error foreign(std::string_view answer) const;
  template <class T>
  Result<T> understood(Result<T> parsed) const;

  Address address_;
  Duration patience_;
};

// A path segment or query value with everything but letters, digits and "-._~" escaped.
std::string url_escaped(std::string_view text);

}  // namespace cube::cli
