#pragma once
// Services on the wire: what is posted, what is answered. docs/services.md and docs/api.md have
// the form; errors and strictness are those of api/codec.h.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "service/spec.h"

namespace cube::api {

// Where a service stands.
struct ServiceStatus {
  std::string state;    // "stable", "updating", "paused", "rolling-back", "removing"
  std::string message;  // why, in words; empty: nothing to tell
  std::uint32_t replicas = 0, running = 0, ready = 0, updated = 0, failures = 0;
  TaskId failed;  // whose failure counted last; nil: none
  std::vector<std::string> warnings;  // what is as asked, and hardly meant; in words
  bool converged() const { return state == "stable" && ready == replicas && updated == replicas; }
};

struct ServiceView {
  ServiceId id;
  std::string alias;
  std::uint64_t version = 0;       // of the spec
  std::uint64_t task_version = 0;  // of the part of it that makes the tasks
  WallTime created, updated;
  service::ServiceSpec spec;
  ServiceStatus status;
};

// An earlier spec.
struct ServicePast {
  std::uint64_t version = 0;
  WallTime at;
  service::ServiceSpec spec;
};

// What people send. Valid when it is returned: service::validate() holds.
Result<service::ServiceSpec> parse_service_spec(std::string_view json);
Result<std::uint32_t> parse_scale(std::string_view json);  // {"Replicas":5}
// An If-Match header: "3" in quotes or without; "*" is any version.
Result<std::optional<std::uint64_t>> parse_if_match(std::string_view header);

std::string service_spec_json(const service::ServiceSpec& spec);
std::string scale_json(std::uint32_t replicas);
std::string service_json(const ServiceView& view);
std::string services_json(const std::vector<ServiceView>& views);
std::string history_json(const std::vector<ServicePast>& history);

// What the command line, and the manager from its records, read back. Lenient.
Result<service::ServiceSpec> parse_stored_service_spec(std::string_view json);
Result<ServiceView> parse_service(std::string_view json);
Result<std::vector<ServiceView>> parse_services(std::string_view json);
Result<std::vector<ServicePast>> parse_history(std::string_view json);

}  // namespace cube::api
