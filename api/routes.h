#pragma once
// Every route of both daemons in one table: the servers register from it, the OpenAPI document is
// made from it, and a test checks real replies against it.

#include <span>
#include <string>
#include <string_view>

namespace cube::api {

enum class Daemon : unsigned char { manager = 1, worker = 2, both = 3 };

struct Route {
  std::string_view method, path;  // "/tasks/{id}"
  Daemon daemon;
  std::string_view operation;     // "listTasks": OpenAPI operationId, and the key of the handler
  std::string_view summary;
};

std::span<const Route> routes();

// The OpenAPI 3.1 document of one daemon (https://spec.openapis.org/oas/v3.1.0), as JSON.
std::string openapi_json(Daemon daemon, std::string_view version);

}  // namespace cube::api
