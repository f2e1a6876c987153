#include <algorithm>

#include "api/codec.h"
#include "http/client.h"
#include "http/server.h"

namespace cube::http {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string> first_of(const Pairs& pairs, std::string_view name) {
  const auto found = std::find_if(pairs.begin(), pairs.end(),
                                  [&](const auto& pair) { return pair.first == name; });
  return found == pairs.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::optional<std::string> Request::query_value(std::string_view name) const {
  return first_of(query, name);
}
std::optional<std::string> Request::header(std::string_view lower_case_name) const {
  return first_of(headers, lower_case_name);
}
std::optional<std::string> Answer::header(std::string_view lower_case_name) const {
  return first_of(headers, lower_case_name);
}

Response error_response(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.body = api::error_json(status, message);
  return response;
}

Response error_response(const Error& error) {
  return error_response(http_status(error.code), error.message);
}

}  // namespace cube::http
