#include "daemon/replies.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "api/codec.h"
#include "base/text.h"

namespace cube::daemon {

Result<std::uint64_t> query_number(const http::Request& request, std::string_view name,
                                   std::uint64_t otherwise) {
  const auto text = request.query_value(name);
  if (!text) return otherwise;
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failed != std::errc() || end != text->data() + text->size()) {
    return Error{Code::invalid, fmt::format("query parameter {}: not a whole number: \"{}\"", name,
                                            printable(*text))};
  }
  return value;
}

Result<bool> query_flag(const http::Request& request, std::string_view name) {
  const auto text = request.query_value(name);
  if (!text || *text == "0" || equal_ignoring_case(*text, "false")) return false;
  if (text->empty() || *text == "1" || equal_ignoring_case(*text, "true")) return true;
  return Error{Code::invalid, fmt::format("query parameter {}: use true or false, not \"{}\"", name,
                                          printable(*text))};
}

Result<runtime::LogOptions> log_options(const http::Request& request, WallTime now) {
  runtime::LogOptions options;
  for (auto [name, value] :
       {std::pair{"follow", &options.follow}, std::pair{"timestamps", &options.timestamps}}) {
    auto flag = query_flag(request, name);
    if (!flag) return std::move(flag).error();
    *value = *flag;
  }
  const auto tail = request.query_value("tail");
  if (tail && *tail != "all") {
    auto lines = query_number(request, "tail", 0);
    if (!lines) return std::move(lines).error();
    if (*lines > INT32_MAX) return Error{Code::invalid, "query parameter tail: too large"};
    options.tail = static_cast<std::int64_t>(*lines);
  }
  if (const auto since = request.query_value("since")) {
    if (auto back = parse_duration(*since); back.ok()) {
      options.since = WallTime{now.us - back->count()};
    } else if (auto at = parse_time(*since); at.ok()) {
      options.since = *at;
    } else {
      return Error{Code::invalid,
                   "query parameter since: use a duration such as 10m, or an RFC 3339 time"};
    }
  }
  return options;
}

void register_routes(http::Router& router, api::Daemon daemon, const Handlers& handlers) {
  std::set<std::string_view> used;
  for (const auto& route : api::routes()) {
    if ((static_cast<int>(route.daemon) & static_cast<int>(daemon)) == 0) continue;
    const auto handler = handlers.find(route.operation);
    if (handler == handlers.end()) {
      assertion_failed(fmt::format("no handler for {} {}", route.method, route.path));
    }
    used.insert(route.operation);
    router.add(std::string(route.method), std::string(route.path), handler->second);
  }
  for (const auto& [operation, handler] : handlers) {
    if (!used.contains(operation)) {
      assertion_failed(fmt::format("no route for handler {}", operation));
    }
  }
}

void add_common(Handlers& handlers, api::Daemon daemon, const std::string& version) {
  handlers["getOpenApi"] = [text = api::openapi_json(daemon, version)](
                               const http::Request&, const http::Params&, auto responder) {
    responder->send(json_response(200, text));
  };
  handlers["getVersion"] = [version](const http::Request&, const http::Params&, auto responder) {
    responder->send(json_response(200, fmt::format(R"({{"Version":"{}"}})", version)));
  };
}

}  // namespace cube::daemon
