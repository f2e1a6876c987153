#pragma once
// From a core's reply to an HTTP response, and from query parameters to values: what the two
// daemons' handlers share.

#include <functional>
#include <memory>

#include "api/routes.h"
#include "http/router.h"
#include "runtime/runtime.h"

namespace cube::daemon {

inline http::Response json_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// Nothing new is taken in while the store has no room; what is there can be read and stopped.
inline Error store_full() {
  return {Code::no_space,
          "the disk of this daemon's store is full: free some room there; reading and stopping "
          "still work"};
}

// A whole number in the query, or `otherwise` when absent; an error names the parameter.
Result<std::uint64_t> query_number(const http::Request& request, std::string_view name,
                                   std::uint64_t otherwise);
// "1", "true" or an empty value; absent, "0" and "false" are no; anything else is an error.
Result<bool> query_flag(const http::Request& request, std::string_view name);

// follow, tail, since (a duration back from now, or RFC 3339) and timestamps.
Result<runtime::LogOptions> log_options(const http::Request& request, WallTime now);

using Handlers = std::map<std::string, http::RouteHandler, std::less<>>;  // operation -> handler

// Registers the daemon's rows of the routes table. Every one must have a handler, and every handler
// a row: the table, the servers and the OpenAPI document cannot drift apart.
void register_routes(http::Router& router, api::Daemon daemon, const Handlers& handlers);

// The handlers that are the same on both: version, openapi, health.
void add_common(Handlers& handlers, api::Daemon daemon, const std::string& version);

}  // namespace cube::daemon
