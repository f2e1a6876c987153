#include "api/json_reader.h"

#include <doctest/doctest.h>

#include "api/codec.h"
#include "base/rng.h"
#include "tests/support/rounds.h"

namespace cube::api {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string error_of(std::string_view json, const ReadLimits& limits = {}) {
  auto value = read_json(json, limits);
  return value ? "no error" : value.error().message;
}

TEST_CASE("malformed text is refused with its place") {
  struct {
    std::string_view json, message;
  } cases[] = {
      {"",
       "malformed JSON at line 1, column 1: unexpected end of input; "
       "expected '[', '{', or a literal"},
      {"{",
       "malformed JSON at line 1, column 2: unexpected end of input; "
       "expected string literal"},
      {"[1,\n2", "malformed JSON at line 2, column 2: unexpected end of input; expected ']'"},
      {"[1,]",
       "malformed JSON at line 1, column 4: unexpected ']'; "
       "expected '[', '{', or a literal"},
      {"nul", "malformed JSON at line 1, column 4: invalid literal"},
      {"{\"a\" 1}", "malformed JSON at line 1, column 6: unexpected number literal; expected ':'"},
      {"{} {}", "malformed JSON at line 1, column 4: unexpected '{'; expected end of input"},
      {"\"abc", "malformed JSON at line 1, column 5: invalid string: missing closing quote"},
      {"01",
       "malformed JSON at line 1, column 2: unexpected number literal; "
       "expected end of input"},
      {"[NaN]", "malformed JSON at line 1, column 2: invalid literal"},
      {"\"\xff\"", "malformed JSON at line 1, column 2: invalid string: ill-formed UTF-8 byte"},
      {"\"\xc0\x80\"", "malformed JSON at line 1, column 2: invalid string: ill-formed UTF-8 byte"},
      {"\"\xed\xa0\x80\"",
       "malformed JSON at line 1, column 3: invalid string: ill-formed UTF-8 byte"},
      {"1e400", "number out of range: 1e400"},
      {"{\"a\":[0,{\"b\":-1e999}]}", "a[1].b: number out of range: -1e999"},
      {"{\"a\":1,\"a\":2}", "duplicate key \"a\""},
      {"{\"a\":[0,{\"b\":1,\"b\":2}]}", "a[1]: duplicate key \"b\""},
      {"{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,\"2\":0}",
       "duplicate key \"2\""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.json);
    CHECK(error_of(c.json) == c.message);
  }
}

TEST_CASE("integers are exact, reals keep their digits") {
  auto list = read_json(
      "[0,-0,9223372036854775808,18446744073709551615,-9223372036854775808,"
      "18446744073709551616,1.50,true,null,\"x\"]");
  REQUIRE(list.ok());
  std::string all;
  for (const Value& v : *list->list()) all += v.describe() + " ";
  CHECK(all ==
        "0 0 9223372036854775808 18446744073709551615 -9223372036854775808 "
        "18446744073709551616 1.50 true null a string ");
  CHECK((*list->list())[3].integer()->magnitude == UINT64_MAX);
  CHECK((*list->list())[5].integer() == nullptr);  // no 64-bit integer: a real
}

TEST_CASE("any depth is answered; only up to the limit with yes") {
  for (std::string_view opening : {"[", "{\"a\":"}) {
    for (std::size_t depth : {10, 63, 64, 65, 1'000, 50'000, 1'000'000}) {
      CAPTURE(opening);
      CAPTURE(depth);
      bool list = opening == "[";
      std::string json =
          repeat(opening, depth) + (list ? "" : "1") + repeat(list ? "]" : "}", depth);
      std::string expected = depth <= 64 ? "no error" : "JSON nested deeper than 64";
      CHECK(error_of(json) == expected);
      CHECK(error_of(repeat(opening, depth)) != "no error");
      bool was_array = false;
      CHECK_FALSE(parse_submissions(json, was_array).ok());
      CHECK_FALSE(parse_report(json).ok());
      if (depth > 64) CHECK(pretty(json) == json);
    }
  }
}

TEST_CASE("the count of values is bounded when asked") {
  std::string list = "[0" + repeat(",0", 98) + "]";  // 99 zeros and the list
  CHECK(error_of(list, {.values_max = 100}) == "no error");
  CHECK(error_of(list, {.values_max = 99}) == "JSON with more than 99 values");
  auto refused = read_json(list, {.values_max = 99});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::too_large);
  CHECK(error_of("[" + repeat("[],", 500'000) + "0]") == "no error");
}

TEST_CASE("a long list is visited element by element") {
  auto visited = [](std::string_view json) {
    std::string seen;
    auto result = read_json_list(json, [&](std::size_t i, const Value& v) -> Result<void> {
      seen += std::to_string(i) + ":" + v.describe() + " ";
      if (v.is_null()) return Error{Code::invalid, "stop"};
      return {};
    });
    return seen + (result ? "" : result.error().message);
  };
  CHECK(visited("[]") == "");
  CHECK(visited("[1,[2,[3]],{\"a\":[4]},\"x\"]") == "0:1 1:a list 2:an object 3:a string ");
  CHECK(visited("[1,null,3]") == "0:1 1:null stop");
  CHECK(visited("{\"a\":[1]}") == "expected a list, got an object");
  CHECK(visited("null") == "");
  CHECK(visited("7") == "expected a list, got 7");
  CHECK(visited("[1,{\"a\":1,\"a\":1}]") == "0:1 [1]: duplicate key \"a\"");
  CHECK(visited("[1,") ==
        "0:1 malformed JSON at line 1, column 4: unexpected end of input; "
        "expected '[', '{', or a literal");
}

TEST_CASE("an object with very many members is checked for duplicates in good time") {
  std::string json = "{";
  for (int i = 0; i < 300'000; ++i) json += "\"" + std::to_string(i) + "\":0,";
  CHECK(error_of(json + "\"last\":0}") == "no error");
  CHECK(error_of(json + "\"7\":0}") == "duplicate key \"7\"");
}

TEST_CASE("messages stay short and printable whatever was sent") {
  std::string key(100'000, 'k');
  CHECK(error_of("{\"" + key + "\":1,\"" + key + "\":1}").size() < 120);
  CHECK(error_of("\"" + key).size() < 120);
  CHECK(error_of("1" + std::string(100'000, '0') + "e999").size() < 120);
  CHECK(error_of("\x1b[31m") == "malformed JSON at line 1, column 1: invalid literal");
}

TEST_CASE("random bytes and mutations never crash the reader") {
  const std::string good =
      R"({"Task":{"Name":"a","Cpu":0.5,"Env":["A=\u00e9\ud83d\ude00",true,null,-1e3]}})";
  constexpr int rounds = static_cast<int>(test::rounds(20'000));
  Rng rng(11);
  int refused = 0;
  for (int i = 0; i < rounds; ++i) {
    std::string json = good;
    for (std::uint64_t n = rng.below(4) + 1; n > 0; --n)
      json[rng.below(json.size())] = static_cast<char>(rng.below(256));
    if (!read_json(json).ok()) ++refused;
  }
  CHECK(refused > rounds / 2);
  CHECK(refused < rounds);
}

}  // namespace
}  // namespace cube::api
