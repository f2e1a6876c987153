#include "http/router.h"

#include <set>
#include <utility>

#include "base/text.h"

namespace cube::http {

namespace {

// "/tasks/{id}/" -> {"tasks", "{id}"}: one '/' at the end means nothing.
std::vector<std::string> split(std::string_view path) {
  if (path.size() > 1 && path.ends_with('/') && !path.ends_with("//")) path.remove_suffix(1);
  std::vector<std::string> segments;
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == path.npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_param(const std::string& segment) {
  return segment.starts_with('{');
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_param(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return true;
}

// "/tasks/stats" comes before "/tasks/{id}", whatever the order they were added in.
bool more_exact(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (is_param(a[i]) != is_param(b[i])) return is_param(b[i]);
  }
  return false;
}

std::string allowed(const std::set<std::string>& methods) {
  std::string out;
  for (const auto& method : methods) out += (out.empty() ? "" : ", ") + method;
  return out;
}

}  // namespace

void Router::add(std::string method, std::string pattern, RouteHandler handler) {
  routes_.push_back({std::move(method), split(pattern), std::move(handler)});
}

void Router::say_by(std::string path, MakeError make) {
  forms_[split(path)] = std::move(make);
}

void Router::handle(Request request, std::shared_ptr<Responder> responder) const {
  const auto path = split(request.path);
  const std::string& method = request.method == "HEAD" ? "GET" : request.method;
  const Route* best = nullptr;
  std::set<std::string> methods;  // of every pattern that fits
  for (const auto& route : routes_) {
    if (!matches(route.segments, path)) continue;
    methods.insert(route.method);
    if (route.method == "GET") methods.insert("HEAD");
    if (route.method != method) continue;
    if (!best || more_exact(route.segments, best->segments)) best = &route;
  }
  if (methods.empty()) {
    return responder->send(error_response(404, "no such path: " + printable(request.path)));
  }
  if (!best) {
    const std::string allow = allowed(methods);
    const std::string message =
        request.method + " is not possible on " + printable(request.path) + ", only " + allow;
    const auto form = forms_.find(path);
    auto response =
        form == forms_.end() ? error_response(405, message) : form->second(405, message);
    response.headers.emplace_back("Allow", allow);
    return responder->send(std::move(response));
  }
  Params params;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto& segment = best->segments[i];
    if (is_param(segment)) params[segment.substr(1, segment.size() - 2)] = path[i];
  }
  best->handler(request, params, std::move(responder));
}

}  // namespace cube::http
