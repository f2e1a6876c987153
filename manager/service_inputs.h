#pragma once
// What the manager is asked about services; inputs of Manager::step. Each with a token gets one
// Reply: the service as it stands after it (api::ServiceView), Accepted, or an Error.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/route_table.h"
#include "service/spec.h"

namespace cube::manager {

using Token = std::uint64_t;  // names a caller that waits for a Reply; never 0, used once

// The same name with the same content again answers with the present one.
struct CreateService {
  Token token;
  service::ServiceSpec spec;
};
// `if_match`: only when this is the present version; else the error is `stale`.
struct UpdateService {
  Token token;
  std::string ref;  // name, full ID or unique prefix
  service::ServiceSpec spec;
  std::optional<std::uint64_t> if_match;
};
struct ScaleService {
  Token token;
  std::string ref;
  std::uint32_t replicas;
  std::optional<std::uint64_t> if_match{};
};
struct RollBackService {
  Token token;
  std::string ref;
  std::optional<std::uint64_t> if_match;
};
struct RemoveService {
  Token token;
  std::string ref;
  std::optional<std::uint64_t> if_match{};
};
// An ingress asked for the table: `applied` is the version in force there, `busy` are replicas that
// have left it and still have requests.
struct IngressAsked {
  std::string ingress;
  std::string applied;
  std::vector<TaskId> busy;
};
struct IngressReported {
  std::string ingress;
  api::RouteReport report;
};
using ServiceInput = std::variant<CreateService, UpdateService, ScaleService, RollBackService,
                                  RemoveService, IngressAsked, IngressReported>;

}  // namespace cube::manager
