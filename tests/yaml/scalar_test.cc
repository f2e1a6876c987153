// The core schema of YAML 1.2, scalar by scalar.
#include "yaml/scalar.h"

#include <doctest/doctest.h>

namespace cube::yaml {
namespace {

using Kind = Scalar::Kind;

TEST_CASE("plain scalars mean what the core schema says") {
  struct Case {
    const char* text;
    Kind kind;
    const char* meaning;
  };
  const Case cases[] = {
      {"", Kind::null, ""},
      {"~", Kind::null, ""},
      {"null", Kind::null, ""},
      {"NULL", Kind::null, ""},
      {"nULL", Kind::text, "nULL"},
      {"true", Kind::boolean, "true"},
      {"True", Kind::boolean, "true"},
      {"FALSE", Kind::boolean, "false"},
      // Norway and its friends
      {"no", Kind::text, "no"},
      {"yes", Kind::text, "yes"},
      {"on", Kind::text, "on"},
      {"off", Kind::text, "off"},
      {"y", Kind::text, "y"},
      {"tRue", Kind::text, "tRue"},
      // Integers
      {"0", Kind::number, "0"},
      {"7777", Kind::number, "7777"},
      {"-12", Kind::number, "-12"},
      {"+12", Kind::number, "12"},
      {"007", Kind::number, "7"},
      {"000", Kind::number, "0"},
      {"0o17", Kind::number, "15"},
      {"0x1F", Kind::number, "31"},
      {"0xffffffffffffffff", Kind::number, "18446744073709551615"},
      {"0x10000000000000000", Kind::beyond, "0x10000000000000000"},
      {"0x", Kind::text, "0x"},
      {"0o8", Kind::text, "0o8"},
      {"0xfg", Kind::text, "0xfg"},
      {"1_000", Kind::text, "1_000"},
      {"1,000", Kind::text, "1,000"},
      {"99999999999999999999", Kind::number, "99999999999999999999"},
      // Reals
      {"1.5", Kind::number, "1.5"},
      {".5", Kind::number, "0.5"},
      {"-.5", Kind::number, "-0.5"},
      {"1.", Kind::number, "1.0"},
      {"01.50", Kind::number, "1.50"},
      {"1e3", Kind::number, "1e3"},
      {"1E+3", Kind::number, "1e3"},
      {"1.5e-3", Kind::number, "1.5e-3"},
      {"1e", Kind::text, "1e"},
      {".", Kind::text, "."},
      {"-", Kind::text, "-"},
      {"+", Kind::text, "+"},
      {"e3", Kind::text, "e3"},
      {".inf", Kind::beyond, ".inf"},
      {"-.INF", Kind::beyond, "-.INF"},
      {".nan", Kind::beyond, ".nan"},
      {"-.nan", Kind::text, "-.nan"},
      // What looks like more than a text in YAML 1.1
      {"10s", Kind::text, "10s"},
      {"1:30", Kind::text, "1:30"},
      {"2026-01-02", Kind::text, "2026-01-02"},
      {"7777/tcp", Kind::text, "7777/tcp"},
      {"1.2.3", Kind::text, "1.2.3"},
      {"512MiB", Kind::text, "512MiB"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const Scalar got = plain_scalar(c.text);
    CHECK(got.kind == c.kind);
    CHECK(got.text == c.meaning);
  }
}

}  // namespace
}  // namespace cube::yaml
