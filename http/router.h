#pragma once
// `Router`: method and path pattern -> handler. "/tasks/{id}/logs" binds `id`. A known path with
// another method gives 405 with Allow; an unknown path 404; HEAD is answered by GET's handler.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/server.h"

namespace cube::http {

using Params = std::map<std::string, std::string, std::less<>>;
using RouteHandler = std::function<void(const Request&, const Params&, std::shared_ptr<Responder>)>;

class Router {
 public:
  void add(std::string method, std::string pattern, RouteHandler handler);
  // On this path (without "{}") the 405 has the body that `make` gives for its message.
  using MakeError = std::function<Response(int status, const std::string& message)>;
  void say_by(std::string path, MakeError make);
  void handle(Request request, std::shared_ptr<Responder> responder) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    RouteHandler handler;
  };
  std::vector<Route> routes_;
  std::map<std::vector<std::string>, MakeError> forms_;  // by path
};

}  // namespace cube::http
