// Addresses and percent-encoding.

#include <doctest/doctest.h>

#include "http/client.h"

using namespace cube;
using namespace cube::http;

TEST_CASE("addresses are read and written") {
  struct Row {
    const char *text, *unix_path, *host;
    int port;
    const char* str;
  };
  const Row rows[] = {
      {"a:5556", "", "a", 5556, "a:5556"},
      {"a", "", "a", 5555, "a:5555"},
      {"127.0.0.1:1", "", "127.0.0.1", 1, "127.0.0.1:1"},
      {"[::1]:80", "", "::1", 80, "[::1]:80"},
      {"[fe80::1]", "", "fe80::1", 5555, "[fe80::1]:5555"},
      {"http://a:65535", "", "a", 65535, "a:65535"},
      {"http://a/", "", "a", 5555, "a:5555"},
      {"tcp://a:2375", "", "a", 2375, "a:2375"},
      {"unix:///var/run/docker.sock", "/var/run/docker.sock", "", 0, "unix:///var/run/docker.sock"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto endpoint = Endpoint::parse(row.text, 5555);
    REQUIRE(endpoint.ok());
    CHECK(endpoint->unix_path == row.unix_path);
    CHECK(endpoint->host == row.host);
    CHECK(endpoint->port == row.port);
    CHECK(endpoint->str() == row.str);
  }
}

TEST_CASE("wrong addresses are named with the cause") {
  struct Row {
    const char *text, *why;
  };
  const Row rows[] = {
      {"", "the host is missing"},
      {":80", "the host is missing"},
      {"a:", "the port must be a number from 1 to 65535"},
      {"a:0", "the port must be a number from 1 to 65535"},
      {"a:65536", "the port must be a number from 1 to 65535"},
      {"a:8x", "the port must be a number from 1 to 65535"},
      {"a:-1", "the port must be a number from 1 to 65535"},
      {"::1", "write an IPv6 address in brackets, as [::1]:80"},
      {"[::1", "']' is missing"},
      {"[::1]80", "':' is missing after ']'"},
      {"a:80/path", "give host:port or unix:///path"},
      {"u@a:80", "give host:port or unix:///path"},
      {"[[]:80", "a bracket within the host"},
      {"a]b:80", "a bracket within the host"},
      {"https://a:80", "give host:port or unix:///path"},
      {"a b:80", "give host:port or unix:///path"},
      {"unix://relative", "a socket's path is absolute"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    auto endpoint = Endpoint::parse(row.text, 5555);
    REQUIRE(!endpoint.ok());
    CHECK(endpoint.error().code == Code::invalid);
    CHECK(endpoint.error().message ==
          "address '" + std::string(row.text) + "': " + std::string(row.why));
  }
  CHECK(Endpoint::parse("a", 0).error().message == "address 'a': the port is missing");
}

TEST_CASE("percent-encoding goes there and back for every byte but NUL") {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  const auto encoded = url_encode(all);
  CHECK(encoded.find_first_of(" /+&?#\n") == encoded.npos);
  CHECK(url_decode(encoded, true).value() == all);
  CHECK(url_encode("aZ09-._~") == "aZ09-._~");
  CHECK(url_encode("a/b c") == "a%2Fb%20c");
  CHECK(url_decode("a+b%2Bc", true).value() == "a b+c");
  CHECK(url_decode("a+b%2bc", false).value() == "a+b+c");
  for (const char* wrong : {"%", "%4", "a%", "%g0", "%0g", "%00", "a%00b"}) {
    CHECK(!url_decode(wrong, false).ok());
  }
}
