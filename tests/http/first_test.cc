#include <doctest/doctest.h>

#include <future>

#include "http/client.h"
#include "http/router.h"
#include "http/server.h"

using namespace cube;
using namespace cube::http;

TEST_CASE("a call travels to the server and back") {
  Loop loop;
  loop.start();
  Router router;
  router.add("POST", "/tasks/{id}", [](const Request& r, const Params& p, auto responder) {
    responder->send({201, p.at("id") + ":" + r.body, "text/plain", {}});
  });
  auto server = Server::listen(loop, {}, [&](Request r, std::shared_ptr<Responder> responder) {
    router.handle(std::move(r), std::move(responder));
  });
  REQUIRE(server.ok());
  Client client(loop);
  for (int i = 0; i < 3; ++i) {
    std::promise<Result<Answer>> got;
    Call call;
    call.method = "POST";
    call.target = "/tasks/a%20b";
    call.body = "hello";
    client.call({{}, "127.0.0.1", (*server)->port()}, call,
                [&](Result<Answer> a) { got.set_value(std::move(a)); });
    auto answer = got.get_future().get();
    REQUIRE(answer.ok());
    CHECK(answer->status == 201);
    CHECK(answer->body == "a b:hello");
  }
  CHECK((*server)->connections() == 1);
}
