#include "tests/kill/http.h"

#include <httplib.h>

namespace cube::kill {
namespace {

httplib::Client client_of(const std::string& endpoint) {
  if (endpoint.front() == '/') {
    httplib::Client client(endpoint);
    client.set_address_family(AF_UNIX);
    client.set_default_headers({{"Host", "docker"}});
    return client;
  }
  return httplib::Client("http://" + endpoint);
}

}  // namespace

Answer ask(const std::string& endpoint, const std::string& method, const std::string& target,
           const std::string& body, const std::string& idempotency_key) {
  auto client = client_of(endpoint);
  client.set_connection_timeout(5);
  client.set_read_timeout(30);
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.body = body;
  if (endpoint.front() == '/') request.set_header("Host", "docker");
  if (!body.empty()) request.set_header("Content-Type", "application/json");
  if (!idempotency_key.empty()) request.set_header("Idempotency-Key", idempotency_key);
  const auto result = client.send(request);
  if (!result) return {};
  return {result->status, result->body};
}

void follow(const std::string& endpoint, const std::string& target,
            const std::function<bool(std::string_view line)>& on_line) {
  auto client = client_of(endpoint);
  client.set_read_timeout(24 * 3600);
  std::string rest;
  client.Get(target, [&](const char* data, std::size_t size) {
    rest.append(data, size);
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      const std::string line = rest.substr(0, end);
      rest.erase(0, end + 1);
      if (!on_line(line)) return false;
    }
    return true;
  });
}

}  // namespace cube::kill
