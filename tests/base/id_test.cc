#include "base/id.h"

#include <doctest/doctest.h>

#include <unordered_set>

#include "base/rng.h"

namespace cube {
namespace {

TEST_CASE("uuid texts") {
  struct Case {
    std::string text;
    const char* written;  // nullptr: refused
  };
  const Case cases[] = {
      {"bb1d59ef-9fc1-4e4b-a44d-db571eeed203", "bb1d59ef-9fc1-4e4b-a44d-db571eeed203"},
      {"BB1D59EF-9FC1-4E4B-A44D-DB571EEED203", "bb1d59ef-9fc1-4e4b-a44d-db571eeed203"},
      {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
      {"", nullptr},
      {"bb1d59ef", nullptr},
      {"bb1d59ef9fc14e4ba44ddb571eeed203", nullptr},
      {"bb1d59ef-9fc1-4e4b-a44d-db571eeed20", nullptr},
      {"bb1d59ef-9fc1-4e4b-a44d-db571eeed2033", nullptr},
      {"bb1d59ef-9fc1-4e4b-a44d-db571eeed20g", nullptr},
      {"bb1d59ef+9fc1-4e4b-a44d-db571eeed203", nullptr},
      {"bb1d59e-f9fc1-4e4b-a44d-db571eeed203", nullptr},
      {"{bb1d59ef-9fc1-4e4b-a44d-db571eeed2}", nullptr},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto uuid = Uuid::parse(c.text);
    CHECK(uuid.has_value() == (c.written != nullptr));
    if (uuid && c.written != nullptr) CHECK(uuid->str() == c.written);
  }
}

TEST_CASE("random uuids are version 4, differ, and read back") {
  Rng rng(1);
  std::unordered_set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    const Uuid uuid = rng.uuid();
    const std::string text = uuid.str();
    CHECK(text[14] == '4');
    CHECK(std::string("89ab").find(text[19]) != std::string::npos);
    CHECK(Uuid::parse(text) == uuid);
    CHECK(seen.insert(uuid).second);
  }
}

TEST_CASE("nil") {
  // Ordered as their text is.
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    Uuid a = rng.uuid();
    Uuid b = a;
    b.bytes[rng.below(16)] = static_cast<std::uint8_t>(rng.below(256));
    CHECK((a <=> b) == (a.str() <=> b.str()));
    CHECK((a == b) == (a.str() == b.str()));
  }
  CHECK(TaskId().is_nil());
  CHECK(!TaskId(Uuid::from_random(0, 0)).is_nil());
  CHECK(!TaskId::parse("nonsense"));
}

}  // namespace
}  // namespace cube
