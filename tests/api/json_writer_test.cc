#include "api/json_writer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "api/json_reader.h"
#include "base/rng.h"
#include "base/text.h"
#include "tests/support/rounds.h"

namespace cube::api {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("text is escaped, and repaired when it is no UTF-8") {
  using namespace std::string_view_literals;
  struct {
    std::string_view text, json;
  } cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"a\"b\\c/d", R"("a\"b\\c/d")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
      {"a\0b"sv, R"("a\u0000b")"},
      {"é€😀", R"("é€😀")"},
      {"a\xff", "\"a\xEF\xBF\xBD\""},
      {"\xc3", "\"\xEF\xBF\xBD\""},
      {"\xc0\x80x", "\"\xEF\xBF\xBD\xEF\xBF\xBDx\""},                // overlong
      {"\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // surrogate
      {"\xf4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (const auto& c : cases) CHECK(quoted(c.text) == c.json);
}

TEST_CASE("random bytes always give JSON, and valid text comes back the same") {
  constexpr int rounds = static_cast<int>(test::rounds(20'000));
  Rng rng(5);
  int kept = 0;
  for (int i = 0; i < rounds; ++i) {
    std::string text;
    for (std::uint64_t n = rng.below(8); n > 0; --n)
      text.push_back(static_cast<char>(rng.below(i % 2 == 0 ? 256 : 128)));
    auto value = read_json(quoted(text));
    REQUIRE(value.ok());
    if (is_valid_utf8(text)) {
      CHECK(*value->text() == text);
      ++kept;
    }
  }
  CHECK(kept > rounds / 2);
}

TEST_CASE("commas, numbers and nesting") {
  JsonWriter w;
  w.open_object();
  w.member("A", 1);
  w.key("B");
  w.open_list();
  w.integer(std::numeric_limits<std::int64_t>::min());
  w.integer(std::numeric_limits<std::uint64_t>::max());
  w.real(0.1);
  w.real(std::nan(""));
  w.null();
  w.open_object();
  w.close_object();
  w.open_list();
  w.close_list();
  w.close_list();
  w.key_text("c\"");
  w.boolean(false);
  w.close_object();
  CHECK(w.str() == R"({"A":1,"B":[-9223372036854775808,18446744073709551615,0.1,0,null,{},[]],)"
                   R"("c\"":false})");
}

TEST_CASE("thousandths are written exactly") {
  struct {
    std::int64_t n;
    std::string_view json;
  } cases[] = {{0, "0"},       {1, "0.001"},        {10, "0.01"},
               {500, "0.5"},   {1000, "1"},         {1250, "1.25"},
               {-500, "-0.5"}, {1'024'000, "1024"}, {100'001, "100.001"}};
  for (const auto& c : cases) {
    JsonWriter w;
    w.thousandths(c.n);
    CHECK(w.str() == c.json);
  }
}

}  // namespace
}  // namespace cube::api
