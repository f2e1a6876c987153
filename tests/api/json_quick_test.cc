// What the quick reader takes, the careful one takes too, and both read the same.

#include "api/json_quick.h"

#include <doctest/doctest.h>

#include "api/codec.h"
#include "base/rng.h"
#include "tests/api/random_task.h"
#include "tests/support/rounds.h"

namespace cube::api {
namespace {

// All of a value in words, with what a number was written like.
std::string dump(const Value& v) {
  std::string out;
  if (const auto* i = v.integer()) {
    return (i->negative ? "-" : "") + std::to_string(i->magnitude) + "i";
  }
  if (const auto* r = v.real()) return r->text + "r" + std::to_string(r->number);
  if (v.text() != nullptr) return "\"" + *v.text() + "\"";
  if (v.list() != nullptr) {
    for (const Value& item : *v.list()) out += dump(item) + ",";
    return "[" + out + "]";
  }
  if (v.object() != nullptr) {
    for (const Member& m : *v.object()) out += m.key + ":" + dump(m.value) + ",";
    return "{" + out + "}";
  }
  return v.describe();
}

// Whether the quick reader took it.
bool check_same(std::string_view text, const ReadLimits& limits = {}) {
  const auto plain = read_plain_json(text, limits);
  if (!plain) return false;
  const auto careful = read_json_carefully(text, limits);
  CAPTURE(text);
  REQUIRE(careful.ok());
  CHECK(dump(*plain) == dump(*careful));
  return true;
}

TEST_CASE("plain JSON is read quickly, and the same") {
  for (std::string_view text : {"null",
                                "true",
                                "false",
                                "0",
                                "-0",
                                "-7",
                                "123456789012345678",
                                "1.5",
                                "-0.25",
                                "0.1",
                                "1234567.0078125",
                                "\"\"",
                                "\"a b\"",
                                R"("\"\\\/\b\f\n\r\t")",
                                "[]",
                                "{}",
                                "[[],{}]",
                                " [ 1 , 2 ] ",
                                "{\"a\":{\"b\":[1,\"x\",null]},\"c\":\"\"}",
                                "\t{\"k\" : 1}\r\n"}) {
    CHECK(check_same(text));
  }
}

TEST_CASE("what is wrong, or not plain, is left to the careful reader") {
  for (std::string_view text : {"",
                                " ",
                                "nul",
                                "nulll",
                                "01",
                                "-",
                                "1.",
                                ".5",
                                "1e5",
                                "1.5e3",
                                "1234567890123456789",
                                "\"",
                                "\"\\u0041\"",
                                "\"\\x\"",
                                "\"\x01\"",
                                "\"\xc3\xa9\"",
                                "\x7f",
                                "[",
                                "[1",
                                "[1,]",
                                "[,]",
                                "{",
                                "{\"a\"}",
                                "{\"a\":}",
                                "{\"a\":1,}",
                                "{a:1}",
                                "{\"a\":1,\"a\":2}",
                                "1 2",
                                "[1]]"}) {
    CAPTURE(text);
    CHECK_FALSE(read_plain_json(text, {}).has_value());
  }
  CHECK_FALSE(read_plain_json("[[1]]", {.depth_max = 1}).has_value());
  CHECK(check_same("[[1]]", {.depth_max = 2}));
  CHECK_FALSE(read_plain_json("[1,2]", {.values_max = 2}).has_value());
  CHECK(check_same("[1,2]", {.values_max = 3}));
}

TEST_CASE("tasks, whole and damaged, are read the same by both") {
  Rng rng(7);
  constexpr int rounds = static_cast<int>(test::rounds(3000));
  int taken = 0, refused = 0;
  for (int i = 0; i < rounds; ++i) {
    Task task = random_task(rng);
    if (i % 2 == 0) {  // a plain one
      task = {};
      task.spec.edit().image = "app";
      task.spec.edit().cpu_milli = static_cast<std::int64_t>(rng.below(5000));
      task.spec.edit().env = {"A=b c", "D=\"e\""};
      task.revision = rng.below(1 << 20);
    }
    std::string text = task_json(task);
    for (std::uint64_t n = rng.below(3); n > 0; --n) {
      static constexpr std::string_view bytes = "\"\\{}[]:,0.9-eaunt \n\x01\x80";
      const auto at = rng.below(text.size());
      if (rng.below(2) == 0) {
        text[at] = bytes[rng.below(bytes.size())];
      } else {
        text.erase(at, 1 + rng.below(3));
      }
    }
    ++(check_same(text) ? taken : refused);
  }
  CHECK(taken > rounds / 30);
  CHECK(refused > rounds / 30);
}

}  // namespace
}  // namespace cube::api
