#pragma once
// Requests that nobody of ours may take: each can be read in two ways by two programs. Sent to the
// server (tests/http) and through the ingress (tests/ingress).

#include <string>
#include <vector>

namespace cube::http::testing {

struct Row {
  const char* what;
  std::string request;
  int status;  // that it is refused with
};

std::vector<Row> request_lines();
std::vector<Row> header_lines();
std::vector<Row> hosts();
std::vector<Row> framing();
// Targets that the server cannot decode; a proxy passes them on as they are.
std::vector<Row> request_targets();

}  // namespace cube::http::testing
