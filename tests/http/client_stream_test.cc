// Replies read piece by piece: order of callbacks, their end, hijacked connections, and silence
// after the handle is gone.

#include <doctest/doctest.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

// Everything a stream says, as one text: "head 200|data|end".
struct Listener {
  StreamHandlers handlers() {
    return {[this](const Answer& head) { add("head " + std::to_string(head.status) + "|"); },
            [this](std::string_view bytes) { add(std::string(bytes)); },
            [this](Result<void> end) { add(end ? "|end" : "|" + end.error().message); }};
  }
  void add(const std::string& more) {
    const std::lock_guard lock(mutex);
    text += more;
  }
  std::string said() {
    const std::lock_guard lock(mutex);
    return text;
  }
  bool says(const std::string& expected) {
    return eventually([&] { return said() == expected; });
  }

  std::mutex mutex;
  std::string text;
};

struct StreamingClient {
  StreamingClient() { loop.start(); }
  ~StreamingClient() { hang_up(); }

  void open(const Endpoint& endpoint, Call call, StreamHandlers handlers) {
    on_loop([&] { handle = client.stream(endpoint, std::move(call), std::move(handlers)); });
  }
  void hang_up() {
    on_loop([&] { handle.reset(); });
  }
  void on_loop(const std::function<void()>& f) {
    std::promise<void> done;
    loop.post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }

  Loop loop;
  Client client{loop};
  std::unique_ptr<CallHandle> handle;
};

}  // namespace

TEST_CASE("a stream gives its head at once, then what comes, then the end") {
  std::promise<void> first_seen;
  auto seen = first_seen.get_future().share();
  ScriptedServer server([seen](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    seen.wait();
    peer.send("3\r\none\r\n3\r\ntw");
    peer.send("o\r\n0\r\n\r\n");
  });
  StreamingClient c;
  Listener listener;
  c.open(server.endpoint(), {}, listener.handlers());
  CHECK(listener.says("head 200|"));
  first_seen.set_value();
  CHECK(listener.says("head 200|onetwo|end"));
}

TEST_CASE("the deadline of a stream is for its head alone") {
  std::promise<void> over;
  auto until = over.get_future().share();
  ScriptedServer server([until](Peer& peer, int n) {
    peer.read_until("\r\n\r\n");
    if (n == 0) peer.send("HTTP/1.1 200 OK\r\n\r\n");
    until.wait();
    peer.send("late");
  });
  StreamingClient c;
  Call call;
  call.deadline = 100ms;
  Listener first;
  c.open(server.endpoint(), call, first.handlers());
  CHECK(first.says("head 200|"));
  StreamingClient other;
  Listener second;
  other.open(server.endpoint(), call, second.handlers());
  // The second, without a head, ends after the same time that the first then has outlived.
  CHECK(second.says("|" + server.endpoint().str() + ": no answer within 100ms"));
  CHECK(first.said() == "head 200|");
  over.set_value();
  CHECK(first.says("head 200|late|end"));
}

TEST_CASE("a stream that is cut says so") {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  });
  StreamingClient c;
  Listener listener;
  c.open(server.endpoint(), {}, listener.handlers());
  CHECK(listener.says("head 200|one|" + server.endpoint().str() +
                      ": the connection was closed in the middle of the reply"));
}

TEST_CASE("a stream that cannot begin says so, after its handle is there") {
  StreamingClient c;
  Listener listener;
  c.open({"/nowhere/cube.sock", {}, 0}, {}, listener.handlers());
  CHECK(listener.says("|unix:///nowhere/cube.sock: no such socket"));
  Listener wrong;
  Call call;
  call.target = "/a b";
  c.open({"/nowhere/cube.sock", {}, 0}, call, wrong.handlers());
  CHECK(
      wrong.says("|unix:///nowhere/cube.sock: a method or path with a space or control character"));
}

TEST_CASE("hijacked connections give raw bytes until the end") {
  for (const std::string head :
       {"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"}) {
    std::mutex mutex;
    std::string request;
    ScriptedServer server([&](Peer& peer, int) {
      const std::lock_guard lock(mutex);
      request = peer.read_until("{}");
      peer.send(head + "raw ");
      peer.send("5\r\nbytes\r\n");
    });
    StreamingClient c;
    Listener listener;
    Call call;
    call.method = "POST";
    call.target = "/exec/x/start";
    call.body = "{}";
    call.hijack = true;
    c.open(server.endpoint(), call, listener.handlers());
    const std::string status = head.substr(9, 3);
    CHECK(listener.says("head " + status + "|raw 5\r\nbytes\r\n|end"));
    const std::lock_guard lock(mutex);
    CHECK(request.find("Connection: Upgrade\r\nUpgrade: tcp\r\n") != request.npos);
  }
}

TEST_CASE("a destroyed handle closes the connection and calls back no more") {
  std::promise<void> closed;
  ScriptedServer server([&closed](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send(std::string(1000, 'x'))) {
    }
    closed.set_value();
  });
  StreamingClient c;
  Listener listener;
  c.open(server.endpoint(), {}, listener.handlers());
  REQUIRE(eventually([&] { return listener.said().size() > 10'000; }));
  c.hang_up();
  const auto said = listener.said();
  CHECK(closed.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(listener.said() == said);
}

TEST_CASE("a handle may be destroyed in any of its own callbacks") {
  for (const std::string in : {"head", "data", "end"}) {
    CAPTURE(in);
    ScriptedServer server([](Peer& peer, int) {
      peer.read_until("\r\n\r\n");
      peer.send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    });
    StreamingClient c;
    Listener listener;
    auto handlers = listener.handlers();
    auto destroy_after = [&](auto call) {
      return [&, call](auto&&... args) {
        call(std::forward<decltype(args)>(args)...);
        c.handle.reset();
        listener.add("#");
      };
    };
    std::string expected;
    if (in == "head") {
      handlers.on_head = destroy_after(handlers.on_head);
      expected = "head 200|#";
    } else if (in == "data") {
      handlers.on_data = destroy_after(handlers.on_data);
      expected = "head 200|a#";
    } else {
      handlers.on_end = destroy_after(handlers.on_end);
      expected = "head 200|ab|end#";
    }
    c.open(server.endpoint(), {}, std::move(handlers));
    CHECK(listener.says(expected));
    c.hang_up();
    CHECK(listener.said() == expected);
  }
}

TEST_CASE("our server's streams are read by our client, and a hang-up is seen there") {
  std::atomic<bool> gone = false;
  std::mutex mutex;
  std::shared_ptr<Responder::Body> body;
  RunningServer running([&](Request, std::shared_ptr<Responder> responder) {
    auto opened = responder->stream({200, "", "text/plain", {}});
    opened->on_gone([&] { gone = true; });
    opened->write("hello");
    const std::lock_guard lock(mutex);
    body = std::move(opened);
  });
  StreamingClient c;
  Listener listener;
  c.open(running.endpoint(), {}, listener.handlers());
  CHECK(listener.says("head 200|hello"));
  c.hang_up();
  CHECK(eventually([&] { return gone.load(); }));
}
