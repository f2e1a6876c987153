// Where bodies end, however they are cut into pieces, and what of them is passed on.

#include <doctest/doctest.h>

#include "ingress/body.h"

using namespace cube::ingress;

namespace {

using Framing = BodyReader::Framing;

struct Outcome {
  std::string passed, rest;
  bool done = false, error = false;
};

// Feeds `bytes` in pieces of `piece`.
Outcome feed(BodyReader reader, std::string_view bytes, std::size_t piece) {
  Outcome out;
  std::string store;
  while (!bytes.empty() && !out.error && !reader.done()) {
    const auto part = bytes.substr(0, piece);
    const auto taken = reader.feed(part, store);
    out.passed += taken.pass;
    out.error = taken.error != nullptr;
    if (!out.error && !reader.done()) REQUIRE(taken.count == part.size());
    bytes.remove_prefix(taken.count);
  }
  out.rest = bytes;
  out.done = reader.done();
  return out;
}

void check(Framing framing, std::uint64_t length, bool unchunk, std::string_view bytes,
           std::string_view passed, std::string_view rest) {
  for (std::size_t piece = 1; piece <= bytes.size() + 1; ++piece) {
    CAPTURE(bytes);
    CAPTURE(piece);
    const auto out = feed(BodyReader(framing, length, unchunk), bytes, piece);
    CHECK_FALSE(out.error);
    CHECK(out.done);
    CHECK(out.passed == passed);
    CHECK(out.rest == rest);
  }
}

}  // namespace

TEST_CASE("a body of a given length") {
  check(Framing::length, 5, false, "helloGET", "hello", "GET");
  CHECK(BodyReader(Framing::length, 0).done());
  CHECK(BodyReader().done());
}

TEST_CASE("a body that ends with its connection") {
  const auto out = feed(BodyReader(Framing::until_close, 0), "anything at all", 4);
  CHECK(out.passed == "anything at all");
  CHECK_FALSE(out.done);
}

TEST_CASE("chunks go on as they came") {
  const std::string_view body = "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
  check(Framing::chunked, 0, false, std::string(body) + "GET", body, "GET");
  check(Framing::chunked, 0, false, "0\r\n\r\n", "0\r\n\r\n", "");
  check(Framing::chunked, 0, false, "003\r\na\r\n\r\n0\r\n\r\n", "003\r\na\r\n\r\n0\r\n\r\n", "");
}

TEST_CASE("extensions and trailers are dropped") {
  check(Framing::chunked, 0, false, "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\nX-Sum: 1\r\nY:\r\n\r\nG",
        "3\r\nabc\r\n0\r\n\r\n", "G");
}

TEST_CASE("chunks become plain bytes for who knows none") {
  check(Framing::chunked, 0, true, "3\r\nabc\r\n2;x\r\nde\r\n0\r\nX: y\r\n\r\nG", "abcde", "G");
}

TEST_CASE("wrong chunks are errors, however they are cut") {
  const std::string rows[] = {
      "\r\nabc\r\n",
      "xyz\r\n",
      "0x3\r\nabc\r\n",
      "-3\r\nabc\r\n",
      "+3\r\nabc\r\n",
      " 3\r\nabc\r\n",
      "3 \r\nabc\r\n",
      "3\t\r\nabc\r\n",
      "10000000000000003\r\nabc\r\n",
      "3\nabc\r\n",
      "3\rabc",
      "3;a=\"\n\"\r\nabc\r\n",
      "3;a\rb\r\nabc\r\n",
      std::string("3;a=\0\r\nabc\r\n", 12),
      "3\r\nabcd\r\n",
      "3\r\nabc\n0\r\n\r\n",
      "3\r\nabc\r0\r\n\r\n",
      "0\r\nContent-Length: 3\r\n\r\n",
      "0\r\ntransfer-encoding: x\r\n\r\n",
      "0\r\nX\r\n\r\n",
      "0\r\n X: y\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\n: y\r\n\r\n",
      "0\r\nX: y\nZ: a\r\n\r\n",
      "0\r\nX: y\r\n\n",
      "0\r\n\n",
      "3;" + std::string(5000, 'x') + "\r\n",
      "0\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n",
  };
  for (const auto& row : rows) {
    CAPTURE(row);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, row.size()}) {
      const auto out = feed(BodyReader(Framing::chunked, 0), row, piece);
      CHECK(out.error);
      CHECK_FALSE(out.done);
    }
  }
}

TEST_CASE("what goes on in one run is not copied") {
  std::string store;
  const std::string_view bytes = "5\r\nhello\r\n0\r\n\r\n";
  BodyReader reader(Framing::chunked, 0);
  const auto taken = reader.feed(bytes, store);
  CHECK(taken.pass.data() == bytes.data());
  CHECK(taken.pass.size() == bytes.size());
  CHECK(store.empty());
}

TEST_CASE("a body whose last line is broken is not done") {
  for (const std::size_t piece : {1, 2, 100}) {
    const auto out = feed(BodyReader(Framing::chunked, 0), "1\r\na\r\n0\r\nX: y\r\n\rz", piece);
    CHECK(out.error);
    CHECK_FALSE(out.done);
  }
}
