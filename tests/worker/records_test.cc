#include "worker/records.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "base/rng.h"

namespace cube::worker {
namespace {

Attempt sample() {
  Rng rng(7);
  Attempt a;
  a.key = a.status.key = {TaskId(rng.uuid()), 0x01020304};
  a.origin = Origin::local;
  a.want = Want::hold;
  a.created = {1'790'000'000'000'000};
  a.spec.name = "web";
  a.spec.image = "echo";
  a.status.restart = 3;
  a.status.observed = Observed::waiting;
  a.status.failure = Failure::oom;
  a.status.failures = 2;
  a.status.reason = "restart 3 in 4 s";
  a.backoff = {4, 2, 4100ms, {1'790'000'000'000'001}, StopFor::unhealthy, "status 500"};
  return a;
}

TEST_CASE("records round-trip") {
  const Attempt a = sample();
  Attempt back;
  REQUIRE(decode_asked(encode_asked(a), back).ok());
  REQUIRE(decode_observed(encode_observed(a), back).ok());
  CHECK(back.origin == a.origin);
  CHECK(back.want == a.want);
  CHECK(back.created == a.created);
  CHECK(back.spec == a.spec);
  CHECK(back.status == a.status);
  CHECK(back.backoff == a.backoff);

  Rng rng(8);
  const NodeRecord node{
      WorkerId(rng.uuid()), true, ManagerId(rng.uuid()), {3, 2, 1}, "boot", "n1", "default"};
  const auto read = decode_node(encode(node));
  REQUIRE(read.ok());
  CHECK(*read == node);
}

TEST_CASE("keys sort by task, then attempt, and read back") {
  const Attempt a = sample();
  const std::string lower = key(table_asked, a.key);
  const std::string higher = key(table_asked, {a.key.task, a.key.attempt + 1});
  CHECK(lower < higher);
  CHECK(lower.size() == 21);
  REQUIRE(parse_key(lower).ok());
  CHECK(*parse_key(lower) == a.key);
  CHECK_FALSE(parse_key(lower.substr(1)).ok());
  CHECK_FALSE(parse_key("").ok());
}

TEST_CASE("damaged records are errors, whichever byte is damaged") {
  const Attempt a = sample();
  for (const std::string& good : {encode_asked(a), encode_observed(a)}) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 0x10);
      Attempt into;
      CHECK_FALSE(
          (good == encode_asked(a) ? decode_asked(bad, into) : decode_observed(bad, into)).ok());
      CHECK_FALSE(decode_observed(good.substr(0, i), into).ok());
    }
  }
}

TEST_CASE("a field of another type or out of range is corrupt, not cut to fit") {
  const auto record = [](std::uint32_t tag, std::uint64_t value) {
    RecordWriter writer(1);
    writer.uint(tag, value);
    return std::move(writer).finish();
  };
  Attempt into;
  CHECK_FALSE(decode_observed(record(2, 1ULL << 32), into).ok());
  CHECK_FALSE(decode_observed(record(7, 1), into).ok());
  CHECK_FALSE(decode_observed(record(6, 4), into).ok());
  CHECK_FALSE(decode_asked(record(2, 9), into).ok());
  CHECK_FALSE(decode_node(record(7, 1)).ok());
}

TEST_CASE("a store that is damaged or of another kind is refused") {
  const Attempt a = sample();
  const auto load = [](std::vector<std::pair<std::string, std::string>> records) {
    return Worker::load({}, Rng(1), std::move(records)).ok();
  };
  const std::string asked = encode_asked(a), observed = encode_observed(a);
  CHECK(load({{key('a', a.key), asked}, {key('s', a.key), observed}}));
  CHECK_FALSE(load({{key('a', a.key), "x"}}));
  CHECK_FALSE(load({{key('z', a.key), asked}}));
  CHECK_FALSE(load({{key('s', a.key), observed}}));
  CHECK_FALSE(load({{"n", "x"}}));
  CHECK_FALSE(load({{"q", asked}}));
}

}  // namespace
}  // namespace cube::worker
