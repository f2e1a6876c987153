// Files of YAML: what they become, and where their faults are.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "api/json_reader.h"
#include "yaml/document.h"

namespace cube::yaml {
namespace {

std::string place_of(const Document& document, std::string_view path) {
  const auto found = document.places.find(path);
  return found == document.places.end() ? "nowhere" : found->second.str();
}

// The documents, or the error.
std::string outcome(std::string_view text) {
  const auto documents = read_yaml(text);
  if (!documents.ok()) return documents.error().message;
  std::string out;
  for (const Document& d : *documents) out += (out.empty() ? "" : " ") + d.json;
  return out;
}

TEST_CASE("what a file becomes") {
  struct Case {
    std::string text, json;
  };
  const Case cases[] = {
      {"Name: web", R"({"Name":"web"})"},
      {"a: 1\nb: 1.50\nc: true\nd:\ne: ~\nf: no\n",
       R"({"a":1,"b":1.50,"c":true,"d":null,"e":null,"f":"no"})"},
      {"a: \"1\"\nb: 'true'\nc: \"~\"\n", R"({"a":"1","b":"true","c":"~"})"},
      {"a: [1, two, {b: c}]", R"({"a":[1,"two",{"b":"c"}]})"},
      {"a:\n- x\n- y: 1\n  z: 2\n", R"({"a":["x",{"y":1,"z":2}]})"},
      {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", R"({"a":"one\ntwo\n","b":"one two"})"},
      {"a: \"\\u00e4\\t\\\"\"", "{\"a\":\"\xC3\xA4\\t\\\"\"}"},
      // Keys are what is written
      {"7777: 80\ntrue: 1\n'null': 2\n", R"({"7777":80,"true":1,"null":2})"},
      {"7777/tcp: 8080", R"({"7777/tcp":8080})"},
      // Tags
      {"a: !!str 1\nb: !!int 2\nc: ! 3\nd: !!seq [1]\ne: !!map {f: 1}\n",
       R"({"a":"1","b":2,"c":"3","d":[1],"e":{"f":1}})"},
      // Aliases
      {"a: &x 1\nb: *x\n", R"({"a":1,"b":1})"},
      {"a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n",
       R"({"a":{"b":[1]},"c":{"b":[1]},"d":[{"b":[1]},{"b":[1]}]})"},
      {"a: &x name\n*x : 1\n", R"({"a":"name","name":1})"},
      // Merge keys: what is said here counts, then the earlier source
      {"a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", R"({"a":{"p":1,"q":2},"b":{"q":3,"p":1}})"},
      {"a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc:\n  <<: [*x, *y]\n  r: 3\n",
       R"({"a":{"p":1},"b":{"p":2,"q":2},"c":{"r":3,"p":1,"q":2}})"},
      {"a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}\n",
       R"({"a":{"p":1},"b":{"q":2,"p":1},"c":{"q":2,"p":1}})"},
      {"a: {<<: {p: 1}}\n", R"({"a":{"p":1}})"},
      {"a: {'<<': 1}\n", R"({"a":{"<<":1}})"},
      // Documents
      {"a: 1\n---\nb: 2\n", R"({"a":1} {"b":2})"},
      {"---\na: 1\n...\n---\n---\nb: 2\n---\n", R"({"a":1} {"b":2})"},
      {"a: 1\n...\nb: 2\n", R"({"a":1} {"b":2})"},
      {"--- {a: 1}\n--- {b: 2}\n...\n# end\n", R"({"a":1} {"b":2})"},
      {"- a: 1\n- b: 2\n", R"({"a":1} {"b":2})"},
      {"", ""},
      {"# nothing but words\n", ""},
      {"%YAML 1.2\n---\na: 1\n", R"({"a":1})"},
      {"a: 1\r\nb: 2\r\n", R"({"a":1,"b":2})"},
      {"\xEF\xBB\xBF"
       "a: 1",
       R"({"a":1})"},
      {"{\"a\": [1, 2.5, null, false, \"x\"]}", R"({"a":[1,2.5,null,false,"x"]})"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(outcome(c.text) == c.json);
  }
}

TEST_CASE("a fault is told with its line and column") {
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {"a: 1\na: 2\n", "2:1: duplicate key `a`; first at 1:1"},
      {"t:\n  a: 1\n  b: 2\n  a: 3\n", "4:3: duplicate key `a`; first at 2:3"},
      {"a: {x: 1, y: 2, x: 3}\n", "1:17: duplicate key `x`; first at 1:5"},
      {"b: 1\nc: 1\nc: 2\nb: 3\n", "3:1: duplicate key `c`; first at 2:1"},
      {"a: &x {p: 1}\nb:\n  <<: *x\n  <<: *x\n", "4:3: duplicate key `<<`; first at 3:3"},
      {"a: 1\n  b: 2\n", "2:4: malformed YAML: "},
      {"a: [1, 2\nb: 3\n", "malformed YAML"},
      {"a: 'x\n", "2:1: malformed YAML: a quoted text without its end"},
      {"a: \"x", "2:1: malformed YAML: a quoted text without its end"},
      {"a: 'x\n---\nb: 1'\n", "2:1: malformed YAML: illegal document indicator in scalar"},
      {"a: {b: 'x'\n", "malformed YAML: end of map flow not found"},
      {"\ta: 1\n", "1:3: malformed YAML"},
      {"a: *nobody\n", "1:4: malformed YAML: the referenced anchor is not defined"},
      {"a: &x [1, *x]\n", "1:11: an alias within what it stands for"},
      {"a: &x\n  <<: *x\n", "2:7: an alias within what it stands for"},
      {"a: 1\nb:\n  <<: 5\n", "3:3: what `<<` merges must be an object, or a list of them"},
      {"b:\n  <<: [5]\n", "2:8: what `<<` merges must be an object, or a list of them"},
      {"~: 1\n", "1:1: a key must be a text"},
      {"[1]: 1\n", "a key must be a text"},
      {"? {a: 1}\n: 1\n", "1:3: a key must be a text"},
      {"a: .inf\n", "1:1: `.inf` is a number that cannot be used here"},
      {"a: !!binary aGk=\n", "the tag `tag:yaml.org,2002:binary` does not fit here"},
      {"a: !!int x\n", "the tag `tag:yaml.org,2002:int` does not fit here"},
      {"a: !own {}\n", "the tag `!own` does not fit here"},
      {"a: 1\nb: \x01\n", "2:4: a control character"},
      {std::string("a: 1\nb: x\0y\n", 11), "2:5: a control character"},
      {"a: 1\nb: \xFF\n", "2:1: not UTF-8"},
      {std::string("\xFF\xFE"
                   "a\0:\0",
                   6),
       "1:4: a control character"},
      {"\"\",:m", "1:3: malformed YAML: the document is complete before this"},
      {",a", "1:1: malformed YAML: the document is complete before this"},
      {"--- ,\n", "1:5: malformed YAML: the document is complete before this"},
      {"{a: 1}\n{b: 2}\n", "2:1: malformed YAML: the document is complete before this"},
      {"{\"a\": 1}}\n", "malformed YAML"},
      {"a: 1\n---\nb: 1\nb: 2\n", "4:1: duplicate key `b`; first at 3:1"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const std::string got = outcome(c.text);
    CAPTURE(got);
    CHECK(got.find(c.message) != std::string::npos);
    CHECK(got.find("{\"") == std::string::npos);
  }
}

TEST_CASE("the places of everything") {
  const auto documents = read_yaml(
      "# web\n"
      "Name: web\n"
      "Task:\n"
      "  Image: echo\n"
      "  Env: [A=1,\n"
      "        B=2]\n"
      "  PortBindings:\n"
      "    7777/tcp: 8080\n"
      "---\n"
      "- Name: a\n");
  REQUIRE(documents.ok());
  REQUIRE(documents->size() == 2);
  const Document& web = documents->front();
  CHECK(web.begin.str() == "2:1");
  CHECK(place_of(web, "name") == "2:1");
  CHECK(place_of(web, "task") == "3:1");
  CHECK(place_of(web, "task.image") == "4:3");
  CHECK(place_of(web, "task.env[0]") == "5:9");
  CHECK(place_of(web, "task.env[1]") == "6:9");
  CHECK(place_of(web, "task.portbindings[\"7777/tcp\"]") == "8:5");
  CHECK(documents->back().begin.str() == "10:3");
  CHECK(place_of(documents->back(), "name") == "10:3");
}

TEST_CASE("an error finds its place, or that of what it should be in") {
  const auto documents = read_yaml("Name: web\nTask:\n  Image: echo\n  image: x\n  Envy: 1\n");
  REQUIRE(documents.ok());
  const Document& web = documents->front();
  const auto at = [&](const char* message) {
    return located({Code::invalid, message}, web).message;
  };
  CHECK(at("Task.Image: is odd") == "4:3: Task.Image: is odd");
  CHECK(at("Task.Image: given twice") == "4:3: Task.Image: given twice; first at 3:3");
  CHECK(at("Task.Cpu: is missing") == "2:1: Task.Cpu: is missing");
  CHECK(at("Task.Env: is missing") == "2:1: Task.Env: is missing");
  CHECK(at("Task.HealthCheck.Path: is odd") == "2:1: Task.HealthCheck.Path: is odd");
  CHECK(at("Replicas: is missing") == "1:1: Replicas: is missing");
  CHECK(at("something else") == "1:1: something else");
}

TEST_CASE("alias bombs are refused at once") {
  // A billion laughs, by lists and by merges.
  std::string laughs = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += fmt::format("a{0}: &a{0} [", i);
    for (int k = 0; k < 10; ++k) laughs += fmt::format("{}*a{}", k == 0 ? "" : ", ", i - 1);
    laughs += "]\n";
  }
  CHECK(outcome(laughs).find("more than 65536 values, aliases followed") != std::string::npos);

  // A long text, many times.
  std::string texts = "a: &a " + std::string(500'000, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) texts += "*a, ";
  CHECK(outcome(texts + "1]\n").find("too large with its aliases followed") != std::string::npos);

  // Deeper than any one list of the file.
  std::string deep = "a0: &a0 [1]\n";
  for (int i = 1; i < 100; ++i) deep += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  CHECK(outcome(deep).find("nested deeper than 64") != std::string::npos);

  std::string merges = "m0: &m0 {a: 1, b: 2, c: 3, d: 4}\n";
  for (int i = 1; i < 60; ++i)
    merges += fmt::format("m{0}: &m{0} {{<<: [*m{1}, *m{1}], k{0}: 1}}\n", i, i - 1);
  const std::string merged = outcome(merges);  // small: each key once
  CHECK(merged.starts_with("{\"m0\""));

  std::string sources = "m: &m {";
  for (int i = 0; i < 1000; ++i) sources += fmt::format("k{}: 1, ", i);
  sources += "k: 1}\nn: {<<: [";
  for (int i = 0; i < 1000; ++i) sources += "*m, ";
  CHECK(outcome(sources + "*m]}\n").find("values merged") != std::string::npos);
}

TEST_CASE("what is too large or too deep is refused") {
  CHECK(outcome("a: " + std::string(file_bytes_max, 'x')).find("larger than 1 MiB") !=
        std::string::npos);
  CHECK(outcome(std::string(100, '[') + std::string(100, ']')).find("nested deeper than 64") !=
        std::string::npos);
  for (const char* opener : {"[", "{", "- ", "[{a: ", "&a [", "!!seq ["}) {
    std::string unending;
    while (unending.size() < 100'000) unending += opener;
    const std::string got = outcome(unending);
    CAPTURE(opener);
    CAPTURE(got);
    CHECK(got.starts_with("1:"));
  }
  std::string many = "a: [";
  for (std::size_t i = 0; i <= values_max; ++i) many += "1,";
  CHECK(outcome(many + "1]").find("more than 65536 values") != std::string::npos);
}

}  // namespace
}  // namespace cube::yaml
