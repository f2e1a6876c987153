#pragma once
// `Routes`: the manager's table made ready for one question: which service is this request for?
// Pure: no clock, no socket.
//
// A route is a listener, a host name (or any) and a path prefix of whole segments. The listener is
// the one that the request came to. Of the hosts an exact name goes before "*.example.com", a
// longer wildcard before a shorter, any wildcard before "any host"; within a host the longest
// prefix wins. A host whose prefixes all fail does not end the search: the next less exact one is
// asked.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/route_table.h"

namespace cube::ingress {

struct Route {
  std::size_t service = 0;  // in RouteTable::services
  std::string prefix;       // "/web"; empty: every path
  bool strip = false;       // the replica sees what is behind the prefix
};

class Routes {
 public:
  Routes() = default;
  explicit Routes(const api::RouteTable& table);

  // `port`: of the service's own listener, 0 for the common one. `host` as the Host header has it,
  // with or without a port, in any case. Null: no such route.
  const Route* match(std::uint16_t port, std::string_view host, std::string_view path) const;

  // The ports that want a listener of their own, ascending.
  std::vector<std::uint16_t> ports() const;

  // Routes that two services claim, in words: the one that stands first in the table has it.
  const std::vector<std::string>& conflicts() const { return conflicts_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  // The prefixes of one host. `depths` has a bit for each number of segments that some prefix has.
  struct Paths {
    ByText<Route> by_prefix;
    std::uint64_t depths = 0;
    const Route* find(std::string_view path) const;
  };
  struct Hosts {
    ByText<Paths> exact;     // "web.example.com"
    ByText<Paths> wildcard;  // ".example.com"
    Paths any;
    const Route* find(std::string_view host, std::string_view path) const;
  };

  void add(const api::RouteTable& table, std::uint16_t port, std::string_view host, Route route);

  std::map<std::uint16_t, Hosts> listeners_;
  std::vector<std::string> conflicts_;
};

// Is `path` below `prefix`, by whole segments? "/web" holds "/web" and "/web/a", not "/webs".
bool is_below(std::string_view path, std::string_view prefix);

}  // namespace cube::ingress
