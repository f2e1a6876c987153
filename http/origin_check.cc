#include "http/origin_check.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace cube::http {

namespace {

// "host" of "host:port", "[::1]" of "[::1]:port".
std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  if (colon == host.npos || (bracket != host.npos && colon < bracket)) return host;
  return host.substr(0, colon);
}

bool is_ipv4_loopback(std::string_view host) {
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == host.npos;
}

// `host` without the port that its scheme has anyway.
std::string_view without_default_port(std::string_view host, bool https) {
  const std::string_view port = https ? ":443" : ":80";
  if (host.ends_with(port)) host.remove_suffix(port.size());
  return host;
}

// Is `origin` ("http://host:port") the very place that `host` names?
bool same_place(std::string_view origin, std::string_view host) {
  const bool https = origin.starts_with("https://");
  if (!https && !origin.starts_with("http://")) return false;  // "null", for one
  origin.remove_prefix(https ? 8 : 7);
  return equal_ignoring_case(without_default_port(origin, https),
                             without_default_port(host, https));
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  const auto name = without_port(host);
  return equal_ignoring_case(name, "localhost") || is_ipv4_loopback(name) || name == "[::1]";
}

std::optional<Refusal> check_origin(const Request& request, bool loopback_only) {
  const std::string host = request.header("host").value_or("");
  // Only HTTP/1.0 may leave Host out; no browser does.
  if (loopback_only && !host.empty() && !is_loopback_host(host)) {
    return Refusal{403, "the Host \"" + printable(host) +
                            "\" is not this machine; this server listens on a loopback address "
                            "and answers to localhost, 127.0.0.1 and [::1] only"};
  }
  for (const auto& [name, value] : request.headers) {
    if (name == "origin" && !same_place(value, host)) {
      return Refusal{403, "a web page of another origin (" + printable(value) +
                              ") may not send requests here"};
    }
    if (name == "sec-fetch-site" && equal_ignoring_case(value, "cross-site")) {
      return Refusal{403, "a web page of another site may not send requests here"};
    }
  }
  return std::nullopt;
}

}  // namespace cube::http
