#pragma once
// Keeps web pages out. A browser lets any page send requests to this machine, and a page's own name
// can be made to lead here (DNS rebinding); both could start containers. Programs other than
// browsers send neither Origin nor Sec-Fetch-Site, and are not touched.

#include <optional>
#include <string_view>

#include "http/head_check.h"
#include "http/server.h"

namespace cube::http {

// Does `host`, as a Host header has it (with or without a port), name this machine only:
// "localhost", 127.x.x.x or [::1]?
bool is_loopback_host(std::string_view host);

// 403 for what a page of another site sent: an Origin that is not the Host, or Sec-Fetch-Site
// "cross-site"; and, `loopback_only`, for a Host that is not this machine.
std::optional<Refusal> check_origin(const Request& request, bool loopback_only);

}  // namespace cube::http
