// Which service is this request for? Tables of cases.

#include <doctest/doctest.h>

#include "ingress/routes.h"

using namespace cube;
using namespace cube::ingress;

namespace {

api::RoutedService routed(std::string name, std::string alias, std::vector<std::string> hosts = {},
                          std::string path = "", std::uint16_t port = 0) {
  api::RoutedService out;
  out.name = std::move(name);
  out.alias = std::move(alias);
  out.rules.hosts = std::move(hosts);
  out.rules.path = std::move(path);
  out.rules.port = port;
  return out;
}

struct Question {
  std::uint16_t port;
  std::string host, path, service, prefix;  // the service that gets it; "": none
};

void check(const api::RouteTable& table, const std::vector<Question>& questions) {
  const Routes routes(table);
  for (const auto& q : questions) {
    CAPTURE(q.port);
    CAPTURE(q.host);
    CAPTURE(q.path);
    const Route* route = routes.match(q.port, q.host, q.path);
    CHECK((route ? table.services[route->service].name : "") == q.service);
    if (route) CHECK(route->prefix == q.prefix);
  }
}

}  // namespace

TEST_CASE("an alias is a path of whole segments") {
  check({"1", {routed("a", "k3j9"), routed("b", "k3j9x")}}, {{0, "any", "/k3j9", "a", "/k3j9"},
                                                             {0, "any", "/k3j9/", "a", "/k3j9"},
                                                             {0, "any", "/k3j9/x/y", "a", "/k3j9"},
                                                             {0, "any", "/k3j9x", "b", "/k3j9x"},
                                                             {0, "any", "/k3j", "", ""},
                                                             {0, "any", "/K3J9", "", ""},
                                                             {0, "any", "/", "", ""},
                                                             {0, "any", "//k3j9", "", ""},
                                                             {0, "any", "/x/k3j9", "", ""},
                                                             {0, "", "/k3j9", "a", "/k3j9"},
                                                             {81, "any", "/k3j9", "", ""}});
}

TEST_CASE("the longest path wins") {
  check({"1",
         {routed("root", "", {}, "/"), routed("a", "", {}, "/a"), routed("abc", "", {}, "/a/b/c"),
          routed("ab", "", {}, "/a/b/")}},
        {{0, "h", "/", "root", ""},
         {0, "h", "/b", "root", ""},
         {0, "h", "/ab", "root", ""},
         {0, "h", "/a", "a", "/a"},
         {0, "h", "/a/", "a", "/a"},
         {0, "h", "/a/bc", "a", "/a"},
         {0, "h", "/a/b", "ab", "/a/b"},
         {0, "h", "/a/b/cd", "ab", "/a/b"},
         {0, "h", "/a/b/c", "abc", "/a/b/c"},
         {0, "h", "/a/b/c/d/e/f", "abc", "/a/b/c"}});
}

TEST_CASE("exact hosts, then wildcards from the longest, then any") {
  check({"1",
         {routed("exact", "", {"web.example.com"}), routed("wild", "", {"*.example.com"}),
          routed("deep", "", {"*.eu.example.com"}), routed("any", "", {}, "/"),
          routed("part", "", {"part.example.com"}, "/only")}},
        {{0, "web.example.com", "/x", "exact", ""},
         {0, "WEB.Example.Com:8080", "/x", "exact", ""},
         {0, "web.example.com.", "/x", "exact", ""},
         {0, "other.example.com", "/", "wild", ""},
         {0, "a.b.example.com", "/", "wild", ""},
         {0, "x.eu.example.com", "/", "deep", ""},
         {0, "eu.example.com", "/", "wild", ""},
         {0, "example.com", "/", "any", ""},
         {0, "notexample.com", "/", "any", ""},
         {0, "[::1]:80", "/", "any", ""},
         {0, "[::1]", "/", "any", ""},
         {0, "", "/", "any", ""},
         {0, std::string(300, 'a') + ".example.com", "/", "any", ""},
         {0, "part.example.com", "/only/x", "part", "/only"},
         {0, "part.example.com", "/else", "wild", ""}});
}

TEST_CASE("a port of its own is its service's alone") {
  const api::RouteTable table{
      "1",
      {routed("plain", "p1", {}, "", 9000), routed("hosted", "", {"h.example.com"}, "/h", 9001),
       routed("other", "", {"o.example.com"}, "", 9001), routed("main", "", {}, "/")}};
  CHECK(Routes(table).ports() == std::vector<std::uint16_t>{9000, 9001});
  check(table, {{9000, "anything", "/any/thing", "plain", ""},
                {0, "x", "/p1/a", "plain", "/p1"},
                {0, "h.example.com", "/h", "main", ""},
                {9001, "h.example.com", "/h/x", "hosted", "/h"},
                {9001, "h.example.com", "/x", "", ""},
                {9001, "o.example.com", "/x", "other", ""},
                {9001, "else", "/h", "", ""},
                {9002, "x", "/", "", ""}});
}

TEST_CASE("of two services with one route the first has it, and it is said") {
  const api::RouteTable table{
      "1",
      {routed("first", "", {"a.example.com", "b.example.com"}, "/x"),
       routed("second", "", {"A.example.com"}, "/x/"), routed("third", "x1", {}, "", 90),
       routed("fourth", "", {}, "", 90), routed("fifth", "x1")}};
  check(table, {{0, "a.example.com", "/x", "first", "/x"},
                {90, "h", "/", "third", ""},
                {0, "h", "/x1", "third", "/x1"}});
  const Routes routes(table);
  REQUIRE(routes.conflicts().size() == 3);
  CHECK(routes.conflicts()[0] == "A.example.com, path /x: first has it, second does not get it");
  CHECK(routes.conflicts()[1] == "any host, port 90: third has it, fourth does not get it");
  CHECK(routes.conflicts()[2] == "any host, path /x1: third has it, fifth does not get it");
}

TEST_CASE("a service may name the same route twice") {
  const Routes routes({"1", {routed("a", "web", {"h.example.com", "H.example.com"}, "/web")}});
  CHECK(routes.conflicts().empty());
}

TEST_CASE("is_below knows segments") {
  CHECK(is_below("/a", "/a"));
  CHECK(is_below("/a/b", "/a"));
  CHECK(is_below("/a/b", "/a/"));
  CHECK(is_below("/anything", "/"));
  CHECK_FALSE(is_below("/ab", "/a"));
  CHECK_FALSE(is_below("/", "/a"));
}
