#include "base/bytes.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/rng.h"

namespace cube {
namespace {

constexpr std::uint8_t version = 7;

// A record with one field of each kind, and the numbers at the edges.
std::string sample() {
  RecordWriter out(version);
  out.uint(1, 1);
  out.uint(2, UINT64_MAX);
  out.uint(3, 0);  // takes no room
  out.sint(4, INT64_MIN);
  out.sint(5, -1);
  out.bytes(6, "text");
  out.bytes(7, "");  // takes no room
  out.bytes_always(8, "");
  out.uint(UINT32_MAX, 300);
  return std::move(out).finish();
}

// Reads to the end or to an error; the tags that were seen.
Result<std::vector<std::uint32_t>> tags(std::string_view record) {
  auto reader = RecordReader::open(record, version);
  if (!reader) return reader.error();
  std::vector<std::uint32_t> seen;
  RecordReader::Field field;
  for (;;) {
    const auto more = reader->next(field);
    if (!more) return more.error();
    if (!*more) return seen;
    seen.push_back(field.tag);
  }
}

// `body` with a right checksum behind it: what a writer with another mind could have written.
std::string sealed(std::string body) {
  const std::uint32_t crc = crc32c(body);
  for (unsigned shift = 0; shift < 32; shift += 8) body.push_back(static_cast<char>(crc >> shift));
  return body;
}

TEST_CASE("crc32c has the check value of its definition") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
}

TEST_CASE("fields come back in order, with their values") {
  const std::string record = sample();
  auto reader = RecordReader::open(record, version);
  REQUIRE(reader.ok());
  RecordReader::Field f;
  const auto next = [&] {
    const auto more = reader->next(f);
    REQUIRE(more.ok());
    return *more;
  };
  REQUIRE(next());
  CHECK((f.tag == 1 && !f.is_bytes && f.number == 1));
  REQUIRE(next());
  CHECK((f.tag == 2 && f.number == UINT64_MAX));
  REQUIRE(next());
  CHECK((f.tag == 4 && f.sint() == INT64_MIN));
  REQUIRE(next());
  CHECK((f.tag == 5 && f.sint() == -1));
  REQUIRE(next());
  CHECK((f.tag == 6 && f.is_bytes && f.bytes == "text"));
  REQUIRE(next());
  CHECK((f.tag == 8 && f.is_bytes && f.bytes.empty()));
  REQUIRE(next());
  CHECK((f.tag == UINT32_MAX && f.number == 300));
  CHECK(!next());
}

TEST_CASE("every prefix of a record is corrupt") {
  const std::string record = sample();
  for (std::size_t bytes = 0; bytes < record.size(); ++bytes) {
    CAPTURE(bytes);
    const auto read = tags(std::string(record, 0, bytes));
    REQUIRE(!read.ok());
    CHECK(read.error().code == Code::corrupt);
  }
  CHECK(tags(record).ok());
}

TEST_CASE("every flipped bit is found") {
  const std::string record = sample();
  for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
    CAPTURE(bit);
    std::string damaged = record;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK(!tags(damaged).ok());
  }
}

TEST_CASE("another version is told apart from damage") {
  RecordWriter out(version + 1);
  const auto read = tags(std::move(out).finish());
  REQUIRE(!read.ok());
  CHECK(read.error().message == "record has format version 8, this program reads 7");
}

TEST_CASE("malformed fields behind a right checksum are corrupt") {
  const std::string v(1, static_cast<char>(version));
  const std::string cases[] = {
      v + "\x80",                                            // key cut short
      v + std::string(11, '\x80'),                           // key without an end
      v + "\x02",                                            // value missing
      v + "\x03\x05" + "abc",                                // longer than what is left
      v + "\x02" + std::string(9, '\xff') + "\x02",          // 65 bits
      v + std::string(9, '\xff') + std::string("\x01\x01"),  // tag past 32 bits
      v + "\x03" + std::string(9, '\xff') + "\x01" + "abc",  // a length of 2^64 - 1
  };
  for (const std::string& body : cases) {
    const auto read = tags(sealed(body));
    REQUIRE(!read.ok());
    CHECK(read.error().code == Code::corrupt);
  }
  CHECK(tags(sealed(v)).ok());  // no field at all
}

TEST_CASE("random bytes never do worse than an error") {
  Rng rng(17);
  for (int i = 0; i < 20'000; ++i) {
    std::string body(1, static_cast<char>(version));
    for (std::uint64_t n = rng.below(40); n > 0; --n) {
      body.push_back(static_cast<char>(rng.below(256)));
    }
    const auto read = tags(sealed(body));
    if (!read) CHECK(read.error().code == Code::corrupt);
  }
}

}  // namespace
}  // namespace cube
