#pragma once
// What the tests of the proxy share: a proxy with a table made by hand, and services to put into
// it.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingress/proxy.h"
#include "tests/http/support.h"

namespace cube::ingress::testing {

using http::testing::eventually;
using http::testing::patience;
using http::testing::Peer;
using http::testing::ScriptedServer;
using http::testing::status_of;

// A service "web", reached at any host and path; replicas at these addresses.
api::RoutedService web(const std::vector<std::string>& addresses);
api::RoutedService web(const ScriptedServer& only);
TaskId task(std::size_t n);  // of the n-th replica of web()

class RunningProxy {
 public:
  explicit RunningProxy(ProxyOptions options = {});
  RunningProxy(api::RoutedService service, ProxyOptions options = {});

  void set(std::vector<api::RoutedService> services);  // in force when it returns
  Peer connect() const { return Peer::connect(proxy->port()); }
  std::string ask(std::string_view request) const;  // on a connection of its own, until that ends
  std::string get(std::string_view target = "/") const;  // the same, with "Connection: close"
  ProxyState state() const;
  // The value of one line of the metrics, such as `cube_ingress_connections`; -1: no such line.
  double metric(std::string_view line) const;
  std::vector<std::string> log() const;

  std::unique_ptr<Proxy> proxy;

 private:
  std::shared_ptr<struct LogLines> log_;
};

// A backend that answers every request without a body: what `reply` makes of its head.
ScriptedServer::Script serving(std::function<std::string(const std::string& head)> reply);
std::string ok(std::string_view body);  // a reply

std::string body_of(std::string_view reply);
// The value of a header in a head or reply; "-": it is not there.
std::string header_of(std::string_view head, std::string_view name);

std::uint64_t resident_bytes();  // of this process

}  // namespace cube::ingress::testing
