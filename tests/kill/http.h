#pragma once
// Blocking HTTP for the kill loop, by cpp-httplib: a client that shares no code with the daemons.

#include <functional>
#include <string>
#include <string_view>

namespace cube::kill {

struct Answer {
  int status = 0;  // 0: none came
  std::string body;
};

// A connection for each call. `endpoint` is "127.0.0.1:PORT" or the path of a unix socket.
Answer ask(const std::string& endpoint, const std::string& method, const std::string& target,
           const std::string& body = {}, const std::string& idempotency_key = {});

// GETs a stream and hands in its lines until `on_line` is false, or the stream ends.
void follow(const std::string& endpoint, const std::string& target,
            const std::function<bool(std::string_view line)>& on_line);

}  // namespace cube::kill
