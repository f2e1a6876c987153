// The multiplexed log stream, cut into pieces in every way, and spoilt.

#include "runtime/log_frames.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace cube::runtime {
namespace {

std::string frame(char type, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string out = {type, 0, 0, 0};
  for (const unsigned shift : {24u, 16u, 8u, 0u}) out += static_cast<char>(size >> shift & 0xff);
  return out + text;
}

// "o:" and "e:" in front of each change of stream.
std::string read_in_pieces(const std::string& bytes, std::size_t piece) {
  LogFrames frames;
  std::string out;
  char last = 0;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto fed = frames.feed(std::string_view(bytes).substr(at, piece),
                                 [&](bool is_stderr, std::string_view data) {
                                   const char stream = is_stderr ? 'e' : 'o';
                                   if (stream != last) out += {stream, ':'};
                                   last = stream;
                                   out += data;
                                 });
    REQUIRE(fed.ok());
  }
  return out;
}

TEST_CASE("frames come out the same however they were cut") {
  const std::string bytes = frame(1, "hello\n") + frame(2, "oh") + frame(1, "") +
                            frame(2, " no\n") + frame(0, "in\n") + frame(1, std::string(300, 'x'));
  const std::string expected = "o:hello\ne:oh no\no:in\n" + std::string(300, 'x');
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CHECK(read_in_pieces(bytes, piece) == expected);
  }
}

TEST_CASE("a frame that is not complete is handed out as far as it goes") {
  LogFrames frames;
  std::string out;
  const auto fed = frames.feed(frame(1, "abcdef").substr(0, 11),
                               [&](bool, std::string_view data) { out += data; });
  CHECK(fed.ok());
  CHECK(out == "abc");
}

TEST_CASE("garbage is fatal, and stays so") {
  const std::vector<std::string> bad = {"plain text without any frame\n", frame(3, "x"),
                                        std::string("\x01\x01\0\0\0\0\0\1x", 9),
                                        std::string("\x01\0\0\0\x7f\xff\xff\xff", 8)};
  for (const std::string& bytes : bad) {
    LogFrames frames;
    const auto ignore = [](bool, std::string_view) {};
    const auto fed = frames.feed(bytes, ignore);
    REQUIRE(!fed.ok());
    CHECK(fed.error().code == Code::corrupt);
    CHECK(!frames.feed(frame(1, "good"), ignore).ok());
  }
}

TEST_CASE("a terminal's stream has no frames") {
  LogFrames frames(true);
  std::string out;
  CHECK(frames.feed("\x05 raw", [&](bool, std::string_view data) { out += data; }).ok());
  CHECK(out == "\x05 raw");
}

TEST_CASE("lines") {
  const std::string bytes = "one\r\n\ntwo\n0123456789too long\nthree\nrest";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    LineSplitter lines(10);
    std::string out;
    const auto take = [&](std::string_view line) { out += std::string(line) + "|"; };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      lines.feed(std::string_view(bytes).substr(at, piece), take);
    }
    CHECK(out == "one|two|three|");
    lines.finish(take);
    CHECK(out == "one|two|three|rest|");
  }
}

}  // namespace
}  // namespace cube::runtime
