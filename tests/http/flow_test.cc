// Flow control: a slow reader holds up the writer, never loses a byte, and never makes much wait.

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "tests/http/support.h"

using namespace cube;
using namespace cube::http;
using namespace cube::http::testing;

namespace {

// Byte `at` of a long text that no shift or gap leaves unchanged.
char byte_at(std::size_t at) {
  return static_cast<char>('a' + (at + at / 4099) % 23);
}

std::string text_from(std::size_t at, std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = byte_at(at + i);
  return text;
}

// Writes `total` bytes, as a writer should that can wait. On the loop's thread.
struct PatientWriter : std::enable_shared_from_this<PatientWriter> {
  static constexpr std::size_t piece_bytes = 16 * 1024;

  void begin(Responder& responder) {
    body = responder.stream({200, "", "text/plain", {}});
    body->on_drained([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      ++self->drained;
      self->fill();
    });
    fill();
  }
  void fill() {
    while (body->waiting_bytes() <= limits::http_stream_high_water_bytes) {
      const std::size_t size = std::min(piece_bytes, total - written);
      if (size == 0) return body->close();
      if (!body->write(text_from(written, size))) return;
      written += size;
      most_waiting = std::max(most_waiting.load(), body->waiting_bytes());
    }
  }

  std::size_t total = 0;
  std::shared_ptr<Responder::Body> body;
  std::atomic<std::size_t> written = 0;
  std::atomic<std::size_t> most_waiting = 0;
  std::atomic<int> drained = 0;
};

// A client of one stream whose handle is used on the loop's thread.
struct StreamReader {
  StreamReader() { loop.start(); }
  ~StreamReader() {
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
  std::unique_ptr<Loop::Timer> timer;
  std::unique_ptr<CallHandle> handle;
};

}  // namespace

TEST_CASE("a slow reader gets every byte of 50 MB, and little waits for it") {
  auto writer = std::make_shared<PatientWriter>();
  writer->total = 50'000'000;
  RunningServer server([&](Request, std::shared_ptr<Responder> r) { writer->begin(*r); });
  auto peer = Peer::connect(server.port);
  peer.send("GET / HTTP/1.0\r\n\r\n");  // no chunks: the body is as it was written
  const auto head = peer.read_until("\r\n\r\n");
  REQUIRE(head.find("200 OK") != std::string::npos);
  const auto begun = head.substr(head.find("\r\n\r\n") + 4);  // it reads more than the head
  std::size_t got = begun.size();
  bool same = begun == text_from(0, got);
  char buffer[8192];
  while (got < writer->total) {
    const auto n = ::recv(peer.fd(), buffer, sizeof buffer, 0);
    if (n <= 0) break;
    const std::string_view piece(buffer, static_cast<std::size_t>(n));
    same = same && piece == text_from(got, piece.size());
    got += piece.size();
    // The rest is what waits here and what the kernel holds on both sides.
    if (got < 1'000'000) CHECK(writer->written < 20'000'000);
  }
  CHECK(got == writer->total);
  CHECK(same);
  CHECK(writer->drained > 10);
  CHECK(writer->most_waiting > limits::http_stream_high_water_bytes);
  CHECK(writer->most_waiting <= limits::http_stream_high_water_bytes + PatientWriter::piece_bytes);
}

TEST_CASE("a paused call reads no more than it has begun to read, a resumed one goes on") {
  constexpr std::size_t total = 20'000'000;
  constexpr std::size_t pause_every = 1'000'000;
  ScriptedServer server([](Peer& peer, int) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    peer.send(text_from(0, total));
  });
  StreamReader reader;
  std::size_t got = 0, while_paused = 0, most_while_paused = 0, pauses = 0;
  bool paused = false, same = true;
  std::promise<bool> ended;
  StreamHandlers on;
  on.on_data = [&](std::string_view bytes) {
    same = same && bytes == text_from(got, bytes.size());
    got += bytes.size();
    if (paused) {
      while_paused += bytes.size();
      most_while_paused = std::max(most_while_paused, while_paused);
    } else if (got / pause_every > pauses) {
      ++pauses;
      paused = true;
      while_paused = 0;
      reader.handle->pause();
      reader.handle->pause();  // twice is once
      // Time in which megabytes would come.
      reader.timer = reader.loop.after(10ms, [&] {
        paused = false;
        reader.handle->resume();
        reader.handle->resume();
      });
    }
  };
  on.on_end = [&](Result<void> end) { ended.set_value(end.ok()); };
  reader.on_loop([&] { reader.handle = reader.client.stream(server.endpoint(), {}, on); });
  auto end = ended.get_future();
  REQUIRE(end.wait_for(patience) == std::future_status::ready);
  CHECK(end.get());
  CHECK(got == total);
  CHECK(same);
  CHECK(pauses > 10);
  CHECK(most_while_paused <= 64 * 1024);
}

TEST_CASE("a call that is paused from its beginning still gets its head, and may be ended") {
  std::promise<void> closed;
  ScriptedServer server([&](Peer& peer, int n) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send(std::string(10'000, 'x'))) continue;
    if (n == 0) closed.set_value();
  });
  StreamReader reader;
  std::promise<int> head;
  StreamHandlers on;
  on.on_head = [&](const Answer& answer) { head.set_value(answer.status); };
  reader.on_loop([&] {
    reader.handle = reader.client.stream(server.endpoint(), {}, on);
    reader.handle->pause();
  });
  auto status = head.get_future();
  REQUIRE(status.wait_for(patience) == std::future_status::ready);
  CHECK(status.get() == 200);
  reader.on_loop([&] { reader.handle.reset(); });
  CHECK(closed.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("an aborted reply gives what was written and is seen to be cut off") {
  RunningServer server([](Request, std::shared_ptr<Responder> responder) {
    const auto body = responder->stream({200, "", "text/plain", {}});
    body->on_drained([] { FAIL("nothing was above the mark"); });
    body->write("some");
    body->abort();
    CHECK(!body->write("more"));
    body->close();  // changes nothing
  });
  auto peer = Peer::connect(server.port);
  peer.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(peer.read_all().ends_with("\r\n\r\n4\r\nsome\r\n"));
}

TEST_CASE("nothing is told after the end of a body that was above the mark") {
  std::atomic<int> told = 0;
  RunningServer server([&](Request, std::shared_ptr<Responder> responder) {
    const auto body = responder->stream({200, "", "text/plain", {}});
    body->on_drained([&told] { ++told; });
    body->write(std::string(limits::http_stream_high_water_bytes + 1, 'x'));
  });  // the body is gone here, and with it its callbacks
  auto peer = Peer::connect(server.port);
  peer.send("GET / HTTP/1.0\r\n\r\n");
  const auto reply = peer.read_all();
  CHECK(reply.size() > limits::http_stream_high_water_bytes);
  CHECK(reply.ends_with("xxx"));
  CHECK(told == 0);
}
