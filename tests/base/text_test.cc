#include "base/text.h"

#include <doctest/doctest.h>

#include <array>
#include <optional>

#include "base/rng.h"

namespace cube {
namespace {

TEST_CASE("parse_bytes") {
  struct Case {
    std::string text;
    std::optional<std::int64_t> bytes;
  };
  constexpr std::int64_t mi = 1024 * 1024;
  const Case cases[] = {
      {"0", 0},
      {"1024", 1024},
      {"12 B", 12},
      {"10k", 10240},
      {"10K", 10240},
      {"10kB", 10240},
      {"512MiB", 512 * mi},
      {"512Mi", 512 * mi},
      {"512m", 512 * mi},
      {"512 mib", 512 * mi},
      {"1GiB", 1024 * mi},
      {"1.5 GB", 1536 * mi},
      {"0.5k", 512},
      {"1.3k", 1331},  // rounded down
      {"2TiB", 2 * mi * mi},
      {"9223372036854775807", INT64_MAX},
      {"8388607TiB", 8388607 * mi * mi},
      {"", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", 1},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"MiB", std::nullopt},
      {"1.MiB", std::nullopt},
      {".5MiB", std::nullopt},
      {"1.5", std::nullopt},  // half a byte
      {"1.5B", std::nullopt},
      {"1e3", std::nullopt},
      {"1XiB", std::nullopt},
      {"1iB", std::nullopt},
      {"1MiBB", std::nullopt},
      {"1.0000001MiB", std::nullopt},
      {"0x10", std::nullopt},
      {"9223372036854775808", std::nullopt},
      {"8388608TiB", std::nullopt},
      {"99999999999999999999999", std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto parsed = parse_bytes(c.text);
    CHECK(parsed.ok() == c.bytes.has_value());
    if (parsed && c.bytes) CHECK(*parsed == *c.bytes);
    if (!parsed) CHECK(parsed.error().code == Code::invalid);
  }
}

TEST_CASE("format_bytes rounds down and stays readable") {
  struct Case {
    std::int64_t bytes;
    std::string text;
  };
  constexpr std::int64_t mi = 1024 * 1024;
  const Case cases[] = {
      {0, "0 B"},
      {12, "12 B"},
      {1023, "1023 B"},
      {1024, "1 KiB"},
      {1536, "1.5 KiB"},
      {512 * mi, "512 MiB"},
      {512 * mi - 1, "511 MiB"},
      {310 * mi + 700'000, "310 MiB"},
      {1536 * mi, "1.5 GiB"},
      {1024 * mi - 1, "1023 MiB"},
      {mi * mi * 3, "3 TiB"},
      {INT64_MAX, "8388607 TiB"},
      {-1536, "-1.5 KiB"},
      {INT64_MIN, "-8388608 TiB"},
  };
  for (const Case& c : cases) CHECK(format_bytes(c.bytes) == c.text);
}

TEST_CASE("format_bytes is read back, never as more than it was") {
  Rng rng(2);
  for (int i = 0; i < 5000; ++i) {
    const auto bytes = static_cast<std::int64_t>(rng.next() >> (1 + rng.below(63)));
    const auto back = parse_bytes(format_bytes(bytes));
    REQUIRE(back.ok());
    CHECK(*back <= bytes);
    CHECK(*back >= bytes - bytes / 10);
  }
}

TEST_CASE("durations") {
  struct Case {
    std::string text;
    std::optional<Duration> value;
    const char* written;
  };
  const Case cases[] = {
      {"10s", 10s, "10s"},
      {"10", 10s, "10s"},
      {"0", 0s, "0s"},
      {"1.5", 1500ms, "1.5s"},
      {"1m30s", 90s, "1m30s"},
      {"90s", 90s, "1m30s"},
      {"500ms", 500ms, "500ms"},
      {"1.25ms", 1250us, "1.25ms"},
      {"7us", 7us, "7us"},
      {"7\xc2\xb5s", 7us, "7us"},
      {"2h", 2h, "2h"},
      {"1h0m5s", 3605s, "1h5s"},
      {"100h", 100h, "100h"},
      {"", std::nullopt, ""},
      {"s", std::nullopt, ""},
      {"-1s", std::nullopt, ""},
      {"1m30", std::nullopt, ""},
      {"10 s", std::nullopt, ""},
      {"1d", std::nullopt, ""},
      {"1.s", std::nullopt, ""},
      {"10sx", std::nullopt, ""},
      {"99999999999999h", std::nullopt, ""},
      {"2562047788h2562047788h", std::nullopt, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto parsed = parse_duration(c.text);
    CHECK(parsed.ok() == c.value.has_value());
    if (!parsed || !c.value) continue;
    CHECK(*parsed == *c.value);
    CHECK(format_duration(*parsed) == c.written);
  }
  CHECK(format_duration(-90s) == "-1m30s");
}

TEST_CASE("every duration is written so that it reads back") {
  Rng rng(4);
  for (int i = 0; i < 5000; ++i) {
    const Duration d(static_cast<std::int64_t>(rng.next() >> (1 + rng.below(63))));
    const auto back = parse_duration(format_duration(d));
    REQUIRE_MESSAGE(back.ok(), format_duration(d));
    CHECK(*back == d);
  }
}

TEST_CASE("format_ago speaks as docker does") {
  struct Case {
    Duration ago;
    std::string text;
  };
  const Case cases[] = {
      {-5s, "Less than a second ago"},
      {999ms, "Less than a second ago"},
      {1s, "1 second ago"},
      {59s, "59 seconds ago"},
      {60s, "About a minute ago"},
      {119s, "About a minute ago"},
      {2min, "2 minutes ago"},
      {59min, "59 minutes ago"},
      {60min, "About an hour ago"},
      {3h, "3 hours ago"},
      {47h, "47 hours ago"},
      {48h, "2 days ago"},
      {13 * 24h, "13 days ago"},
      {14 * 24h, "2 weeks ago"},
      {60 * 24h, "2 months ago"},
      {729 * 24h, "24 months ago"},
      {730 * 24h, "2 years ago"},
  };
  for (const Case& c : cases) CHECK(format_ago(c.ago) == c.text);
}

TEST_CASE("times") {
  struct Case {
    std::string text;
    const char* written;  // nullptr: refused
  };
  const Case cases[] = {
      {"2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.123456Z"},
      {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"},
      {"2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456Z"},
      {"2026-01-02t03:04:05.5z", "2026-01-02T03:04:05.500000Z"},
      {"2026-01-02T00:30:00+01:00", "2026-01-01T23:30:00.000000Z"},
      {"2026-12-31T23:30:00-01:30", "2027-01-01T01:00:00.000000Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"0000-05-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"0001-12-31T23:59:59Z", "0001-01-01T00:00:00Z"},
      {"0002-01-01T00:00:00Z", "0002-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
      {"9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z"},  // the last that is shown
      {"", nullptr},
      {"2026-01-02", nullptr},
      {"2026-01-02T03:04:05", nullptr},
      {"2026-01-02T03:04:05.Z", nullptr},
      {"2025-02-29T00:00:00Z", nullptr},
      {"2026-13-01T00:00:00Z", nullptr},
      {"2026-00-01T00:00:00Z", nullptr},
      {"2026-01-32T00:00:00Z", nullptr},
      {"2026-01-02T24:00:00Z", nullptr},
      {"2026-01-02T03:60:05Z", nullptr},
      {"2026-01-02T03:04:61Z", nullptr},
      {"2026-01-02T03:04:05+1:00", nullptr},
      {"2026-01-02T03:04:05ZZ", nullptr},
      {"26-01-02T03:04:05Z", nullptr},
      {"2026-1-2T03:04:05Z", nullptr},
      {"+026-01-02T03:04:05Z", nullptr},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto parsed = parse_time(c.text);
    CHECK(parsed.ok() == (c.written != nullptr));
    if (parsed && c.written != nullptr) CHECK(format_time(*parsed) == c.written);
  }
  CHECK(format_time(WallTime{INT64_MAX}) == "9999-12-31T23:59:59.999999Z");
  CHECK(format_time(WallTime{INT64_MIN}) == "0001-01-01T00:00:00Z");
}

TEST_CASE("every time between the years 2 and 9999 reads back") {
  Rng rng(6);
  for (int i = 0; i < 5000; ++i) {
    const auto us = static_cast<std::int64_t>(rng.below(253'402'300'800'000'000ULL)) -
                    static_cast<std::int64_t>(rng.below(62'000'000'000'000'000ULL));
    const auto back = parse_time(format_time(WallTime{us}));
    REQUIRE(back.ok());
    CHECK(back->us == us);
  }
}

TEST_CASE("nearest") {
  constexpr std::array<std::string_view, 5> words{"status", "stop", "node", "HealthCheck", "logs"};
  CHECK(nearest("stauts", words) == "status");
  CHECK(nearest("STOP", words) == "stop");
  CHECK(nearest("stp", words) == "stop");
  CHECK(nearest("healtcheck", words) == "HealthCheck");
  CHECK(nearest("nodes", words) == "node");
  CHECK(nearest("quux", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest(std::string(100'000, 's'), words).empty());
  CHECK(nearest("stop", {}).empty());
}

TEST_CASE("utf-8") {
  const std::string_view good[] = {
      "", "plain", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x90\xb3", "\xf4\x8f\xbf\xbf"};
  for (const auto text : good) CHECK(is_valid_utf8(text));
  const std::string_view bad[] = {
      "\x80",         "\xc3",    "\xc0\xaf",         "\xe0\x80\xaf",
      "\xed\xa0\x80", "\xff",    "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
      "a\xe2\x82",    "\xc3\x28"};
  for (const auto text : bad) CHECK(!is_valid_utf8(text));
}

TEST_CASE("printable leaves nothing that a terminal acts upon") {
  CHECK(printable("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xb3") == "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xb3");
  CHECK(printable("a\nb\tc\r") == "a b c ");
  CHECK(printable("\x1b[31m") == "\xef\xbf\xbd[31m");
  CHECK(printable("\x7f\xc2\x9b") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(printable("x\xff") == "x\xef\xbf\xbd");
  CHECK(printable("\xe2\x80\xae") == "\xef\xbf\xbd");  // right-to-left override
  Rng rng(8);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::uint64_t n = rng.below(30); n > 0; --n) text += static_cast<char>(rng.below(256));
    const std::string shown = printable(text);
    CHECK(is_valid_utf8(shown));
    CHECK(printable(shown) == shown);
    for (const char c : shown) CHECK(static_cast<unsigned char>(c) >= 0x20);
  }
}

TEST_CASE("join and comparison") {
  const std::string items[] = {"a", "", "c"};
  CHECK(join(items, ", ") == "a, , c");
  CHECK(join({}, ", ").empty());
  CHECK(equal_ignoring_case("HealthCheck", "healthcheck"));
  CHECK(!equal_ignoring_case("Health", "healthcheck"));
}

}  // namespace
}  // namespace cube
