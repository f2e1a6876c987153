// Files of JSON: split into what they ask for, with places.
#include <doctest/doctest.h>

#include "yaml/document.h"

namespace cube::yaml {
namespace {

TEST_CASE("an object is one document, a list is several") {
  const auto one = read_json(" {\"Name\":\"web\", \"Task\": {\n  \"Env\": [\"A=1\"]}}\n");
  REQUIRE(one.ok());
  REQUIRE(one->size() == 1);
  CHECK(one->front().json == "{\"Name\":\"web\", \"Task\": {\n  \"Env\": [\"A=1\"]}}");
  CHECK(one->front().begin.str() == "1:2");
  CHECK(one->front().places.find("name")->second.str() == "1:3");
  CHECK(one->front().places.find("task.env[0]")->second.str() == "2:11");

  const auto two = read_json("[{\"a\": \"}\\\"\"},\n {\"b\": -1.5e3}]");
  REQUIRE(two.ok());
  REQUIRE(two->size() == 2);
  CHECK((*two)[0].json == "{\"a\": \"}\\\"\"}");
  CHECK((*two)[1].json == "{\"b\": -1.5e3}");
  CHECK((*two)[1].begin.str() == "2:2");
  CHECK((*two)[1].places.find("b")->second.str() == "2:3");
  CHECK(read_json("[]")->empty());
}

TEST_CASE("faults have their place") {
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {"{\"a\":1,\n \"a\":2}", "2:2: duplicate key `a`; first at 1:2"},
      {"{\"a\": }", "1:7: malformed JSON: "},
      {"{\"a\": 1", "malformed JSON"},
      {"{\n  \"a\": nul\n}", ": malformed JSON: invalid literal"},
      {"{\"a\": \"x", "malformed JSON"},
      {"", "malformed JSON"},
      {"{\"a\":1} {", "malformed JSON"},
      {std::string(100'000, '['), "nested deeper than 64"},
      {std::string(file_bytes_max + 1, ' '), "larger than 1 MiB"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text.substr(0, 40));
    const auto got = read_json(c.text);
    REQUIRE_FALSE(got.ok());
    CAPTURE(got.error().message);
    CHECK(got.error().message.find(c.message) != std::string::npos);
  }
}

}  // namespace
}  // namespace cube::yaml
